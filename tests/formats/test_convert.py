"""From format to format: the same images and boxes come back, what is lost is said, and nothing of others is
touched."""

import hashlib
import json
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.format_images import CLASSES, boxes_of, make_dataset, make_images, same_images

from fractura.cli.main import main
from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset
from fractura.core.errors import DataError, UsageError
from fractura.core.folder_lock import hold_folder
from fractura.formats import convert, open_dataset, read_dataset, read_tfrecord, write_voc
from fractura.formats.csv import csv_bytes
from fractura.formats.recognition import guess_format
from fractura.formats.split_file import split_file_of

FORMATS = ("coco", "yolo", "createml", "csv", "tfrecord")
WITHOUT_FLAGS = ("yolo", "createml")


@pytest.fixture
def voc(tmp_path):
    folder = tmp_path / "voc"
    write_voc(make_dataset(tmp_path / "images"), folder)
    return folder


def target_of(folder, name):
    return folder / "out.record" if name == "tfrecord" else folder / f"as {name}"


def digest(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", [*FORMATS, "voc"])
def test_voc_to_x_to_voc_is_the_identity_and_losses_are_said(name, voc, tmp_path):
    before = digest(voc)
    there = convert(voc, target_of(tmp_path, name), name)
    back = convert(target_of(tmp_path, name), tmp_path / "back", "voc")
    assert digest(voc) == before
    same_images(read_dataset(voc), read_dataset(tmp_path / "back"), flags=name not in WITHOUT_FLAGS)
    lost = [line for line in there.not_held if "flagged" in line or "pose" in line]
    if name in WITHOUT_FLAGS:
        assert lost == ["3 boxes flagged difficult", "3 boxes flagged truncated", "3 boxes with a pose"]
    else:
        assert there.not_held == ()
    assert back.source_format == there.target_format
    assert there.dataset.negatives == back.dataset.negatives == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=boxes_of(), name=st.sampled_from(FORMATS), hard=st.booleans(), cut=st.booleans())
def test_any_boxes_go_to_x_and_back(boxes, name, hard, cut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("round")
    (record,) = make_images(folder / "images", 1)
    flags = (BoxFlags(hard, cut),) * len(boxes)
    write_voc(Dataset(CLASSES, (replace(record, boxes=boxes, flags=flags),)), folder / "voc")
    done = convert(folder / "voc", target_of(folder, name), name)
    convert(target_of(folder, name), folder / "back", "voc")
    first, second = read_dataset(folder / "voc"), read_dataset(folder / "back")
    if name == "tfrecord" and done.not_held:
        for one, other in zip(first, second, strict=True):
            np.testing.assert_allclose(one.boxes.xyxy, other.boxes.xyxy, atol=1e-3)
    else:
        same_images(first, second, flags=name not in WITHOUT_FLAGS)


PAIRS = [(first, second) for first in (*FORMATS, "voc") for second in (*FORMATS, "voc") if first != second]


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=lambda name: name)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_every_pair_of_formats_keeps_every_box(first, second, draw, tmp_path_factory):
    """VOC to one format, to the other, and back: the same images, boxes, classes and negative images."""
    folder = tmp_path_factory.mktemp("pair")
    boxes = [draw.draw(boxes_of()) for _ in range(2)]
    records = [
        replace(each, boxes=b, flags=()) for each, b in zip(make_images(folder / "images", 2), boxes, strict=True)
    ]
    bare = make_images(folder / "images", 3)[2]
    write_voc(Dataset(CLASSES, (*records, bare)), folder / "source")
    there = convert(folder / "source", target_of(folder / "one", first), first)
    convert(target_of(folder / "one", first), target_of(folder / "two", second), second)
    convert(target_of(folder / "two", second), folder / "back", "voc")
    source, back = read_dataset(folder / "source"), read_dataset(folder / "back")
    assert there.dataset.negatives == back.negatives
    if "tfrecord" in (first, second):  # which keeps 1/64 of a pixel exactly
        assert source.boxes_by_class == {name: n for name, n in back.boxes_by_class.items() if n}
        for one, other in zip(source, back, strict=True):
            np.testing.assert_allclose(one.boxes.xyxy, other.boxes.xyxy, atol=1e-3)
    else:
        same_images(source, back, flags=False)


def test_what_is_known_of_images_goes_where_there_is_a_place(voc, tmp_path):
    data = read_dataset(voc)
    records = [
        replace(each, patient=f"p{number}", split=split, body_part="WRIST", view="AP", laterality="R")
        for number, (each, split) in enumerate(zip(data, ("train", "train", "val", "test"), strict=True))
    ]
    known = split_file_of(replace(data, records=tuple(records)))
    (voc / "split.json").write_bytes(known.to_bytes())
    for name in FORMATS:
        done = convert(voc, target_of(tmp_path, name), name)
        again = read_dataset(target_of(tmp_path, name))
        if name == "tfrecord":
            assert [line.partition(" with ")[2] for line in done.not_held] == [
                "a split", "a patient id", "a body part", "a view", "a side",
            ]  # fmt: skip
            continue
        facts = {r.name: (r.patient, r.split, r.body_part, r.view, r.laterality) for r in again}
        assert facts == {r.name: (r.patient, r.split, "WRIST", "AP", "R") for r in records}, name
    assert (tmp_path / "as yolo" / "images" / "val").is_dir()
    only = convert(tmp_path / "as coco", tmp_path / "val", "voc", split="val")
    assert len(only.dataset) == 1
    with pytest.raises(DataError, match="no image is in the split 'test'"):
        convert(tmp_path / "val", tmp_path / "test", "voc", split="test")


def test_the_format_is_guessed_and_can_be_named(voc, tmp_path):
    for name in FORMATS:
        target = target_of(tmp_path, name)
        convert(voc, target, name)
        assert guess_format(target).format == name
    assert guess_format(tmp_path / "as csv" / "annotations.csv").format == "csv"
    assert guess_format(tmp_path / "as yolo" / "data.yaml").format == "yolo"
    assert guess_format(tmp_path / "as coco" / "annotations.json").format == "coco"
    convert(voc, tmp_path / "shards" / "train", "tfrecord", shards=2)
    assert guess_format(tmp_path / "shards").format == "tfrecord"
    assert guess_format(tmp_path / "shards" / "train").format == "tfrecord"
    (voc / "data.yaml").write_text("names: [a]\n")
    problems = []
    assert open_dataset(voc, problems=problems).guess.others == ("yolo",)
    assert "it holds YOLO, too" in str(problems[0])
    with pytest.raises(DataError, match="holds no annotation"):
        read_dataset(tmp_path / "images")
    with pytest.raises(UsageError, match="did you mean 'coco'"):
        read_dataset(voc, source_format="cocoo")


def test_the_class_order_given_always_wins(voc, tmp_path):
    order = ("yeso 2", "nothing of it", "luxación", "Fractura")
    for name in FORMATS:
        convert(voc, target_of(tmp_path / name, name), name, class_names=order)
        data = read_dataset(target_of(tmp_path / name, name))
        same_images(data, read_dataset(voc), flags=name not in WITHOUT_FLAGS)
        if name in ("coco", "yolo"):
            assert data.class_names == order
    records, names = tmp_path / "tfrecord" / "out.record", tmp_path / "tfrecord" / "label_map.pbtxt"
    assert read_tfrecord(records, names).class_names == order
    with pytest.raises(DataError, match="unknown class 'Fractura'"):
        convert(voc, tmp_path / "x", "coco", class_names=["fractura", "luxación", "yeso 2"])
    with pytest.raises(DataError, match="names the classes yeso 2"):
        convert(voc, tmp_path / "tfrecord" / "b.record", "tfrecord", class_names=["Fractura", "luxación", "yeso 2"])


def test_nothing_is_overwritten_but_ones_own_unchanged_files(voc, tmp_path):
    target = tmp_path / "coco"
    convert(voc, target, "coco")
    before = digest(target)
    convert(voc, target, "coco")  # the same again is no change
    assert digest(target) == before
    xml = voc / "annotations" / "image 1.xml"
    xml.write_bytes(xml.read_bytes().replace(b"<xmin>1<", b"<xmin>3<"))
    (voc / "annotations" / "image 3.xml").unlink()
    with pytest.raises(DataError, match="--overwrite"):
        convert(voc, target, "coco")
    assert digest(target) == before
    convert(voc, target, "coco", overwrite=True)
    assert not (target / "images" / "image 3.png").exists()  # of an image that is no longer there
    same_images(read_dataset(voc), read_dataset(target))
    text = (target / "annotations.json").read_text(encoding="utf-8")
    (target / "annotations.json").write_text(text.replace("Fractura", "changed"), encoding="utf-8")
    xml.write_bytes(xml.read_bytes().replace(b"<xmin>3<", b"<xmin>4<"))
    with pytest.raises(DataError, match="was changed since"):
        convert(voc, target, "coco", overwrite=True)
    stranger = tmp_path / "other"
    stranger.mkdir()
    (stranger / "annotations.csv").write_text("mine")
    with pytest.raises(DataError, match="not of an earlier conversion"):
        convert(voc, stranger, "csv", overwrite=True)
    assert (stranger / "annotations.csv").read_text() == "mine"


def test_source_and_target_must_not_lie_in_each_other(voc, tmp_path):
    before = digest(voc)
    for target in (voc, voc / "coco", voc / ".." / "voc" / "x", tmp_path):
        with pytest.raises(UsageError, match="must not lie inside"):
            convert(voc, target, "coco")
    convert(voc, tmp_path / "coco", "coco")
    with pytest.raises(UsageError, match="must not lie inside"):
        convert(tmp_path / "coco" / "annotations.json", tmp_path / "coco" / "voc", "voc")
    assert digest(voc) == before


def test_images_are_copied_linked_or_left_out(voc, tmp_path):
    image = voc / "images" / "image 1.png"
    convert(voc, tmp_path / "linked", "yolo", images="link")
    assert (tmp_path / "linked" / "images" / "image 1.png").samefile(image)
    convert(voc, tmp_path / "copied", "yolo")
    assert not (tmp_path / "copied" / "images" / "image 1.png").samefile(image)
    convert(voc, tmp_path / "bare", "coco", images="none")
    assert sorted(path.name for path in (tmp_path / "bare").iterdir()) == ["annotations.json", "conversion.json"]
    same_images(read_dataset(tmp_path / "bare" / "annotations.json", image_dir=voc / "images"), read_dataset(voc))
    content = image.read_bytes()
    convert(voc, tmp_path / "linked", "yolo", overwrite=True)  # a link that is replaced is not written through
    assert image.read_bytes() == content
    convert(voc, tmp_path / "a.record", "tfrecord")
    with pytest.raises(DataError, match="cannot be linked"):
        convert(tmp_path / "a.record", tmp_path / "x", "voc", images="link")
    with pytest.raises(UsageError, match="always holds its images"):
        convert(voc, tmp_path / "b.record", "tfrecord", images="none")


def test_a_link_that_leads_to_a_source_is_never_written_through(voc, tmp_path):
    target = tmp_path / "yolo"
    convert(voc, target, "yolo")
    victim = tmp_path / "victim.png"
    victim.write_bytes((target / "images" / "image 1.png").read_bytes())
    (target / "images" / "image 1.png").unlink()
    (target / "images" / "image 1.png").symlink_to(victim)
    before = victim.read_bytes()
    (voc / "images" / "image 1.png").write_bytes((voc / "images" / "image 3.png").read_bytes())
    convert(voc, target, "yolo", overwrite=True)
    assert victim.read_bytes() == before


@pytest.mark.parametrize("name", [*FORMATS, "voc"])
def test_pain_25_names_in_any_script_blanks_and_a_folder_that_may_only_be_read(name, tmp_path):
    folder = tmp_path / "Röntgen" / "患者 1"
    data = make_dataset(folder / "images")
    odd = folder / "images" / "Ünïcode 手 (1).v2.png"
    os.rename(data.records[1].image, odd)
    data = replace(
        data, records=(data.records[0], replace(data.records[1], image=odd, name=odd.name), *data.records[2:])
    )
    write_voc(data, folder / "voc")
    for place in (folder / "voc", folder / "voc" / "images", folder / "voc" / "annotations"):
        place.chmod(0o555)
    try:
        convert(folder / "voc", target_of(folder, name), name)
        convert(target_of(folder, name), folder / "zurück", "voc")
    finally:
        for place in (folder / "voc", folder / "voc" / "images", folder / "voc" / "annotations"):
            place.chmod(0o755)
    same_images(read_dataset(folder / "voc"), read_dataset(folder / "zurück"), flags=name not in WITHOUT_FLAGS)


def test_pain_23_an_edited_annotation_is_seen_and_images_add_up(voc, tmp_path):
    first = convert(voc, tmp_path / "one", "coco")
    xml = voc / "annotations" / "image 1.xml"
    xml.write_bytes(xml.read_bytes().replace(b"<xmax>31<", b"<xmax>33<"))
    (voc / "annotations" / "image 2.xml").write_bytes(b"<annotation><broken")
    second = convert(voc, tmp_path / "two", "coco", on_error="skip-all")
    assert first.dataset.records[1].boxes.xyxy[0, 2] == 31
    assert second.dataset.records[1].boxes.xyxy[0, 2] == 33
    images = len(list((voc / "images").iterdir()))
    skipped = [problem for problem in second.problems if "image 2" in str(problem)]
    assert len(second.dataset) + 1 == images == len(first.dataset)
    assert skipped


def test_folders_of_splits_are_one_data_set(tmp_path):
    data = make_dataset(tmp_path / "images")
    for split, records in (("train", data.records[:2]), ("valid", data.records[2:])):
        write_voc(Dataset(CLASSES, records), tmp_path / "all" / split)
    read = read_dataset(tmp_path / "all")
    assert [(r.name, r.split) for r in read] == [
        ("image 0.png", "train"), ("image 1.png", "train"), ("image 2.png", "val"), ("image 3.png", "val"),
    ]  # fmt: skip
    assert convert(tmp_path / "all", tmp_path / "yolo", "yolo").source_format == "folders of splits"
    write_voc(Dataset(CLASSES, (data.records[1],)), tmp_path / "all" / "test")
    with pytest.raises(DataError, match="is in two splits"):
        read_dataset(tmp_path / "all")


def test_images_of_one_name_are_refused_not_lost(tmp_path):
    (record,) = make_images(tmp_path / "images", 1)
    other = tmp_path / "images" / "image 0.jpg"
    other.write_bytes(record.image.read_bytes())
    twin = replace(record, image=other, name="image 0.jpg")
    (tmp_path / "images" / "a.csv").write_bytes(csv_bytes(Dataset(("a",), (record, twin))))
    with pytest.raises(DataError, match="would be one file"):
        convert(tmp_path / "images" / "a.csv", tmp_path / "voc", "voc")
    assert not (tmp_path / "voc").exists()
    convert(tmp_path / "images" / "a.csv", tmp_path / "coco", "coco")


def test_a_box_outside_its_image_never_becomes_another_box(tmp_path):
    (record,) = make_images(tmp_path / "images", 1)
    wide = replace(record, boxes=Boxes([[0, 0, 120, 90]], [0]))
    write_voc(Dataset(("a",), (wide,)), tmp_path / "voc")
    convert(tmp_path / "voc", tmp_path / "yolo", "yolo")
    (tmp_path / "yolo" / "labels" / "image 0.txt").write_text("0 0.6 0.5 1 1\n")
    with pytest.raises(DataError, match="outside the image"):
        convert(tmp_path / "yolo", tmp_path / "back", "voc")


def test_the_command_says_what_it_guessed_and_what_is_lost(voc, tmp_path, capsys):
    assert (
        main(["convert", str(voc), str(tmp_path / "y"), "--to", "yolo", "--classes", "yeso 2, luxación,Fractura"]) == 0
    )
    shown = capsys.readouterr()
    assert shown.out.strip() == str(tmp_path / "y")
    assert "read as Pascal VOC: it holds 4 .xml files" in shown.err
    assert "YOLO has no place for: 3 boxes flagged difficult" in shown.err
    assert (tmp_path / "y" / "classes.txt").read_text(encoding="utf-8") == "yeso 2\nluxación\nFractura\n"
    assert main(["convert", str(tmp_path / "y"), str(tmp_path / "c"), "--to", "csv", "--images", "none", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["from"], document["to"], document["negatives"]) == ("YOLO", "CSV", 1)
    assert main(["convert", str(voc), str(tmp_path / "z"), "--to", "yolo", "--classes", "a,,b"]) == 2


def test_real_images_go_round(real_images, tmp_path):
    source = real_images("fracatlas/val")
    data = read_dataset(source)
    for name in FORMATS:
        convert(source, target_of(tmp_path, name), name, images="copy" if name == "tfrecord" else "link")
        same_images(data, read_dataset(target_of(tmp_path, name)), flags=name not in WITHOUT_FLAGS)


@pytest.mark.skipif(sys.platform == "win32", reason="link counts mean something else there")
def test_copies_are_byte_for_byte(voc, tmp_path):
    convert(voc, tmp_path / "coco", "coco")
    for image in (voc / "images").iterdir():
        assert (tmp_path / "coco" / "images" / image.name).read_bytes() == image.read_bytes()


def test_images_without_any_box_leave_no_empty_label_map_for_the_next_conversion(tmp_path, voc):
    bare = Dataset((), tuple(make_images(tmp_path / "bare")))
    write_voc(bare, tmp_path / "negatives")
    written = convert(tmp_path / "negatives", tmp_path / "out" / "negatives.record", "tfrecord").written
    assert [path.name for path in written] == ["negatives.record"]
    assert not (tmp_path / "out" / "label_map.pbtxt").exists()
    convert(voc, tmp_path / "out" / "boxes.record", "tfrecord")
    assert read_dataset(tmp_path / "out" / "boxes.record").class_names == read_dataset(voc).class_names


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
@pytest.mark.parametrize("to", [*FORMATS, "voc"])
def test_names_that_are_not_utf_8(to, voc, tmp_path, capsys):
    """As old discs have them: ISO 8859-1. A folder's name matters to no format; an image's is kept or refused."""
    odd = os.fsdecode(b"fr\xe1")
    for part, end in (("images", "png"), ("annotations", "xml")):
        (voc / part / f"image 1.{end}").rename(voc / part / f"{odd}.{end}")
    folder = voc.rename(voc.with_name(odd))
    if to not in ("voc", "yolo"):
        assert main(["convert", str(folder), str(target_of(tmp_path, to)), "--to", to]) == 3
        assert "has a name that is not UTF-8" in capsys.readouterr().err
        (folder / "images" / f"{odd}.png").rename(folder / "images" / "a.png")
        (folder / "annotations" / f"{odd}.xml").rename(folder / "annotations" / "a.xml")
    convert(folder, target_of(tmp_path, to), to)
    same_images(read_dataset(folder), read_dataset(target_of(tmp_path, to)), flags=to not in WITHOUT_FLAGS)


@pytest.mark.parametrize("name", ["notes.txt", "wrist.webp", "wrist.dcm"])
def test_a_text_or_an_image_is_not_taken_for_a_tfrecord(tmp_path, name):
    file = tmp_path / name
    file.write_bytes(b"fracture of the wrist")
    with pytest.raises(DataError, match="holds nothing that can be read as labelled images"):
        guess_format(file)


@pytest.mark.parametrize("shared", ["a.record", "label_map.pbtxt"])
def test_of_two_tfrecords_at_once_one_waits(shared, voc, tmp_path):
    """Their shards would mix, or one id in the label map would mean two classes."""
    out = tmp_path / "out"
    with hold_folder(out, "fractura convert", file=shared):
        with pytest.raises(UsageError, match="is in use by fractura convert"):
            convert(voc, out / "a.record", "tfrecord", shards=2)
        if shared == "a.record":  # others may be written there meanwhile
            convert(voc, out / "b.record", "tfrecord", label_map=out / "b.pbtxt")
    convert(voc, out / "a.record", "tfrecord", shards=2)
    assert len(read_tfrecord(out / "a.record", label_map=out / "label_map.pbtxt")) == len(read_dataset(voc))
    assert not list(out.glob(".*"))
