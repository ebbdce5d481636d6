"""What readers say of the data they take or refuse: counts, names and places are right, also at their limits."""

import json

import pytest
from support.format_images import make_dataset, make_images

from fractura.core.errors import DataError
from fractura.formats import read_dataset
from fractura.formats.assembly import some_of, split_of
from fractura.formats.coco import an_id, coco_bytes

TUTORIAL = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def read_rows(folder, *rows, header=TUTORIAL, **options):
    (folder / "a.csv").write_text(header + "".join(f"{row}\n" for row in rows))
    problems = []
    return read_dataset(folder / "a.csv", problems=problems, **options), [str(each) for each in problems]


def read_document(folder, images, annotations, categories, **options):
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "c.json").write_text(json.dumps(document))
    problems = []
    return read_dataset(folder / "c.json", problems=problems, **options), problems


def coco_images(count):
    return [{"id": 10 + number, "file_name": f"image {number}.png"} for number in range(count)]


def coco_box(image, category=1, **more):
    return {"image_id": image, "category_id": category, "bbox": [1, 2, 10, 20], **more}


A = [{"id": 1, "name": "a"}]


@pytest.mark.parametrize(
    ("names", "text"), [(["a"], "a"), (["a", "b", "c"], "a, b, c"), (["a", "b", "c", "d"], "a, b, c, …")]
)
def test_three_names_stand_for_more(names, text):
    assert some_of(names) == text


def test_words_for_splits():
    words = {"train": "train training TRAIN", "val": "val valid validation dev", "test": "test testing"}
    assert {split: {split_of(f" {word} ") for word in these.split()} for split, these in words.items()} == {
        split: {split} for split in words
    }
    assert split_of("trains") is None


def test_images_that_are_not_listed_are_counted_and_named(tmp_path):
    make_images(tmp_path, 5)
    _, [said] = read_rows(tmp_path, "image 4.png,120,90,a,1,2,30,40")
    assert "4 images are not listed and are not used: image 0.png, image 1.png, image 2.png, …" in said
    _, said = read_rows(tmp_path, *(f"image {n}.png,,,a,1,2,30,40" for n in range(5)))
    assert said == []


def test_boxes_that_are_cut_are_counted_with_how_far_and_where(tmp_path):
    """Images of 120 x 90: one box reaches 1.5 pixels over the right edge, two of one image 2 and 1.25 over the left."""
    make_images(tmp_path, 3, sizes=((120, 90),))
    data, [said] = read_rows(
        tmp_path,
        "image 0.png,120,90,a,10,20,121.5,40",
        "image 1.png,120,90,a,-2,20,30,40",
        "image 1.png,120,90,a,-1.25,20,30,40",
        "image 2.png,120,90,a,-1,20,30,91",
    )
    assert (
        "3 boxes reach up to 2 pixels over the edge of their image and are cut there: image 0.png, image 1.png" in said
    )
    assert [record.boxes.xyxy.tolist() for record in data] == [
        [[10, 20, 120, 40]],
        [[0, 20, 30, 40], [0, 20, 30, 40]],
        [[0, 20, 30, 90]],
    ]


def test_boxes_within_the_first_pixel_are_fractions_and_one_beyond_it_says_they_are_not(tmp_path):
    make_images(tmp_path, 2)
    rows = ["image 0.png,,,a,0.1,0.2,0.5,0.75", "image 1.png,,,a,0.25,0.5,1,1"]
    with pytest.raises(
        DataError, match=r"all 2 boxes lie within the first pixel, such as \(0.1, 0.2, 0.5, 0.75\)"
    ) as e:
        read_rows(tmp_path, *rows)
    assert (e.value.file, e.value.place) == (str(tmp_path / "a.csv"), "line 2")
    data, _ = read_rows(tmp_path, *rows, "image 1.png,,,a,0.25,0.5,1,1.5")
    assert [len(record.boxes) for record in data] == [1, 2]


def test_the_place_of_a_box(tmp_path):
    make_images(tmp_path, 2)
    with pytest.raises(DataError, match="no area") as caught:
        read_document(tmp_path, coco_images(1), [coco_box(10), coco_box(10, bbox=[1, 2, 3, 0])], A)
    assert caught.value.place == "annotations[1]"
    boxes = [{"label": "a", "coordinates": {"x": 30, "y": 20, "width": width, "height": 5}} for width in (5, 5, 0)]
    (tmp_path / "m.json").write_text(json.dumps([{"image": "image 0.png", "annotations": boxes}]))
    with pytest.raises(DataError, match="no area") as caught:
        read_dataset(tmp_path / "m.json", source_format="createml")
    assert "box 3" in caught.value.place


@pytest.mark.parametrize(
    ("value", "identity"),
    [(7, 7), (7.0, 7), ("7", 7), (" 7 ", 7), ("07", "07"), ("x", "x"), ("-7", "-7"), ("٣", "٣"), ("9" * 19, "9" * 19)],
)
def test_ids(value, identity):
    assert an_id(value, "its id") == identity


@pytest.mark.parametrize("value", [None, "", " ", 1.5, True, [1]])
def test_what_is_not_an_id(value):
    with pytest.raises(DataError, match="its id"):
        an_id(value, "its id")


def test_ids_that_are_text_leave_the_classes_in_the_files_order(tmp_path):
    make_images(tmp_path, 1)
    categories = [{"id": "z", "name": "b"}, {"id": 1, "name": "a"}]
    data, _ = read_document(tmp_path, coco_images(1), [coco_box(10, "z"), coco_box(10, 1)], categories)
    assert data.class_names == ("b", "a")
    assert data.records[0].boxes.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("category", "names", "remarks"), [(1, ("a",), 1), (0, ("bones", "a"), 0), ("0", ("bones", "a"), 0)]
)
def test_a_group_of_classes_at_0_is_none_unless_it_has_boxes(category, names, remarks, tmp_path):
    make_images(tmp_path, 1)
    categories = [{"id": 0, "name": "bones"}, {"id": 1, "name": "a", "supercategory": "bones"}]
    data, problems = read_document(tmp_path, coco_images(1), [coco_box(10, category)], categories)
    assert data.class_names == names
    assert ["is the group of the others" in str(each) for each in problems] == [True] * remarks


def test_a_class_at_0_that_is_its_own_group_is_a_class(tmp_path):
    make_images(tmp_path, 1)
    categories = [{"id": 0, "name": "bones", "supercategory": "bones"}, {"id": 1, "name": "a", "supercategory": "x"}]
    data, problems = read_document(tmp_path, coco_images(1), [coco_box(10)], categories)
    assert data.class_names == ("bones", "a")
    assert problems == []


def test_crowds_and_boxes_without_an_image_are_counted(tmp_path):
    make_images(tmp_path, 4)
    crowds = [coco_box(10, iscrowd=1), coco_box(11, iscrowd=1), coco_box(12), coco_box(13, difficult=1)]
    data, [said] = read_document(tmp_path, coco_images(4), crowds, A)
    assert "2 boxes are annotated iscrowd" in str(said)
    assert [record.difficult.tolist() for record in data] == [[True], [True], [False], [True]]
    orphans = [coco_box(10), coco_box(98), coco_box(98), coco_box(99)]
    with pytest.raises(
        DataError, match="3 boxes belong to images that are not in 'images', the first to image_id 98"
    ) as e:
        read_document(tmp_path, coco_images(4), orphans, A)
    assert e.value.place == "annotations[1]"
    with pytest.raises(DataError, match="2 of 3 images with boxes would be left out"):
        read_document(tmp_path, coco_images(4), orphans, A, on_error="skip")


def test_faults_of_categories_name_their_place(tmp_path):
    make_images(tmp_path, 1)
    for extra, place in (({"id": 1, "name": "b"}, 1), ({"id": 2, "name": "a"}, 1), ({"id": 2}, 1), (3, 1)):
        with pytest.raises(DataError) as caught:
            read_document(tmp_path, coco_images(1), [coco_box(10)], [*A, extra])
        assert caught.value.place == f"categories[{place}]"


def test_a_category_that_is_not_there_gets_a_list_of_those_that_are(tmp_path):
    make_images(tmp_path, 1)
    categories = [{"id": number, "name": f"c{number}"} for number in range(1, 23)]
    with pytest.raises(DataError, match="the category 99 is not in 'categories'") as caught:
        read_document(tmp_path, coco_images(1), [coco_box(10, 99)], categories)
    assert caught.value.hint.startswith("known are: 1 c1, 2 c2,")
    assert caught.value.hint.endswith(", 20 c20")
    with pytest.raises(DataError) as caught:
        read_document(tmp_path, coco_images(1), [coco_box(10, 99)], [])
    assert caught.value.hint == "known are: none"


def test_sizes_and_facts_of_coco(tmp_path):
    make_images(tmp_path, 1)
    facts = {"patient": "p", "split": "valid", "body_part": "WRIST", "view": "AP", "laterality": "L"}
    data, _ = read_document(tmp_path, [{**coco_images(1)[0], **facts}], [coco_box(10)], A)
    [record] = data
    assert {**facts, "split": "val"} == {key: getattr(record, key) for key in facts}
    for wrong, said in (
        ({"width": 120}, "its height"),
        ({"height": 90}, "its width"),
        ({"split": "x"}, "its split 'x'"),
    ):
        with pytest.raises(DataError, match=said):
            read_document(tmp_path, [{**coco_images(1)[0], **wrong}], [coco_box(10)], A)


def test_coco_is_written_with_ids_from_1_and_areas(tmp_path):
    document = json.loads(coco_bytes(make_dataset(tmp_path, 3)))
    assert [image["id"] for image in document["images"]] == [1, 2, 3]
    assert [category["id"] for category in document["categories"]] == [1, 2, 3]
    first, second, third, fourth = document["annotations"]
    assert first == {"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2, 30, 40], "area": 1200, "iscrowd": 0}
    assert second == {
        **{"id": 2, "image_id": 2, "category_id": 1, "bbox": [5.5, 7.25, 14.5, 22.875], "area": 331.6875},
        **{"iscrowd": 0, "difficult": 1, "truncated": 1, "pose": "Left"},
    }
    assert (third["id"], third["image_id"], fourth["id"], fourth["category_id"]) == (3, 3, 4, 2)


def test_a_row_that_is_cut_off_has_lost_a_box_only_if_it_may_have_had_one(tmp_path):
    """Of ten images with boxes one may be lost; an image whose cut row denies a box does not count as lost."""
    make_images(tmp_path, 12)
    good = [f"image {number}.png,,,a,1,2,30,40" for number in range(9)]
    data, said = read_rows(tmp_path, *good, "image 9.png,,,,,,,x", "image 10.png,,,,,,", on_error="skip")
    assert len(data) == 9
    assert len([each for each in said if "line 1" in each]) == 2
    with pytest.raises(DataError, match="2 of 11 images with boxes would be left out"):
        read_rows(tmp_path, *good, "image 9.png,,,,,,,x", "image 10.png,,,,,7,", on_error="skip")
    with pytest.raises(DataError, match="2 of 11 images with boxes would be left out"):
        read_rows(tmp_path, *good, "image 9.png,,,,,,,x", "image 10.png,,", on_error="skip")


def test_of_two_columns_of_one_meaning_the_first_counts(tmp_path):
    make_images(tmp_path, 1)
    header = "image,Label ,x1,y1,x2,y2,filename,difficult\n"
    data, _ = read_rows(tmp_path, "image 0.png,a,1,2,30,40,no.png,1", header=header)
    assert data.records[0].boxes.xyxy.tolist() == [[1, 2, 30, 40]]
    assert data.records[0].difficult.tolist() == [True]
