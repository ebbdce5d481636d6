import io
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.training_fakes import make_images

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.quality import training_data
from fractura.quality.training_data import clean_boxes, refuse_cut_off, refuse_overlap


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_cut_off_images_are_found_by_their_last_bytes(tmp_path, monkeypatch, kind):
    records = []
    stored = {"whole": slice(None), "cut": slice(-200), "padded": slice(None)}
    for name, part in stored.items():
        stream = io.BytesIO()
        Image.fromarray(np.random.default_rng(len(records)).integers(0, 256, (60, 80), dtype=np.uint8)).save(
            stream, kind
        )
        path = tmp_path / f"{name}.jpg"
        path.write_bytes(stream.getvalue()[part] + (bytes(500) if name == "padded" else b""))
        records.append(Record(path, 80, 60, Boxes.empty(), name=path.name))
    container = tmp_path / "images.tfrecord"
    container.write_bytes(b"before" + records[1].read_bytes() + b"\xff\xd9IEND behind")
    records.append(replace(records[1], image=container, span=(6, records[1].image.stat().st_size), name="contained"))
    decoded = []
    read = training_data.read_radiograph
    monkeypatch.setattr(
        training_data, "read_radiograph", lambda data, name: decoded.append(name) or read(data, name=name)
    )
    with pytest.raises(DataError, match=r"cut off and cannot be read: cut.jpg, contained\n"):
        refuse_cut_off(Dataset(("fracture",), tuple(records)))
    assert [Path(name).name for name in decoded] == ["cut.jpg", "padded.jpg", "images.tfrecord, contained"]
    refuse_cut_off(Dataset(("fracture",), (records[0], records[2])))


def image(boxes, labels=None):
    return Record("image.png", 100, 80, Boxes(boxes, [0] * len(boxes) if labels is None else labels), name="image.png")


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([50, 10, 40, 20], "no area"),
        ([10, 10, 10, 20], "no area"),
        ([10, 10, 10.5, 20], "thinner"),
        ([101, 10, 120, 20], "outside the image of 100x80"),
        ([10, -30, 20, 0], "outside"),
        ([np.nan, 1, 2, 30], "not finite"),
        ([1, 1, np.inf, 30], "not finite"),
    ],
)
def test_unusable_boxes_stop_or_are_skipped(box, words):
    data = Dataset(("fracture",), (image([[1, 2, 11, 12], box]),))
    with pytest.raises(DataError, match=words) as caught:
        clean_boxes(data, "stop")
    assert caught.value.file == "image.png"
    assert caught.value.place == "object 2"
    good = [replace(image([[1, 2, 11, 12]]), name=f"{number}.png") for number in range(9)]
    clean = clean_boxes(replace(data, records=(*data.records, *good)), "skip")  # a tenth of the images with boxes
    assert [record.name for record in clean.data] == [record.name for record in good]  # no image with a box too few
    assert len(clean.skipped) == 1
    assert "image.png, object 2" in clean.skipped[0]
    with pytest.raises(DataError, match="1 of 9 images with boxes would be left out"):
        clean_boxes(replace(data, records=(*data.records, *good[1:])), "skip")
    mostly = replace(data, records=(*data.records, image([])))
    assert [record.is_negative for record in clean_boxes(mostly, "skip-all").data] == [True]


def test_labels_outside_the_class_names_are_refused():
    with pytest.raises(DataError, match="class number 1"):
        clean_boxes(Dataset(("fracture",), (image([[1, 2, 11, 12]], [1]),)), "stop")


def test_boxes_over_the_edge_are_cut():
    clean = clean_boxes(Dataset(("fracture",), (image([[-3, 2, 101, 12]]),)), "stop")
    assert clean.data.records[0].boxes.xyxy.tolist() == [[0, 2, 100, 12]]
    assert not clean.skipped


def test_shared_images_are_refused_whatever_their_name(tmp_path):
    train, val = make_images(tmp_path / "a", 6, seed=1), make_images(tmp_path / "b", 4, seed=2)
    refuse_overlap(train, val)
    copy = tmp_path / "b" / "renamed.png"
    copy.write_bytes(train.records[2].read_bytes())
    twin = replace(val, records=(*val.records, replace(val.records[0], image=copy, name="renamed.png")))
    with pytest.raises(DataError, match=r"1 images .*renamed\.png = image1_002\.png"):
        refuse_overlap(train, twin)


@pytest.mark.parametrize(("second", "same"), [(b"54321", False), (b"12345", True)])
def test_images_of_equal_length_are_compared_by_their_bytes(tmp_path, second, same):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, content in zip(paths, (b"12345", second), strict=True):
        path.write_bytes(content)
    sets = [Dataset(("f",), (Record(path, 1, 1, Boxes.empty()),)) for path in paths]
    with pytest.raises(DataError, match=r"b\.png = a\.png") if same else nullcontext():
        refuse_overlap(*sets)
    # Both were long enough to be the same image, so both were read.
    assert ["digest" in vars(record) for data in sets for record in data] == [True, True]
