"""Data sets to TFRecord and back; the tutorial's own files; what is refused and what is remarked."""

import hashlib
import io
import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.encoded_images import encoded
from support.format_images import make_dataset
from support.tutorial_tfrecord import TUTORIAL_TFRECORD

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError, UsageError
from fractura.formats import read_dataset
from fractura.formats.format import losses
from fractura.formats.label_map import LabelMap, LabelMapItem, label_map_of, write_label_map
from fractura.formats.tfrecord import read_tfrecord, write_tfrecord
from fractura.formats.tfrecord.box_corners import to_pixels
from fractura.formats.tfrecord.example import Example, encode_example
from fractura.formats.tfrecord.frames import read_frames, write_frame
from fractura.formats.tfrecord.reader import TFRECORD
from fractura.formats.voc.reader import VOC

SIZE = (37, 23)
TWO_BOXES = {"xmin": (0.1, 0.2), "ymin": (0.1, 0.2), "xmax": (0.5, 0.6), "ymax": (0.5, 0.6)}


def image(folder, name="image.jpg", kind="JPEG", size=SIZE, orientation=1):
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    path = folder / name
    pixels = np.arange(size[0] * size[1], dtype=np.uint8).reshape(size[1], size[0])
    Image.fromarray(pixels).save(path, kind, exif=exif)
    return path


def record(path, boxes=(), labels=(), flags=(), size=SIZE):
    return Record(path, *size, Boxes(boxes, labels), tuple(flags))


@pytest.fixture
def dataset(tmp_path):
    flags = [BoxFlags(True, False, "Frontal"), BoxFlags(False, True, "Unspecified")]
    return Dataset(
        ("fractura", "luxación"),
        (
            record(image(tmp_path, "a.jpg"), [[3, 2, 11, 9], [0, 0, 37, 23]], [1, 0], flags),
            record(image(tmp_path, "b.png", "PNG")),
            record(image(tmp_path, "c.jpg"), [[1.5, 2.25, 30.015625, 20]], [0]),
        ),
    )


def same(first, second):
    assert first.class_names == second.class_names
    assert [r.name for r in first] == [r.name for r in second]
    for a, b in zip(first, second, strict=True):
        assert a.boxes == b.boxes
        assert (a.flags, a.width, a.height) == (b.flags, b.width, b.height)
        assert a.read_bytes() == b.read_bytes()


def test_round_trip_keeps_everything(dataset, tmp_path):
    problems = []
    assert write_tfrecord(dataset, tmp_path / "out.tfrecord", problems=problems) == (tmp_path / "out.tfrecord",)
    read = read_tfrecord(tmp_path / "out.tfrecord", problems=problems)
    same(dataset, read)
    assert problems == []
    assert read.fingerprint() == dataset.fingerprint()
    assert all(r.image == tmp_path / "out.tfrecord" and r.span is not None for r in read)


def test_weights_are_kept(dataset, tmp_path):
    weighted = replace(dataset.records[0], flags=(BoxFlags(True, False, "Frontal", weight=0.0), BoxFlags(weight=2.5)))
    data = replace(dataset, records=(weighted, *dataset.records[1:]))
    write_tfrecord(data, tmp_path / "out")
    read = read_tfrecord(tmp_path / "out", problems=[])
    same(data, read)
    assert [record.weights.tolist() for record in read] == [[0, 2.5], [], [1]]
    assert read.fingerprint() == data.fingerprint() != dataset.fingerprint()
    first, second, _ = (Example(frame.payload) for frame in read_frames(tmp_path / "out"))
    assert first.floats("image/object/weight").tolist() == [0, 2.5]
    assert "image/object/weight" not in second  # TensorFlow takes 1 for each then
    assert [line for line in losses(read, VOC) if "weight" in line] == ["2 boxes with a weight in training"]
    assert not [line for line in losses(read, TFRECORD) if "weight" in line]


def test_shards_are_filled_in_turn(dataset, tmp_path):
    files = write_tfrecord(dataset, tmp_path / "out", shards=2)
    assert [len(list(read_frames(file))) for file in files] == [2, 1]
    read = read_tfrecord(tmp_path / "out")
    assert [r.name for r in read] == ["a.jpg", "c.jpg", "b.png"]
    same(dataset, Dataset(read.class_names, tuple(sorted(read, key=lambda r: r.name))))


def test_all_keys_of_the_decoder_are_written(dataset, tmp_path):
    write_tfrecord(dataset, tmp_path / "out")
    example, negative, _ = (Example(frame.payload) for frame in read_frames(tmp_path / "out"))
    image_bytes = dataset.records[0].read_bytes()
    assert example.byte_strings("image/encoded") == [image_bytes]
    assert example.texts("image/format") == ["jpeg"]
    assert negative.texts("image/format") == ["png"]
    assert example.texts("image/filename") == example.texts("image/source_id") == ["a.jpg"]
    assert example.texts("image/key/sha256") == [hashlib.sha256(image_bytes).hexdigest()]
    assert (example.integers("image/width")[0], example.integers("image/height")[0]) == SIZE
    assert example.floats("image/object/bbox/xmin").tolist() == [np.float32(3 / 37), 0]
    assert example.floats("image/object/bbox/ymax").tolist() == [np.float32(9 / 23), 1]
    assert example.integers("image/object/class/label").tolist() == [2, 1]
    assert example.texts("image/object/class/text") == ["luxación", "fractura"]
    assert example.integers("image/object/difficult").tolist() == [1, 0]
    assert example.integers("image/object/truncated").tolist() == [0, 1]
    assert example.texts("image/object/view") == ["Frontal", "Unspecified"]
    assert example.keys == negative.keys


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_of_turned_images_are_written_as_tensorflow_sees_them(tmp_path, orientation):
    shown = SIZE if orientation < 5 else SIZE[::-1]
    path = image(tmp_path, orientation=orientation)
    dataset = Dataset(("x",), (record(path, [[1, 2, 10, 7]], [0], size=shown),))
    write_tfrecord(dataset, tmp_path / "out")
    same(dataset, read_tfrecord(tmp_path / "out"))
    example = Example(next(read_frames(tmp_path / "out")).payload)
    assert (example.integers("image/width")[0], example.integers("image/height")[0]) == SIZE
    if orientation == 6:  # shown: 23 wide, 37 high; a quarter turn to the right of what is stored
        assert example.floats("image/object/bbox/xmin").tolist() == [np.float32(2 / 37)]
        assert example.floats("image/object/bbox/ymin").tolist() == [np.float32((23 - 10) / 23)]


@given(st.integers(1, 20_000), st.data())
def test_pixels_come_back_exactly(side, data):
    pixels = np.array(data.draw(st.lists(st.integers(0, side * 64), max_size=8)), np.float64) / 64
    fractions = (pixels / side).astype(np.float32)
    np.testing.assert_array_equal(to_pixels(fractions, side), pixels.astype(np.float32))


@given(st.integers(1, 20_000), st.lists(st.floats(0, 1, width=32), max_size=5))
def test_other_fractions_are_not_rounded(side, fractions):
    values = np.array(fractions, np.float32)
    np.testing.assert_allclose(to_pixels(values, side), values.astype(np.float64) * side, rtol=2e-7, atol=1e-30)


def test_the_tutorials_own_file(tmp_path, caplog):
    file = tmp_path / "train.record"
    file.write_bytes(TUTORIAL_TFRECORD)
    problems = []
    data = read_tfrecord(file, problems=problems)
    assert data.class_names == ("Fractura", "Luxación")
    first, second = data
    assert (first.name, first.width, first.height) == ("muñeca.jpg", 23, 17)
    assert first.boxes == Boxes([[3, 2, 11, 9], [1, 1, 22, 16]], [0, 1])
    assert first.read_bytes()[:2] == b"\xff\xd8"
    assert second.is_negative
    assert [p.problem for p in problems] == [
        "class/label does not tell its 2 classes apart; their names count, in alphabetical order"
    ]
    with caplog.at_level(logging.WARNING):
        read_tfrecord(file)
    assert "alphabetical order" in caplog.text


def test_text_through_the_label_map_wins_and_a_disagreement_is_told(tmp_path):
    file = tmp_path / "train.record"
    file.write_bytes(TUTORIAL_TFRECORD)
    label_map = LabelMap((LabelMapItem(2, "Fractura"), LabelMapItem(1, "x", "Luxación"), LabelMapItem(4, "rare")))
    problems = []
    data = read_tfrecord(file, label_map, problems=problems)
    assert data.class_names == ("Luxación", "Fractura", "unused 3", "rare")
    assert data.records[0].boxes.labels.tolist() == [1, 0]
    assert [p.problem for p in problems] == ["'Fractura' has the id 2, but class/label says 1, in 1 boxes"]


def test_label_map_files_and_class_names(dataset, tmp_path):
    label_map = LabelMap((LabelMapItem(7, "fractura"), LabelMapItem(3, "luxación")))
    write_label_map(label_map, tmp_path / "label_map.txt")
    write_tfrecord(dataset, tmp_path / "out", label_map=label_map)
    read = read_tfrecord(tmp_path / "out", tmp_path / "label_map.txt")
    assert [read.class_names[label] for r in read for label in r.boxes.labels] == ["luxación", "fractura", "fractura"]
    assert [label for r in read for label in r.boxes.labels] == [2, 6, 6]
    names = read_tfrecord(tmp_path / "out", class_names=["luxación", "fractura"], problems=[])
    assert names.class_names == ("luxación", "fractura")
    with pytest.raises(UsageError, match="give one of them"):
        read_tfrecord(tmp_path / "out", label_map, ["a"])
    with pytest.raises(UsageError, match="must differ"):
        read_tfrecord(tmp_path / "out", class_names=["a", "a"])
    with pytest.raises(DataError, match="did you mean 'fracture'"):
        read_tfrecord(tmp_path / "out", label_map_of(["fracture", "luxación"]))
    with pytest.raises(DataError, match="'fractura' is not in the label map"):
        write_tfrecord(dataset, tmp_path / "other", label_map=label_map_of(["luxación"]))
    assert not (tmp_path / "other").exists()


def features(tmp_path, **changes):
    """A record as the usual converters write it, with changes; None takes a key out."""
    found = {
        "image/encoded": image(tmp_path).read_bytes(),
        "image/filename": b"image.jpg",
        "image/width": SIZE[0],
        "image/height": SIZE[1],
        **{
            f"image/object/bbox/{key}": np.array([value], np.float32)
            for key, value in {"xmin": 0.1, "ymin": 0.1, "xmax": 0.5, "ymax": 0.5}.items()
        },
        "image/object/class/text": [b"fractura"],
        "image/object/class/label": np.array([1]),
    }
    found.update({"image/" + key.replace("__", "/"): value for key, value in changes.items()})
    return {key: value for key, value in found.items() if value is not None}


def written(tmp_path, *records):
    file = tmp_path / "in.tfrecord"
    with file.open("wb") as stream:
        for each in records:
            write_frame(stream, each if isinstance(each, bytes) else encode_example(each))
    return file


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"encoded": None}, "holds no image"),
        ({"encoded": b""}, "holds no image"),
        ({"encoded": b"no image"}, "is not a readable JPEG"),
        ({"encoded": 3}, "holds int64 values instead of bytes"),
        ({"object__bbox__xmin": None}, "not as many: 0, 1, 1, 1"),
        ({"object__bbox__xmax": np.array([0.1], np.float32)}, "no area"),
        ({"object__bbox__xmax": np.array([np.nan], np.float32)}, "not a number"),
        ({"object__bbox__xmax": np.array([30], np.float32)}, "outside the image of 37x23"),
        ({"object__class__text": [b"a", b"b"]}, "2 values of 'class/text' for 1 boxes"),
        ({"object__class__text": None, "object__class__label": None}, "1 boxes have no class"),
        (
            {f"object__bbox__{each}": np.array(values, np.float32) for each, values in TWO_BOXES.items()}
            | {"object__class__text": [b"", b"a"], "object__class__label": np.array([1, 1])},
            "its class/text is empty",
        ),
        ({"object__class__text": [b"\xf1"]}, "not UTF-8"),
        ({"object__difficult": np.array([1, 0])}, "2 values of 'difficult' for 1 boxes"),
        ({"object__view": [b"a", b"b"]}, "2 values of 'view' for 1 boxes"),
        ({"object__weight": np.array([1, 1], np.float32)}, "2 values of 'weight' for 1 boxes"),
        ({"object__weight": np.array([-1], np.float32)}, "its weight is -1"),
        ({"object__weight": np.array([np.nan], np.float32)}, "its weight is nan"),
        ({"object__weight": np.array([1])}, "holds int64 values instead of float"),
    ],
)
def test_unusable_records_are_named_or_skipped(tmp_path, changes, problem):
    good = features(tmp_path)
    file = written(tmp_path, good, {**features(tmp_path, **changes)})
    with pytest.raises(DataError) as caught:
        read_tfrecord(file)
    assert problem in caught.value.problem
    offset = list(read_frames(file))[1].offset
    assert caught.value.file == str(file)
    assert caught.value.place.removesuffix(", box 1") == f"record at byte {offset}"
    problems = []
    assert len(read_tfrecord(file, on_error="skip-all", problems=problems)) == 1
    assert problem in problems[0].problem


def test_damage_and_cut_are_skipped_where_asked(tmp_path):
    file = written(tmp_path, features(tmp_path), features(tmp_path), features(tmp_path))
    data = bytearray(file.read_bytes())
    data[50] ^= 1
    file.write_bytes(bytes(data[:-10]))
    problems = []
    assert len(read_tfrecord(file, on_error="skip-all", problems=problems)) == 1
    assert [p.problem for p in problems] == [
        "a record is damaged (its checksum differs)",
        "the file is cut off inside a record",
    ]
    with pytest.raises(DataError, match="damaged"):
        read_tfrecord(file)
    with pytest.raises(DataError, match="cut off"):  # nobody knows how much is behind that place
        read_tfrecord(file, on_error="skip")
    (tmp_path / "junk").write_bytes(b"junk" * 10)
    with pytest.raises(DataError, match="no record can be used; the first fault is: is not a TFRecord file"):
        read_tfrecord(tmp_path / "junk", on_error="skip-all")


def test_remarks_on_what_other_converters_write(tmp_path):
    file = written(
        tmp_path,
        features(tmp_path, width=100, object__is_crowd=np.array([1]), filename=b"C:\\images\\x.jpg"),
        features(tmp_path, width=None, height=None, filename=b"../x.jpg", object__class__text=None),
        features(tmp_path, filename=None),
        features(tmp_path, filename=b"a\0.jpg"),
    )
    problems = []
    data = read_tfrecord(file, problems=problems)
    assert [r.name for r in data] == ["x.jpg", "x-2.jpg", "in.tfrecord-000002.jpg", "in.tfrecord-000003.jpg"]
    assert data.class_names == ("fractura",)
    assert [p.problem for p in problems] == [
        "image/width and image/height differ from the image in 1 records, first in 'x.jpg':"
        " (100, 23) written, (37, 23) stored",
        "1 boxes are annotated as crowds or groups; they are taken as single boxes",
    ]


@pytest.mark.parametrize(
    ("fractions", "shape", "corners", "clipped"),
    [
        ((0.1, 0.2, 1.014, 0.5), (100, 80), (10, 16, 100, 40), 1),
        ((-0.05, -0.1, 0.5, 1.1), (100, 80), (0, 0, 50, 80), 1),
        ((-0.005, 0, 1.005, 1.01), (100, 80), (0, 0, 100, 80), 0),  # rounding
        ((0, 0, 1, 1), (100, 80), (0, 0, 100, 80), 0),
    ],
)
def test_boxes_a_little_beyond_the_image_are_clipped(tmp_path, fractions, shape, corners, clipped):
    named = dict(zip(("xmin", "ymin", "xmax", "ymax"), fractions, strict=True))
    boxes = {f"object__bbox__{name}": np.array([value], np.float32) for name, value in named.items()}
    file = written(tmp_path, features(tmp_path, encoded=encoded(size=shape), width=None, height=None, **boxes))
    problems = []
    data = read_tfrecord(file, problems=problems)
    assert data.records[0].boxes.xyxy.tolist() == [list(corners)]
    said = "boxes reach beyond the image, by less than a tenth of its side; they are clipped to it"
    assert [p.problem for p in problems] == ([f"{clipped} {said}"] if clipped else [])


@pytest.mark.parametrize("xmax", [1.2, 30])
def test_boxes_far_beyond_the_image_are_refused(tmp_path, xmax):
    file = written(tmp_path, features(tmp_path, object__bbox__xmax=np.array([xmax], np.float32)))
    with pytest.raises(DataError, match="outside the image"):
        read_tfrecord(file)


def test_what_the_label_map_holds_besides_is_noted(tmp_path):
    label_map = tmp_path / "label_map.pbtxt"
    label_map.write_text("item { id: 0 name: 'background' } item { id: 1 name: 'fractura' }", encoding="utf-8")
    problems = []
    read_tfrecord(written(tmp_path, features(tmp_path)), label_map, problems=problems)
    assert [(p.file, p.problem) for p in problems] == [
        (str(label_map), "line 1: the item of id 0, 'background', is not a class: the background needs no item")
    ]


def test_ids_without_names(tmp_path):
    file = written(tmp_path, features(tmp_path, object__class__text=None, object__class__label=np.array([3])))
    problems = []
    assert read_tfrecord(file, problems=problems).class_names == ("unused 1", "unused 2", "class 3")
    assert "without names" in problems[0].problem
    assert read_tfrecord(file, label_map_of("abc")).records[0].boxes.labels.tolist() == [2]
    with pytest.raises(DataError, match="the class id 3 is not in the label map"):
        read_tfrecord(file, label_map_of("ab"))
    file = written(tmp_path, features(tmp_path, object__class__text=None, object__class__label=np.array([0])))
    with pytest.raises(DataError, match="class ids must be 1 to"):
        read_tfrecord(file)


def broken(folder, name, cut):
    path = image(folder, name, "PNG" if name.endswith("png") else "JPEG")
    path.write_bytes(path.read_bytes()[:-cut])
    return path


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: broken(folder, "x.jpg", 200), "cut off"),
        (lambda folder: broken(folder, "x.jpg", 2), "cut off"),
        (lambda folder: broken(folder, "x.png", 12), "cut off"),
        (lambda folder: image(folder, "x.tif", "TIFF"), "TensorFlow does not read images of the kind TIFF"),
        (lambda folder: image(folder, "x.webp", "WEBP"), "TensorFlow does not read images of the kind WEBP"),
        (lambda folder: image(folder, "x.jpg", size=(40, 40)), "has 40 x 40 pixels, but its annotation is for 37 x 23"),
        (lambda folder: folder / "missing.jpg", "there is no such file"),
    ],
)
def test_images_that_must_not_be_written(tmp_path, make, problem):
    bad = record(make(tmp_path))
    dataset = Dataset((), (record(image(tmp_path, "good.jpg")), bad))
    with pytest.raises(DataError) as caught:
        write_tfrecord(dataset, tmp_path / "out")
    assert problem in caught.value.problem
    assert str(bad.image) == caught.value.file
    assert not (tmp_path / "out").exists()
    problems = []
    write_tfrecord(dataset, tmp_path / "out", on_error="skip-all", problems=problems)
    assert [r.name for r in read_tfrecord(tmp_path / "out")] == ["good.jpg"]
    assert len(problems) == 1
    with pytest.raises(DataError, match="there is no image to write"):
        write_tfrecord(Dataset((), (bad,)), tmp_path / "none", on_error="skip-all")
    assert list(tmp_path.glob(".fractura-*")) == []


def test_bmp_is_written(tmp_path):
    dataset = Dataset((), (record(image(tmp_path, "x.bmp", "BMP")),))
    write_tfrecord(dataset, tmp_path / "out")
    same(dataset, read_tfrecord(tmp_path / "out"))


def test_images_move_from_file_to_file(dataset, tmp_path):
    write_tfrecord(dataset, tmp_path / "one")
    write_tfrecord(read_tfrecord(tmp_path / "one"), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_real_images_that_are_cut_off_are_refused(tmp_path, real_images):
    for path in sorted(real_images("awkward/truncated_jpeg").glob("*.jpg")):
        dataset = Dataset((), (record(path, size=(373, 454)),))
        with pytest.raises(DataError, match="cut off"):
            write_tfrecord(dataset, tmp_path / "out")


def test_tensorflow_reads_what_we_write(tensorflow, dataset, tmp_path):
    write_tfrecord(dataset, tmp_path / "out")
    tf = tensorflow
    spec = {
        "image/encoded": tf.io.FixedLenFeature((), tf.string),
        "image/width": tf.io.FixedLenFeature((), tf.int64),
        "image/object/bbox/xmin": tf.io.VarLenFeature(tf.float32),
        "image/object/class/label": tf.io.VarLenFeature(tf.int64),
        "image/object/view": tf.io.VarLenFeature(tf.string),
    }
    for raw, ours in zip(tf.data.TFRecordDataset(str(tmp_path / "out")), dataset, strict=True):
        example = tf.io.parse_single_example(raw, spec)
        pixels = tf.io.decode_image(example["image/encoded"], channels=3).numpy()
        np.testing.assert_array_equal(pixels.shape, (SIZE[1], SIZE[0], 3))
        xmin = tf.sparse.to_dense(example["image/object/bbox/xmin"]).numpy()
        np.testing.assert_array_equal(xmin, (ours.boxes.xyxy[:, 0].astype(float) / SIZE[0]).astype(np.float32))
        labels = tf.sparse.to_dense(example["image/object/class/label"]).numpy()
        np.testing.assert_array_equal(labels, ours.boxes.labels + 1)


def test_image_bytes_are_found_by_offset(dataset, tmp_path):
    write_tfrecord(dataset, tmp_path / "out")
    data = (tmp_path / "out").read_bytes()
    for each, original in zip(read_tfrecord(tmp_path / "out"), dataset, strict=True):
        offset, length = each.span
        assert data[offset : offset + length] == original.read_bytes()
        assert Image.open(io.BytesIO(each.read_bytes())).size == SIZE


def test_read_dataset_knows_a_tfrecord(dataset, tmp_path):
    write_tfrecord(dataset, tmp_path / "out", shards=2)
    for path in (tmp_path / "out", tmp_path / "out-*"):
        assert len(read_dataset(path, class_names=["luxación", "fractura"], problems=[])) == 3
    write_tfrecord(dataset, tmp_path / "one")
    same(dataset, read_dataset(tmp_path / "one"))
    with pytest.raises(DataError, match="there is no such folder"):
        read_dataset(tmp_path / "nothing")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_record_is_read_or_refused(tmp_path, data):
    payload = bytearray(encode_example(features(tmp_path)))
    image_bytes = (tmp_path / "image.jpg").read_bytes()
    start = payload.index(image_bytes)
    for _ in range(data.draw(st.integers(1, 5))):
        # The image itself is Pillow's business; here the message around it is damaged, and the image's header.
        place = data.draw(
            st.integers(0, len(payload) - 1).filter(lambda p: not start + 30 < p < start + len(image_bytes))
        )
        payload[place] = data.draw(st.integers(0, 255))
    file = written(tmp_path, bytes(payload))
    try:
        dataset = read_tfrecord(file, problems=[])
    except DataError:
        return
    (only,) = dataset
    assert only.width >= 1
    assert set(only.boxes.labels.tolist()) <= set(range(len(dataset.class_names)))
    assert only.image == file
    assert "/" not in only.name
    assert "\\" not in only.name


def test_a_kill_between_two_shards_leaves_no_mixture(tmp_path, monkeypatch):
    """Some shards of the new data set among those of the earlier one would read as a whole one."""
    write_tfrecord(make_dataset(tmp_path / "earlier", 6), tmp_path / "data", shards=3)
    rename = os.replace

    def dies(source, target):
        if Path(target).name == "data-00001-of-00003":
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        write_tfrecord(make_dataset(tmp_path / "new", 9), tmp_path / "data", shards=3)
    for path in (tmp_path / "data-?????-of-00003", tmp_path / "data@3"):
        with pytest.raises(DataError):
            read_dataset(path)
