"""``Dataset`` and ``Record``: what they refuse, how they renumber classes, and a fingerprint that misses nothing."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import numpy as np
import pytest

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError

NEGATIVE = Record(Path("images/b.png"), 50, 60, Boxes.empty())
ANNOTATED = Record(Path("images/a.png"), 100, 80, Boxes([[1, 2, 30, 40], [5, 6, 7, 8]], [0, 2]))
DATA = Dataset(("fracture", "cast", "screw"), (ANNOTATED, NEGATIVE), Path("images"))


def test_a_record_fills_in_name_and_flags():
    assert ANNOTATED.name == "a.png"
    assert ANNOTATED.flags == (BoxFlags(), BoxFlags())
    assert not ANNOTATED.is_negative
    assert NEGATIVE.is_negative
    assert NEGATIVE.flags == ()
    assert replace(ANNOTATED, name="other").name == "other"


def test_difficult_is_by_box():
    record = replace(ANNOTATED, flags=(BoxFlags(truncated=True), BoxFlags(difficult=True)))
    assert record.difficult.tolist() == [False, True]
    assert NEGATIVE.difficult.shape == (0,)
    assert NEGATIVE.difficult.dtype == bool


def test_flags_must_be_as_many_as_boxes():
    with pytest.raises(ValueError, match=r"a\.png: 2 boxes but 1 flags"):
        replace(ANNOTATED, flags=(BoxFlags(),))
    with pytest.raises(ValueError, match="0 boxes but 1 flags"):
        replace(NEGATIVE, flags=(BoxFlags(),))


@pytest.mark.parametrize(("thing", "field"), [(ANNOTATED, "width"), (DATA, "records"), (BoxFlags(), "difficult")])
def test_nothing_can_be_changed(thing, field):
    with pytest.raises(FrozenInstanceError):
        setattr(thing, field, getattr(thing, field))


def test_counts():
    assert len(DATA) == 2
    assert list(DATA) == [ANNOTATED, NEGATIVE]
    assert DATA.negatives == 1
    assert DATA.boxes_by_class == {"fracture": 1, "cast": 0, "screw": 1}
    assert list(DATA.boxes_by_class) == ["fracture", "cast", "screw"]


@pytest.mark.parametrize(
    ("span", "expected"), [(None, b"0123456789"), ((0, 3), b"012"), ((4, 3), b"456"), ((9, 1), b"9"), ((3, 0), b"")]
)
def test_bytes_of_a_file_or_of_a_span_in_a_container(tmp_path, span, expected):
    path = tmp_path / "image"
    path.write_bytes(b"0123456789")
    assert Record(path, 1, 1, Boxes.empty(), span=span).read_bytes() == expected


@pytest.mark.parametrize("span", [None, (0, 3)])
def test_an_image_that_cannot_be_read_is_named(tmp_path, span):
    record = Record(tmp_path / "image", 1, 1, Boxes.empty(), name="a.png", span=span)
    for file, problem in ((tmp_path / "image", "there is no such file"), (tmp_path, "is a folder")):
        broken = replace(record, image=file)
        with pytest.raises(DataError, match=problem) as caught:
            broken.read_bytes()
        assert caught.value.file == (str(file) if span is None else f"{file}, a.png")
        assert caught.value.hint


BOXES, FLAGS = ANNOTATED.boxes, ANNOTATED.flags


@pytest.mark.parametrize(
    "changed",
    [
        replace(DATA, class_names=("fracture", "cast", "nail")),
        replace(DATA, class_names=("cast", "fracture", "screw")),
        replace(DATA, records=(ANNOTATED,)),
        *(
            replace(DATA, records=(replace(ANNOTATED, **change), NEGATIVE))
            for change in (
                {"name": "c.png"},
                {"width": 101},
                {"height": 81},
                {"boxes": Boxes([[1, 2, 30, 40], [5, 6, 7, 8.5]], [0, 2])},
                {"boxes": Boxes(BOXES.xyxy, [0, 1])},
                {"boxes": BOXES.select([1, 0])},
                {"boxes": BOXES.select([0]), "flags": FLAGS[:1]},
                {"flags": (BoxFlags(difficult=True), BoxFlags())},
                {"flags": (BoxFlags(), BoxFlags(difficult=True))},
                {"flags": (BoxFlags(truncated=True), BoxFlags())},
                {"flags": (BoxFlags(pose="Left"), BoxFlags())},
            )
        ),
    ],
)
def test_the_fingerprint_changes_with_each_annotation(changed):
    assert changed.fingerprint() != DATA.fingerprint()


@pytest.mark.parametrize(
    "same",
    [
        replace(DATA, records=DATA.records[::-1]),
        replace(DATA, root=Path("elsewhere")),
        replace(DATA, records=(replace(ANNOTATED, image=Path("moved/a.png"), split="val", patient="7"), NEGATIVE)),
    ],
)
def test_the_fingerprint_does_not_depend_on_order_and_place(same):
    assert same.fingerprint() == DATA.fingerprint()


def test_the_fingerprint_does_not_depend_on_what_the_locale_makes_of_names():
    """Under ``LC_ALL=C`` without UTF-8 Python gives the bytes of ñ as two halves of characters."""
    named, escaped = (
        replace(DATA, records=(replace(ANNOTATED, name=name), NEGATIVE))
        for name in ("muñeca.png", "mu\udcc3\udcb1eca.png")
    )
    assert named.fingerprint() == escaped.fingerprint()
    half = replace(DATA, class_names=("fracture", "\ud83e", *DATA.class_names[2:]))
    assert half.fingerprint() != DATA.fingerprint()


def test_class_names_in_another_order_renumber_the_labels():
    turned = DATA.with_class_names(("screw", "nail", "fracture"))
    assert turned.class_names == ("screw", "nail", "fracture")
    assert [record.boxes.labels.tolist() for record in turned] == [[2, 0], []]
    assert turned.boxes_by_class == {"screw": 1, "nail": 0, "fracture": 1}
    assert np.array_equal(turned.records[0].boxes.xyxy, BOXES.xyxy)
    assert turned.records[0].flags == FLAGS
    assert DATA.records[0].boxes.labels.tolist() == [0, 2]
    assert DATA.with_class_names(DATA.class_names) is DATA


def test_a_class_with_boxes_cannot_be_dropped():
    with pytest.raises(ValueError, match=r"\['screw'\] are not among \['fracture', 'cast'\]"):
        DATA.with_class_names(("fracture", "cast"))


def test_negative_images_take_any_class_names():
    assert Dataset((), (NEGATIVE,)).with_class_names(("fracture",)).class_names == ("fracture",)


def written(folder, **images):
    records = []
    for name, content in images.items():
        (folder / name).write_bytes(content)
        records.append(Record(folder / name, 1, 1, Boxes.empty()))
    return Dataset(("fracture",), tuple(records))


def test_images_are_known_again_by_their_bytes_whatever_they_are_called(tmp_path):
    seen = written(tmp_path, a=b"one", b=b"two", c=b"three")
    described = seen.describe()
    assert described["image_digests"] == " ".join(sorted(record.digest[:12] for record in seen))
    assert [len(digest) for digest in described["image_digests"].split()] == [12, 12, 12]
    others = written(tmp_path, x=b"two", y=b"four", z=b"three", w=b"two")
    assert others.shared_with(described) == 3
    assert written(tmp_path, x=b"four").shared_with(described) == 0


def test_without_digests_only_the_very_same_set_is_known_again(tmp_path):
    seen = written(tmp_path, a=b"one", b=b"two")
    older = {"fingerprint": seen.fingerprint(), "images": 2}
    assert seen.shared_with(older) == 2
    assert replace(seen, records=seen.records[:1]).shared_with(older) is None


def test_a_image_that_cannot_be_read_has_no_digest(tmp_path):
    seen = written(tmp_path, a=b"one", b=b"two")
    (tmp_path / "a").unlink()
    assert seen.describe()["image_digests"] == seen.records[1].digest[:12]


def test_a_image_is_read_once_for_its_digest(tmp_path, monkeypatch):
    seen, read = written(tmp_path, a=b"one", b=b"two"), []
    monkeypatch.setattr(Record, "read_bytes", lambda record: read.append(record.name) or b"image")
    described = seen.describe()
    assert seen.describe() == described
    assert seen.shared_with({**described, "fingerprint": "other"}) == 2
    assert read == ["a", "b"]
