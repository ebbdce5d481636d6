"""What readers and writers refuse, and the last value that they take. Each is worked out by hand."""

import json

import numpy as np
import pytest
from PIL import Image
from support.format_images import make_images

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, UsageError
from fractura.formats import read_dataset
from fractura.formats.convert import convert
from fractura.formats.createml import _coordinates
from fractura.formats.faults import box_fault
from fractura.formats.format import _is_verified
from fractura.formats.protobuf.text_format import parse
from fractura.formats.split_writer import write_parts
from fractura.formats.text_files import read_json, read_text
from fractura.formats.tfrecord.box_corners import clip_slightly
from fractura.formats.voc.layout import voc_folders
from fractura.formats.yolo.data_yaml import find_data_yaml
from fractura.formats.yolo.layout import find_place, is_label_text
from fractura.formats.yolo.yolo import corners_of
from fractura.phantom import make_phantoms


@pytest.fixture
def read(tmp_path):
    make_images(tmp_path, 2, sizes=((100, 100),))

    def read(document, name="a.json", **options):
        (tmp_path / name).write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return read_dataset(tmp_path / name, **options)

    return read


def problem(call, *arguments, **options):
    with pytest.raises(DataError) as caught:
        call(*arguments, **options)
    return caught.value


# ---------------------------------------------------------------- JSON and text


def test_where_json_ends_too_early(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1,\n "b": ', encoding="utf-8")
    found = problem(read_json, tmp_path / "a.json")
    assert (found.problem, found.place) == ("is not JSON: Expecting value", "line 2, column 7")


def test_the_line_of_a_byte_that_is_not_utf_8(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\nthr\xe9e")
    found = problem(read_text, tmp_path / "a.txt")
    assert found.place == "line 3"
    assert "Windows-1252" in found.problem


@pytest.mark.parametrize(("text", "value"), [(r"\x9", "\t"), (r"\101", "A"), (r"\u00e9", "é"), (r"\x7F", "\x7f")])
def test_escapes_of_text_format(text, value):
    assert parse(f'a: "{text}"').root.fields[0].value.text == value


@pytest.mark.parametrize("text", [r"\x", r"\u", r"\400", r"\777", r"\U00110000", r"\q"])
def test_escapes_that_are_none(text):
    with pytest.raises(DataError, match="is not a valid escape"):
        parse(f'a: "{text}"')


# ---------------------------------------------------------------- tools


def labelme(points, **more):
    shape = {"label": "a", "points": points, "shape_type": "polygon", **more}
    return {"imagePath": "image 0.png", "shapes": [shape], "imageWidth": 100, "imageHeight": 100}


def test_points_of_labelme(read):
    data = read(labelme([[1, 2], [11, 2], [11, 22]]))
    assert data.records[0].boxes.xyxy.tolist() == [[1, 2, 11, 22]]
    assert "a point has 3 numbers" in str(problem(read, labelme([[1, 2, 3], [11, 2], [11, 22]])))
    missing = labelme([[1, 2], [11, 22]]) | {"imagePath": "elsewhere.png"}
    assert "its image 'elsewhere.png' is not in" in str(problem(read, missing))


@pytest.mark.parametrize("kind", ["point", "points", "line", "linestrip"])
def test_shapes_of_labelme_that_are_no_box(kind, read):
    assert f"is a {kind}, which is not a box" in str(problem(read, labelme([[1, 2], [3, 4]], shape_type=kind)))


def test_another_json_named_as_labelmes(read):
    assert "is not labelme's" in str(problem(read, {"shapes": 3}, source_format="labelme"))


@pytest.mark.parametrize(("sides", "is_read"), [('width="100" height="100"', True), ('width="0" height="100"', False)])
def test_the_size_that_cvat_says(sides, is_read, read):
    text = (
        f'<annotations><image name="image 0.png" {sides}>'
        '<box label="a" xtl="1" ytl="2" xbr="30" ybr="40"/></image></annotations>'
    )
    if is_read:
        assert read(text, "a.xml").records[0].boxes.xyxy.tolist() == [[1, 2, 30, 40]]
    else:
        assert "0x100" in str(problem(read, text, "a.xml"))


@pytest.mark.parametrize(("points", "said"), [("1,2;3", "its points are not pairs of numbers"), ("1,2;x,3", "a point")])
def test_points_of_cvat(points, said, read):
    text = (
        '<annotations><image name="image 0.png" width="100" height="100">'
        f'<polygon label="a" points="{points}"/></image></annotations>'
    )
    assert said in str(problem(read, text, "a.xml"))


def test_the_middle_of_corners_whose_decimals_do_not_add_up():
    corners = np.array([0.1, 33.333332, 0.30000001, 66.666664], np.float32)
    found = _coordinates(corners)
    assert found["y"] == pytest.approx((33.333332 + 66.666664) / 2, abs=1e-5)
    assert found["height"] == pytest.approx(33.333332, abs=1e-5)


# ---------------------------------------------------------------- boxes


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((-5, -5, 3, 3), None),
        ((-30, 5, -10, 20), "lies outside the image"),
        ((5, -30, 20, -10), "lies outside the image"),
        ((98.5, 5, 120, 20), None),
        ((5, 99.5, 20, 120), "has less than 1 pixel on the image"),
        ((5, -20, 20, 0.5), "has less than 1 pixel on the image"),
    ],
)
def test_how_much_of_a_box_must_lie_on_the_image(box, said):
    found = box_fault(box, 100, 100, margin=40, smallest=1)
    assert found is None if said is None else said in found


def test_a_box_of_a_tfrecord_that_misses_the_image_on_one_side_is_not_clipped():
    beside = np.array([[101, 10, 102, 20], [10, 10, 20, 105]], np.float32)
    clipped, count = clip_slightly(beside, 100, 100)
    assert clipped.tolist() == [[101, 10, 102, 20], [10, 10, 20, 100]]
    assert count == 1


@pytest.mark.parametrize(("value", "is_read"), [("1.5", True), ("1.51", False), ("-0.5", True), ("-0.51", False)])
def test_fractions_of_yolo(value, is_read, tmp_path):
    Image.new("L", (100, 100)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text(f"0 0.5 0.5 0.4 0.4\n0 {value} 0.5 1.4 0.4\n", encoding="utf-8")
    (tmp_path / "classes.txt").write_text("x\n", encoding="utf-8")
    found = problem(read_dataset, tmp_path)  # the box is too wide in any case
    assert ("not fractions" in str(found)) is not is_read


def test_whole_pixels_are_taken_only_where_every_digit_says_so():
    words = ("0.505", "0.5", "0.11", "0.2")
    assert corners_of(words, [float(word) for word in words], (100, 100)) == (45.0, 40.0, 56.0, 60.0)
    odd = ("0.506", "0.5", "0.11", "0.2")  # 45.1 and 56.1: not what whole pixels would be written as
    assert corners_of(odd, [float(word) for word in odd], (100, 100)) == pytest.approx((45.1, 40.0, 56.1, 60.0))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("0 0.1 0.2 0.3 0.4\n", True),
        ("0 0.1 0.2 0.3 0.4 0.5 0.6\n", True),
        ("0 0.1 0.2 0.3\n", False),
        ("0 0.1 0.2 0.3 0.4 0.5\n", False),
        ("x 0.1 0.2 0.3 0.4\n", False),
        ("0 0.1 0.2 0.3 0.4 0.5 word\n", False),
        ("", True),
    ],
)
def test_lines_that_could_be_boxes(text, is_one, tmp_path):
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert is_label_text(tmp_path / "a.txt") is is_one


# ---------------------------------------------------------------- folders


def test_class_names_given_twice(tmp_path):
    make_phantoms(tmp_path / "data", images=2, seed=1)
    with pytest.raises((UsageError, DataError), match=r"twice|repeated|more than once"):
        read_dataset(tmp_path / "data", class_names=("a", "b", "a"))


def test_a_class_number_without_a_name_lists_twenty(tmp_path):
    Image.new("L", (100, 100)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("30 0.5 0.5 0.4 0.4\n", encoding="utf-8")
    (tmp_path / "classes.txt").write_text("\n".join(f"c{number}" for number in range(25)), encoding="utf-8")
    found = problem(read_dataset, tmp_path)
    assert "the class number 30 has no name" in str(found)
    assert "19 c19" in found.hint
    assert "20 c20" not in found.hint


def test_the_one_yaml_file_that_has_names(tmp_path):
    (tmp_path / "other.yaml").write_text("key: value\n", encoding="utf-8")
    assert find_data_yaml(tmp_path) is None
    (tmp_path / "mine.yaml").write_text("names: [a]\n", encoding="utf-8")
    assert find_data_yaml(tmp_path) == tmp_path / "mine.yaml"
    (tmp_path / "more.yml").write_text("names: [b]\n", encoding="utf-8")
    assert find_data_yaml(tmp_path) is None
    (tmp_path / "data.yaml").write_text("names: [c]\n", encoding="utf-8")
    assert find_data_yaml(tmp_path) == tmp_path / "data.yaml"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("train/images", "train/images"),
        ("../train/images", "train/images"),
        ("/home/somebody/set/train/images", "train/images"),
        ("C:\\sets\\train\\images", "train/images"),
        ("valid/images", None),
        ("x/images", None),  # not of another machine: its end alone says nothing
    ],
)
def test_a_folder_that_data_yaml_names(text, found, tmp_path):
    (tmp_path / "train" / "images").mkdir(parents=True)
    place = find_place(text, tmp_path, tmp_path / "data.yaml")
    assert (None if place is None else place.resolve()) == (None if found is None else (tmp_path / found).resolve())


def test_of_several_pairs_of_folders_that_whose_names_match(tmp_path):
    for images, annotations, stem in (("images", "annotations", "a"), ("JPEGImages", "Annotations", "b")):
        (tmp_path / images).mkdir(exist_ok=True)
        (tmp_path / annotations).mkdir(exist_ok=True)
        Image.new("L", (9, 9)).save(tmp_path / images / f"{stem}.png")
    if (tmp_path / "annotations").samefile(tmp_path / "Annotations"):
        pytest.skip("a file system to which both names are one")
    (tmp_path / "Annotations" / "b.xml").write_text("<annotation/>", encoding="utf-8")
    (tmp_path / "annotations" / "z.xml").write_text("<annotation/>", encoding="utf-8")
    images, annotations = voc_folders(tmp_path)
    assert images.name.lower() in ("images", "jpegimages")
    assert annotations.parent == images.parent == tmp_path


@pytest.mark.parametrize(
    ("name", "text", "is_one"),
    [
        ("a.xml", '<annotation verified="yes">', True),
        ("a.XML", '<annotation verified="yes">', True),
        ("a.xml", "<annotation>", False),
        ("a.txt", '<annotation verified="yes">', False),
        ("missing.xml", None, False),
    ],
)
def test_verified_annotations(name, text, is_one, tmp_path):
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert _is_verified(tmp_path / name) is is_one


def test_several_tfrecord_files_are_not_guessed_at(tmp_path):
    for name in ("b.tfrecord", "a.tfrecord", "c.tfrecord", "d.tfrecord", "e.tfrecord"):
        (tmp_path / name).write_bytes(b"")
    found = problem(read_dataset, tmp_path)
    assert "holds 5 TFRecord files: a.tfrecord, b.tfrecord, c.tfrecord, d.tfrecord" in str(found)
    assert "e.tfrecord" not in str(found)


# ---------------------------------------------------------------- writing


def test_an_earlier_conversion_is_replaced_only_when_asked_to(tmp_path):
    make_phantoms(tmp_path / "data", images=4, seed=1)
    convert(tmp_path / "data", tmp_path / "out", to="coco")
    file = next(path for path in sorted((tmp_path / "out").rglob("*.json")) if path.name != "conversion.json")
    for xml in (tmp_path / "data").rglob("*.xml"):
        xml.write_text(xml.read_text("utf-8").replace("Fractura", "otra"), encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(DataError, match="exists already, with other content") as caught:
        convert(tmp_path / "data", tmp_path / "out", to="coco")
    assert "--overwrite" in caught.value.hint
    assert file.read_bytes() == before
    convert(tmp_path / "data", tmp_path / "out", to="coco", overwrite=True)
    assert b"otra" in file.read_bytes()


def test_what_no_longer_belongs_is_taken_away_only_when_asked_to(tmp_path):
    make_phantoms(tmp_path / "data", images=4, seed=1)
    convert(tmp_path / "data", tmp_path / "out", to="voc")
    gone = sorted((tmp_path / "data").rglob("*.xml"))[0]
    image = next(path for path in (tmp_path / "data").rglob(f"{gone.stem}.*") if path != gone)
    gone.unlink()
    image.unlink()
    with pytest.raises(DataError, match="files of an earlier conversion do not belong to this one, such as") as caught:
        convert(tmp_path / "data", tmp_path / "out", to="voc")
    assert str(caught.value).split(": ", 1)[1].startswith("2 files")
    convert(tmp_path / "data", tmp_path / "out", to="voc", overwrite=True)
    assert not list((tmp_path / "out").rglob(gone.name))


@pytest.mark.parametrize("images", ["copy", "none"])
def test_with_images_or_annotations_only(images, tmp_path):
    make_phantoms(tmp_path / "data", images=4, seed=1)
    convert(tmp_path / "data", tmp_path / "out", to="coco", images=images)
    assert bool(list((tmp_path / "out").rglob("*.jpg"))) is (images == "copy")


def test_a_split_is_not_written_into_its_own_images(tmp_path):
    make_phantoms(tmp_path / "data", images=4, seed=1)
    dataset = read_dataset(tmp_path / "data")
    divided = Dataset(
        dataset.class_names,
        tuple(
            Record(each.image, each.width, each.height, Boxes.empty(), split="train" if at else "val")
            for at, each in enumerate(dataset)
        ),
        dataset.root,
    )
    with pytest.raises(UsageError):
        write_parts(divided, tmp_path / "data" / "out", to="voc", source=tmp_path / "data", made={})
    assert not (tmp_path / "data" / "out").exists()
