"""YOLO: layouts of LabelImg, Ultralytics and Roboflow, class numbers, digits, and files that are damaged."""

import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.format_images import CLASSES, boxes_of, make_dataset, make_images, same_images

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats import convert, write_voc
from fractura.formats.image_index import ImageIndex
from fractura.formats.reading import read_dataset
from fractura.formats.yolo.data_yaml import read_data_yaml, read_entries, yaml_text
from fractura.formats.yolo.yolo import corners_of, label_text

read_yolo = partial(read_dataset, source_format="yolo")

LINE = "0 0.5 0.5 0.25 0.2\n"  # on 120 x 90: 45 36 75 54


def in_one_folder(folder):
    make_images(folder, 2)
    (folder / "classes.txt").write_text("b\na\n")
    (folder / "image 0.txt").write_text(LINE)
    (folder / "image 1.txt").write_text("")
    return folder


def with_yaml(folder, text, places=("images", "labels")):
    make_images(folder / places[0], 1)
    (folder / places[1]).mkdir(parents=True)
    (folder / places[1] / "image 0.txt").write_text(LINE)
    (folder / "data.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "places", "split"),
    [
        ("names: [b, a]\n", ("images", "labels"), None),
        ("names: ['b', \"a\"] # two\nnc: 2\n", ("images", "labels"), None),
        ("nc: 2\nnames:\n  0: b\n  1: a\n", ("images", "labels"), None),
        ("names:\n- b\n- a\n", ("images", "labels"), None),
        ("names: {0: b, 1: a}\ntrain: images\n", ("images", "labels"), "train"),
        ("train: ../train/images\nval: ../train/images\nnames: [b,\n  a]\n", ("train/images", "train/labels"), None),
        ("path: /not/here\nval: images/val\nnames: [b, a]\n", ("images/val", "labels/val"), "val"),
        ("train: [images/one]\nnames: [b, a]\n", ("images/one", "labels/one"), "train"),
    ],
)
def test_data_yaml_of_ultralytics_and_roboflow(text, places, split, tmp_path):
    folder = with_yaml(tmp_path, text, places)
    if "val: ../train" in text:  # the same images in two splits
        with pytest.raises(DataError, match="there twice"):
            read_yolo(folder)
        return
    data = read_yolo(folder)
    assert data.class_names == ("b", "a")
    assert data.records[0].boxes.xyxy.tolist() == [[45, 36, 75, 54]]
    assert data.records[0].split == split
    assert read_yolo(folder / "data.yaml").records[0].boxes == data.records[0].boxes


@pytest.mark.parametrize("text", ["train: /", "train: '\\'", "path: /\ntrain: .", f"train: {'../' * 40}", "train: //"])
def test_a_data_set_is_not_the_whole_machine(text, tmp_path, monkeypatch):
    """Hours of reading, and every image of the machine in the data set."""
    walked = []
    below = ImageIndex.below.__func__

    def below_seen(cls, folders):
        walked.extend(folders := tuple(folders))
        return below(cls, folders)

    monkeypatch.setattr(ImageIndex, "below", classmethod(below_seen))
    with suppress(DataError):
        read_yolo(with_yaml(tmp_path, f"names: [b, a]\n{text}\n", ("images", "labels")))
    assert all(tmp_path in (folder.resolve(), *folder.resolve().parents) for folder in walked)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [no, 1, ~, 2020-01-01, 0x1f]\n", ["no", "1", "~", "2020-01-01", "0x1f"]),
        ("names: &all [b, a]\nnc: 2\nother: *all\n", ["b", "a"]),
        ("first: &name b\nnames: [*name, a]\n", ["b", "a"]),
        ("names:\n  0: >\n    folded\n    text\n", ["folded text\n"]),
        ("names:\n  ? 0\n  : b\n  1: !!python/name:os.system a\n", ["b", "a"]),
        ("\ufeffnames: [b, a]\r\ndownload: |\r\n  import os\r\n", ["b", "a"]),
    ],
)
def test_every_value_of_data_yaml_stays_text(text, names, tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    assert list(read_data_yaml(path).class_names.values()) == names


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("nc: 2\nnames: [b, a\n", "line 3", "is not YAML"),
        ("nc: 2\nnames: [b, [a]]\n", "line 2", "lists inside lists"),
        ("names: [b]\nnames: [a]\n", "line 2", "there twice"),
        ("names:\n  0: b\n  0: a\n", "line 3", "there twice"),
        ("names:\n  b: 0\n", "line 1", "not a class number"),
        ("names: b\n", "line 1", "not a list"),
        ("nc: 3\nnames: [b, a]\n", "line 1", "'nc' says 3 classes"),
        ("names: [*missing]\n", "line 1", "undefined alias"),
        ("a: &a [*a]\nnames: *a\n", "line 1", "lists inside lists"),
        ("names: " + "[" * 50_000, None, "nested too deeply|is not YAML"),
    ],
)
def test_faults_of_data_yaml_name_the_line(text, place, said, tmp_path):
    path = tmp_path / "data.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as caught:
        read_data_yaml(path)
    assert caught.value.file == str(path)
    assert place is None or caught.value.place == place
    assert caught.value.hint


def test_labelimg_in_one_folder_with_a_negative_image(tmp_path):
    data = read_yolo(in_one_folder(tmp_path))
    assert data.class_names == ("b", "a")
    assert [len(record.boxes) for record in data] == [1, 0]


def test_a_list_of_images(tmp_path):
    folder = with_yaml(tmp_path, "train: train.txt\nnames: [b]\n")
    (folder / "train.txt").write_text("./images/image 0.png\n")
    assert [record.split for record in read_yolo(folder)] == ["train"]


def test_pain_14_class_numbers_with_gaps_and_a_given_order(tmp_path):
    folder = with_yaml(tmp_path, "names: {3: b, 7: a}\n")
    (folder / "labels" / "image 0.txt").write_text(LINE.replace("0 ", "7 ", 1))
    data = read_yolo(folder)
    assert (data.class_names, data.records[0].boxes.labels.tolist()) == (("b", "a"), [1])
    assert read_yolo(folder, class_names=["a", "b"]).records[0].boxes.labels.tolist() == [0]
    (folder / "labels" / "image 0.txt").write_text(LINE)
    with pytest.raises(DataError, match="class number 0 has no name"):
        read_yolo(folder)


def test_classes_without_names_are_numbered_or_named_by_the_caller(tmp_path):
    folder = in_one_folder(tmp_path)
    (folder / "classes.txt").unlink()
    problems = []
    assert read_yolo(folder, problems=problems).class_names == ("class 0",)
    assert "no file names the classes" in str(problems[0])
    assert read_yolo(folder, class_names=["x", "y"]).class_names == ("x", "y")


def test_pain_8_classes_txt_keeps_its_order_when_a_class_is_added(tmp_path):
    data = make_dataset(tmp_path / "images")
    voc = tmp_path / "voc"
    write_voc(Dataset(("m",), (data.records[0],), None), voc)
    write_voc(data, voc, overwrite=True)
    target = tmp_path / "yolo"
    convert(voc, target, "yolo", class_names=["yeso 2", "Fractura", "luxación"])
    first = {path.name: path.read_bytes() for path in (target / "labels").iterdir()}
    new = replace(data.records[0], boxes=Boxes([[1, 1, 9, 9]], [3]), flags=(data.records[1].flags[0],))
    write_voc(Dataset((*CLASSES, "aaa"), (new, *data.records[1:]), None), voc, overwrite=True)
    convert(voc, target, "yolo", overwrite=True)
    assert (target / "classes.txt").read_text(encoding="utf-8").split("\n") == [
        "yeso 2",
        "Fractura",
        "luxación",
        "aaa",
        "",
    ]
    now = {path.name: path.read_bytes() for path in (target / "labels").iterdir()}
    assert {name: text for name, text in now.items() if name != "image 0.txt"} == {
        name: text for name, text in first.items() if name != "image 0.txt"
    }


def test_pain_23_edited_labels_are_seen_and_every_image_is_accounted_for(tmp_path):
    folder = in_one_folder(tmp_path)
    make_images(folder, 3)
    (folder / "stray.txt").write_text(LINE)
    problems = []
    data = read_yolo(folder, on_error="skip-all", problems=problems)
    assert len(data) == 3
    said = " ".join(map(str, problems))
    assert "1 images have no text file" in said
    assert "stray.txt" in said
    (folder / "stray.txt").unlink()
    (folder / "image 0.txt").write_text(LINE * 2)
    assert len(read_yolo(folder, problems=[]).records[0].boxes) == 2
    assert not list(tmp_path.rglob("*.cache"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.1", "4 values"),
        ("0 0.5 0.5 0.1 0.1 0.9", "a score"),
        ("0 0.1 0.1 0.2 0.2 0.3 0.3 0.4", "8 values"),
        ("x 0.5 0.5 0.1 0.1", "not a class number"),
        ("-1 0.5 0.5 0.1 0.1", "not a class number"),
        ("0.0 0.5 0.5 0.1 0.1", "not a class number"),
        ("9 0.5 0.5 0.1 0.1", "has no name"),
        ("0 nan 0.5 0.1 0.1", "not a number"),
        ("0 inf 0.5 0.1 0.1", "not a number"),
        ("0 60 45 30 18", "not fractions"),
        ("0 0.5 0.5 0 0.1", "no area"),
        ("0 0.95 0.5 0.4 0.1", "outside"),
    ],
)
def test_faults_are_named_with_file_and_line(line, said, tmp_path):
    folder = in_one_folder(tmp_path)
    (folder / "image 0.txt").write_text(f"{LINE}\n{line}\n")
    with pytest.raises(DataError, match=said) as caught:
        read_yolo(folder)
    assert caught.value.file == str(folder / "image 0.txt")
    assert caught.value.place == "line 3"
    assert [r.name for r in read_yolo(folder, on_error="skip-all", problems=[])] == ["image 1.png"]


def test_whole_pixels_come_back_from_labelimgs_six_digits():
    for size in ((373, 454), (2304, 2880), (4021, 3999)):
        width, height = size
        for left, top, right, bottom in ((1, 1, width, height), (171, 133, 182, 152), (0, 7, 1, 8)):
            words = [
                f"{value:.6f}"
                for value in (
                    (left + right) / 2 / width,
                    (top + bottom) / 2 / height,
                    (right - left) / width,
                    (bottom - top) / height,
                )
            ]
            assert corners_of(words, [float(word) for word in words], size) == (left, top, right, bottom)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=boxes_of())
def test_any_box_comes_back(boxes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("yolo")
    (record,) = make_images(folder, 1)
    data = Dataset(CLASSES, (type(record)(record.image, 120, 90, boxes),), folder)
    (folder / "image 0.txt").write_text(label_text(data.records[0]))
    (folder / "classes.txt").write_text("\n".join(CLASSES), encoding="utf-8")
    same_images(data, read_yolo(folder), flags=False)


@given(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text == text.strip()))
def test_any_printable_name_goes_through_yaml(name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.yaml"
        path.write_text(f"names:\n  0: {yaml_text(name)}\n", encoding="utf-8")
        assert read_entries(path)["names"].value == {"0": name}


@pytest.mark.parametrize(
    "text",
    [
        "a" + " " * 200_000,
        "names: [" + "a," * 100_000 + "]",
        '"' * 100_000,
        "names:\n" + "- a\n" * 50_000,
        "x" * 300_000,
    ],
)
def test_hostile_yaml_takes_no_long_time(text, tmp_path):
    (tmp_path / "data.yaml").write_text(text)
    start = time.process_time()
    with pytest.raises(DataError):
        read_yolo(tmp_path)
    assert time.process_time() - start < 10


def test_many_boxes_on_one_image_take_linear_time(tmp_path):
    folder = in_one_folder(tmp_path)
    (folder / "image 0.txt").write_text(LINE * 50_000)
    start = time.process_time()
    assert len(read_yolo(folder).records[0].boxes) == 50_000
    assert time.process_time() - start < 20
