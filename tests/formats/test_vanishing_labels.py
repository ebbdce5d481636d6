"""Labels never vanish: what could silently become images without a box is an error, or is said."""

import json

import numpy as np
import pytest
from support.format_images import make_images

from fractura.core.errors import DataError
from fractura.formats import read_dataset
from fractura.formats.tfrecord.example import encode_example
from fractura.formats.tfrecord.frames import write_frame

OBJECT = "<object><name>a</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>31</xmax><ymax>42</ymax></bndbox></object>"
VOC = "<annotation><filename>{name}</filename><size><width>120</width><height>90</height></size>{inside}</annotation>"
TABLE = "filename,class,xmin,ymin,xmax,ymax\n"
ROW = "image 0.png,a,1,2,31,42\n"
BOX = {"label": "a", "coordinates": {"x": 16, "y": 22, "width": 30, "height": 40}}


def voc(folder, number, inside, name=None):
    text = VOC.format(name=name or f"image {number}.png", inside=inside)
    (folder / f"image {number}.xml").write_text(text, encoding="utf-8")


def write_json(folder, document, name="a.json"):
    (folder / name).write_text(json.dumps(document), encoding="utf-8")


def coco(count=1, **more):
    return {
        "images": [{"id": n, "file_name": f"image {n}.png"} for n in range(count)],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [1, 2, 30, 40]}],
        "categories": [{"id": 1, "name": "a"}],
        **more,
    }


def yolo(folder, files, names="names: [a]\n"):
    (folder / "labels").mkdir()
    (folder / "data.yaml").write_text(names, encoding="utf-8")
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        (f"<objects>{OBJECT}</objects>", "has <objects> in the root"),
        (f"<Objects>{OBJECT}</Objects>", "has <Objects> in the root"),
        (f"<outputs>{OBJECT}</outputs>", "has <object> in <outputs>"),
        (f"<outputs><item>{OBJECT}</item></outputs>", "has <object> in <item>"),
        (OBJECT.replace("object", "Object"), "has <Object> in the root"),
        ("<bndbox><xmin>1</xmin></bndbox>", "has <bndbox> in the root"),
        (f"{OBJECT}<more>{OBJECT}</more>", "has <object> in <more>"),
    ],
)
def test_voc_with_boxes_in_another_place(inside, said, tmp_path):
    make_images(tmp_path, 1)
    voc(tmp_path, 0, inside)
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(tmp_path)
    assert caught.value.place == "line 1"


def test_parts_of_an_object_are_no_boxes(tmp_path):
    make_images(tmp_path, 1)
    part = "<part><name>hand</name><bndbox><xmin>5</xmin></bndbox></part></object>"
    voc(tmp_path, 0, OBJECT.replace("</object>", part))
    assert read_dataset(tmp_path).records[0].boxes.xyxy.tolist() == [[1, 2, 31, 42]]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({key: value for key, value in coco().items() if key != "annotations"}, "has no list 'annotations'"),
        ([{"image": "image 0.png"}], "no image has a list 'annotations'"),
        ([{"image": "image 0.png", "annotations": None}], "no image has a list 'annotations'"),
        (coco(annotations=[{"id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]), "its image_id must be"),
    ],
)
@pytest.mark.parametrize("on_error", ["stop", "skip", "skip-all"])
def test_json_that_names_images_and_not_what_is_on_them(document, said, on_error, tmp_path):
    make_images(tmp_path, 1)
    write_json(tmp_path, document)
    with pytest.raises(DataError, match=said):
        read_dataset(tmp_path, on_error=on_error)


@pytest.mark.parametrize("place", ["labelTxt", "txt", "labels/train"])
def test_yolo_whose_text_files_lie_elsewhere(place, tmp_path):
    make_images(tmp_path / "images", 2)
    yolo(tmp_path, {"classes.txt": "a\n"})
    (tmp_path / place).mkdir(exist_ok=True, parents=True)
    (tmp_path / place / "image 0.txt").write_text("0 0.5 0.5 0.25 0.2\n")
    with pytest.raises(DataError, match="none of the 2 images has a text file; looked for") as caught:
        read_dataset(tmp_path, on_error="skip-all")
    assert str(tmp_path / "labels" / "image 0.txt") in caught.value.problem
    assert str(tmp_path / place) in caught.value.hint


def test_yolo_whose_text_files_lie_next_to_the_images_beside_an_empty_folder(tmp_path):
    make_images(tmp_path / "images", 2)
    yolo(tmp_path, {"images/image 0.txt": "0 0.5 0.5 0.25 0.2\n", "images/image 1.txt": ""})
    assert [len(record.boxes) for record in read_dataset(tmp_path)] == [1, 0]


def test_yolo_where_one_split_has_no_text_file(tmp_path):
    for split in ("train", "val"):
        make_images(tmp_path / "images" / split, 1 if split == "train" else 3)
    yolo(tmp_path, {}, "names: [a]\ntrain: images/train\nval: images/val\n")
    (tmp_path / "labels" / "train").mkdir()
    (tmp_path / "labels" / "train" / "image 0.txt").write_text("0 0.5 0.5 0.25 0.2\n")
    with pytest.raises(DataError, match="none of the 3 images of val has a text file"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("line", "box"),
    [
        ("0 0.1 0.2 0.3 0.2 0.3 0.4 0.1 0.4", [12, 18, 36, 36]),  # an outline, or a turned box of Ultralytics
        ("0 0.2 0.1 0.3 0.3 0.1 0.3", [12, 9, 36, 27]),
        ("0 0.1 0.1 0.2 0.1 0.2 0.2 0.2 0.3 0.1 0.3", [12, 9, 24, 27]),
        ("12 18 36 18 36 36 12 36 a 0", [12, 18, 36, 36]),  # DOTA
        ("12 18 36 18 36 36 12 36 a", [12, 18, 36, 36]),
    ],
)
def test_outlines_and_turned_boxes_become_the_box_around_them(line, box, tmp_path):
    make_images(tmp_path / "images", 1)
    yolo(tmp_path, {"labels/image 0.txt": f"{line}\n"})
    problems = []
    data = read_dataset(tmp_path, problems=problems)
    np.testing.assert_allclose(data.records[0].boxes.xyxy, [box], atol=1e-4)
    assert ["1 lines are outlines or turned boxes" in str(each) for each in problems] == [True]


def test_tfrecord_with_boxes_under_other_names(tmp_path):
    (record,) = make_images(tmp_path, 1)
    image = {"image/encoded": record.image.read_bytes(), "image/filename": b"a.png"}
    with (tmp_path / "a.tfrecord").open("wb") as stream:
        write_frame(stream, encode_example({**image, "objects/bbox": np.array([0.1, 0.1, 0.5, 0.5], np.float32)}))
    with pytest.raises(DataError, match=r"looked for in 'image/object/bbox/…', but it has 'objects/bbox'"):
        read_dataset(tmp_path / "a.tfrecord")


@pytest.mark.parametrize("last", ["image 0.png,a,1,2,31\n", "image 0.png,,1,2,31,42\n", "image 0.png,a,1,2,x,42\n"])
def test_a_bad_row_takes_its_whole_image_along(last, tmp_path):
    make_images(tmp_path, 12, sizes=((120, 90),))
    rows = "".join(f"image {number}.png,a,1,2,31,42\n" for number in range(12))
    (tmp_path / "a.csv").write_text(TABLE + rows + last, encoding="utf-8")
    data = read_dataset(tmp_path, on_error="skip", problems=[])
    assert len(data) == 11
    assert "image 0.png" not in {record.name for record in data}


def test_rows_of_one_missing_image_count_once(tmp_path):
    make_images(tmp_path, 9, sizes=((120, 90),))
    rows = "".join(f"image {number}.png,a,1,2,31,42\n" for number in range(9))
    (tmp_path / "a.csv").write_text(
        TABLE + rows + "image 9.png,a,1,2,31,42\n" * 5 + "image 10.png,,,,,\n", encoding="utf-8"
    )
    assert len(read_dataset(tmp_path, on_error="skip", problems=[])) == 9


def test_a_table_that_breaks_off_is_refused(tmp_path):
    make_images(tmp_path, 1)
    (tmp_path / "a.csv").write_text(f'{TABLE}{ROW}"image 0.png,a,5,5', encoding="utf-8")
    with pytest.raises(DataError, match="is not CSV"):
        read_dataset(tmp_path / "a.csv", on_error="skip-all")


def coco_twice(folder):
    ids = (*range(12), 99)
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 30, 40]} for n in ids]
    images = [{"id": n, "file_name": f"image {n % 99}.png"} for n in ids]
    write_json(folder, coco(images=images, annotations=boxes))


def createml_twice(folder):
    write_json(folder, [{"image": f"image {n}.png", "annotations": [BOX]} for n in (*range(12), 0)])


def voc_twice(folder):
    for number in range(12):
        voc(folder, number, OBJECT)
    voc(folder, 99, OBJECT, "image 0.png")


def voc_for_a_broken_file(folder):
    voc_twice(folder)
    (folder / "image 0.xml").write_text("<annotation")


@pytest.mark.parametrize("twice", [coco_twice, createml_twice, voc_twice, voc_for_a_broken_file])
def test_an_image_that_is_described_twice_is_left_out(twice, tmp_path):
    make_images(tmp_path, 12, sizes=((120, 90),))
    twice(tmp_path)
    with pytest.raises(DataError):
        read_dataset(tmp_path)
    data = read_dataset(tmp_path, on_error="skip", problems=[])
    assert {record.name for record in data} == {f"image {n}.png" for n in range(1, 12)}


def test_skip_stops_where_over_a_tenth_of_the_images_with_boxes_would_go(tmp_path):
    make_images(tmp_path, 20, sizes=((120, 90),))
    for number in range(20):
        voc(tmp_path, number, OBJECT if number < 10 else "")
    for number in (15, 16, 17):  # images without a box may go
        (tmp_path / f"image {number}.png").unlink()
    (tmp_path / "image 0.png").write_bytes(b"no picture")
    assert len(read_dataset(tmp_path, on_error="skip-all", problems=[])) == 16
    (tmp_path / "image 1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"2 of 10 images with boxes would be left out") as caught:
        read_dataset(tmp_path, on_error="skip", problems=[])
    assert "--on-error skip-all" in caught.value.hint
    assert len(read_dataset(tmp_path, on_error="skip-all", problems=[])) == 15


SMALL = {"label": "a", "coordinates": {"x": 0.5, "y": 0.5, "width": 0.2, "height": 0.1}}


@pytest.mark.parametrize(
    "content",
    [
        coco(annotations=[{"id": 1, "image_id": 0, "category_id": 1, "bbox": [0.1, 0.2, 0.3, 0.4]}]),
        [{"image": "image 0.png", "annotations": [SMALL]}],
    ],
    ids=["coco", "createml"],
)
def test_fractions_are_not_taken_as_pixels(content, tmp_path):
    make_images(tmp_path, 1)
    write_json(tmp_path, content)
    with pytest.raises(DataError, match="all 1 boxes lie within the first pixel"):
        read_dataset(tmp_path)


def test_images_that_are_not_listed_are_counted(tmp_path):
    make_images(tmp_path, 6)
    write_json(tmp_path, coco())
    problems = []
    assert len(read_dataset(tmp_path, problems=problems)) == 1
    assert "5 images are not listed and are not used: image 1.png, image 2.png, image 3.png, …" in str(problems[0])
