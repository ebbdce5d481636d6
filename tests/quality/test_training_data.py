import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.training_fakes import make_images

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.quality import training_data as training_images
from fractura.quality.training_data import ImageStream, StepSampler, clean_boxes, refuse_cut_off, refuse_overlap


def stream(positives=5, negatives=7, per_epoch=7, seed=3):
    return ImageStream(tuple(range(positives)), tuple(range(100, 100 + negatives)), per_epoch, seed)


def shown(source, first, last):
    return [source.image(place) for place in range(first, last)]


def test_an_epoch_shows_every_image_once():
    source = stream()
    for epoch in range(3):
        images = shown(source, epoch * 12, (epoch + 1) * 12)
        assert sorted(images) == [0, 1, 2, 3, 4, *range(100, 107)]
    assert shown(source, 0, 12) != shown(source, 12, 24)


def test_every_negative_has_its_turn():
    source = stream(per_epoch=3)
    assert source.epoch_length == 8
    images = shown(source, 0, 7 * 8)  # 7 epochs of 3 negatives: each of the 7 three times
    counts = Counter(images)
    assert {counts[image] for image in range(5)} == {7}
    assert {counts[image] for image in range(100, 107)} == {3}


@pytest.mark.parametrize(("ratio", "expected"), [(None, 4), (0, 0), (0.25, 2), (0.5, 4), (9, 4)])
def test_negatives_per_positive(tmp_path, ratio, expected):
    data = make_images(tmp_path, 12)
    assert data.negatives == 4
    assert ImageStream.of(data, ratio, 0).negatives_per_epoch == expected


def test_the_order_depends_on_the_seed_alone():
    assert shown(stream(seed=1), 0, 50) == shown(stream(seed=1), 0, 50)
    assert shown(stream(seed=1), 0, 50) != shown(stream(seed=2), 0, 50)
    assert [stream().image(place) for place in (40, 3, 17)] == [shown(stream(), 0, 50)[place] for place in (40, 3, 17)]


def test_processes_share_a_step_and_a_resumed_sampler_goes_on():
    whole = list(StepSampler(4, 0, 6))
    assert whole[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    shares = [list(StepSampler(4, 0, 6, process, 2)) for process in (0, 1)]
    assert [first + second for first, second in zip(*shares, strict=True)] == whole
    assert list(StepSampler(4, 2, 6)) == whole[2:]
    assert len(StepSampler(4, 2, 6)) == 4


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
    read = training_images.read_radiograph
    monkeypatch.setattr(
        training_images, "read_radiograph", lambda data, name: decoded.append(name) or read(data, name=name)
    )
    with pytest.raises(DataError, match=r"cut off and cannot be read: cut.jpg, contained\n"):
        refuse_cut_off(Dataset(("fracture",), tuple(records)))
    assert [Path(name).name for name in decoded] == ["cut.jpg", "padded.jpg", "images.tfrecord"]
    refuse_cut_off(Dataset(("fracture",), (records[0], records[2])))


def image(boxes, labels=None):
    return Record("image.png", 100, 80, Boxes(boxes, [0] * len(boxes) if labels is None else labels), name="image.png")


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([50, 10, 40, 20], "turned inside out"),
        ([10, 10, 10, 20], "thinner"),
        ([10, 10, 10.5, 20], "thinner"),
        ([101, 10, 120, 20], "outside the image of 100 x 80"),
        ([10, -30, 20, 0], "outside"),
        ([np.nan, 1, 2, 30], "not made of finite"),
        ([1, 1, np.inf, 30], "not made of finite"),
    ],
)
def test_unusable_boxes_stop_or_are_skipped(box, words):
    data = Dataset(("fracture",), (image([[1, 2, 11, 12], box]),))
    with pytest.raises(DataError, match=words) as caught:
        clean_boxes(data, "stop")
    assert caught.value.file == "image.png"
    assert caught.value.place == "object 2"
    clean = clean_boxes(data, "skip")
    assert clean.data.records[0].boxes == Boxes([[1, 2, 11, 12]], [0])
    assert len(clean.data.records[0].flags) == 1
    assert len(clean.skipped) == 1
    assert "image.png, object 2" in clean.skipped[0]
    only_unusable = Dataset(("fracture",), (image([[5, 5, 5.5, 20]]), image([])))
    assert [record.is_negative for record in clean_boxes(only_unusable, "skip").data] == [True]
    assert len(clean_boxes(only_unusable, "skip").data) == 1


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


def test_images_of_equal_length_are_told_apart(tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    for path, content in zip(paths, (b"12345", b"54321"), strict=True):
        path.write_bytes(content)
    sets = [Dataset(("f",), (Record(path, 1, 1, Boxes.empty()),)) for path in paths]
    refuse_overlap(*sets)
