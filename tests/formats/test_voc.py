"""Pascal VOC: exactly LabelImg's files, kept byte for byte, patched line by line, refused by name."""

import codecs
import os
import sys
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError, UsageError
from fractura.formats import read_dataset, read_voc, write_voc
from fractura.formats.voc import (
    VocAnnotation,
    VocObject,
    labelimg_object,
    parse_voc,
    read_voc_file,
    write_voc_file,
)
from fractura.formats.voc.serializer import voc_bytes
from fractura.formats.voc.xml_source import MAXIMUM_BYTES

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)
NAME = TEXT.filter(lambda t: t.strip() != "")
CORNER = st.one_of(st.integers(0, 500).map(float), st.floats(0, 500, width=32))


@st.composite
def objects(draw):
    return VocObject(
        draw(NAME),
        *(draw(CORNER) for _ in range(4)),
        difficult=draw(st.booleans()),
        truncated=draw(st.booleans()),
        pose=draw(st.sampled_from(["Unspecified", "Left", "Frontal & <b>"])),
        score=draw(st.one_of(st.none(), st.floats(0, 1))),
    )


@st.composite
def annotations(draw):
    return VocAnnotation(
        filename=draw(TEXT),
        width=draw(st.integers(0, 9000)),
        height=draw(st.integers(0, 9000)),
        depth=draw(st.sampled_from([1, 3])),
        objects=tuple(draw(st.lists(objects(), max_size=4))),
        folder=draw(TEXT),
        path=draw(st.one_of(st.none(), TEXT)),
        database=draw(TEXT),
        verified=draw(st.booleans()),
    )


ONE = VocAnnotation(
    "IMG1.png", 200, 100, 3, (VocObject("Fractura", 10, 20, 50, 60), VocObject("Callo", 1, 2, 3, 4)), folder="images"
)
SOURCE = voc_bytes(ONE)


# ---------------------------------------------------------------- LabelImg


def labelimg_bytes(tmp_path, annotation, boxes) -> bytes:
    pytest.importorskip("lxml")
    writer_module = pytest.importorskip("libs.pascal_voc_io")
    writer = writer_module.PascalVocWriter(
        annotation.folder,
        annotation.filename,
        [annotation.height, annotation.width, annotation.depth],
        local_img_path=annotation.path,
    )
    writer.verified = annotation.verified
    for name, corners, difficult in boxes:
        # labelFile.py itself needs Qt; its rule: left and top at least 1, then whole pixels
        left, top = max(corners[0], 1), max(corners[1], 1)
        writer.add_bnd_box(int(left), int(top), int(corners[2]), int(corners[3]), name, int(difficult))
    target = tmp_path / "labelimg.xml"
    writer.save(target_file=str(target))
    return target.read_bytes()


@pytest.mark.parametrize(
    ("head", "boxes"),
    [
        ({}, []),
        ({"verified": True}, [("Fractura", (10.9, 20.2, 50.7, 60.1), False)]),
        ({"depth": 1, "path": "C:\\images\\a.jpg"}, [("Fractura", (0, 0.4, 50, 60), True)]),
        ({"path": '/tmp/Röntgen 患者/a & b <c> "d".png'}, [("Fraktur des Röhrenknochens", (2, 3, 200, 60), False)]),
        ({"filename": "患者1.jpg", "folder": "é"}, [("Fractura", (5, 5, 20, 100), 0), ("b", (1, 9, 9, 90), 1)]),
        ({"folder": "", "filename": ""}, [("a'b", (5, 1, 20, 99), False)]),
    ],
)
def test_new_file_equals_labelimg(tmp_path, head, boxes):
    annotation = replace(VocAnnotation("image.jpg", 200, 100, 3, folder="images"), **head)
    drawn = tuple(labelimg_object(name, corners, 200, 100, difficult=bool(hard)) for name, corners, hard in boxes)
    assert voc_bytes(replace(annotation, objects=drawn)) == labelimg_bytes(tmp_path, annotation, boxes)


@given(
    boxes=st.lists(
        st.tuples(NAME, st.tuples(*[st.floats(0, 200)] * 4), st.booleans()),
        max_size=3,
    ),
    filename=TEXT,
    verified=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_new_file_equals_labelimg_whatever_is_drawn(tmp_path_factory, boxes, filename, verified):
    assume("  " not in filename and not any("  " in name for name, _, _ in boxes))
    annotation = VocAnnotation(filename, 200, 100, 3, folder="images", verified=verified)
    drawn = tuple(labelimg_object(name, corners, 200, 100, difficult=hard) for name, corners, hard in boxes)
    expected = labelimg_bytes(tmp_path_factory.getbasetemp(), annotation, boxes)
    assert voc_bytes(replace(annotation, objects=drawn)) == expected


def test_two_spaces_stay_two_spaces(tmp_path):
    """The one place where LabelImg is not followed: it turns them into a tab, and the image is not found again."""
    annotation = VocAnnotation("image  1.jpg", 200, 100, 3, folder="images")
    assert b"image\t1.jpg" in labelimg_bytes(tmp_path, annotation, [])
    assert parse_voc(voc_bytes(annotation), "x").filename == "image  1.jpg"


def test_labelimg_reads_our_scores(tmp_path):
    pytest.importorskip("lxml")
    reader_module = pytest.importorskip("libs.pascal_voc_io")
    target = tmp_path / "a.xml"
    write_voc_file(replace(ONE, objects=(replace(ONE.objects[0], score=0.75, difficult=True),)), target)
    assert "\t\t<score>0.75</score>\n\t\t<bndbox>" in target.read_text(encoding="utf-8")
    shapes = reader_module.PascalVocReader(str(target)).get_shapes()
    assert shapes == [("Fractura", [(10, 20), (50, 20), (50, 60), (10, 60)], None, None, True)]


# ---------------------------------------------------------------- round trip


@given(annotations())
@settings(max_examples=100, deadline=None)
def test_write_and_read_is_the_identity(annotation):
    data = voc_bytes(annotation)
    back = parse_voc(data, "x.xml")
    assert back == annotation
    assert voc_bytes(back) == data


def test_all_real_files_come_back_byte_for_byte(real_images):
    files = [file for split in ("train", "val") for file in real_images(f"fracatlas/{split}/annotations").glob("*.xml")]
    assert len(files) == 2261
    for file in files:
        annotation = read_voc_file(file)
        data = file.read_bytes()
        assert voc_bytes(annotation) == data
        assert voc_bytes(replace(annotation, source=None)) == data  # and written anew they are the same too


STYLES = {
    "as it is": lambda s: s,
    "crlf": lambda s: s.replace(b"\n", b"\r\n"),
    "utf-8 detection": lambda s: codecs.BOM_UTF8 + s,
    "utf-16": lambda s: codecs.BOM_UTF16_LE + s.decode().encode("utf-16-le"),
    "utf-16 big": lambda s: codecs.BOM_UTF16_BE + s.decode().encode("utf-16-be"),
    "latin-1": lambda s: (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n' + s.replace(b"Callo", "Callo óseo".encode("latin-1"))
    ),
    "declared utf-8": lambda s: b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n" + s,
    "spaces": lambda s: s.replace(b"\t", b"    "),
    "one line": lambda s: s.replace(b"\n", b"").replace(b"\t", b""),
    "no end of line": lambda s: s.rstrip(b"\n"),
    "comments": lambda s: s.replace(b"<object>", b"<!-- > ' \" <object> --><object id='1>2'>"),
    "blank lines": lambda s: s.replace(b"\n\t<object>", b"\n\n\n\t<object>"),
    "other fields": lambda s: s.replace(
        b"<bndbox>", b"<occluded>0</occluded>\n\t\t<part><name>x</name><bndbox/></part><bndbox>"
    ),
    "cdata": lambda s: s.replace(b">Callo<", b"><![CDATA[Callo]]><"),
    "character reference": lambda s: s.replace(b">Callo<", b">&#67;allo<"),
    "fields missing": lambda s: (
        s.replace(b"\t\t<pose>Unspecified</pose>\n", b"")
        .replace(b"\t\t<truncated>0</truncated>\n", b"")
        .replace(b"\t\t<difficult>0</difficult>\n", b"")
    ),
    "empty fields": lambda s: s.replace(b"<pose>Unspecified</pose>", b"<pose/>").replace(
        b"<difficult>0</difficult>", b"<difficult></difficult>"
    ),
    "verified": lambda s: s.replace(b"<annotation>", b"<annotation verified = 'yes' other='1'>"),
    "floats": lambda s: s.replace(b">10<", b"> 10.0 <").replace(b">50<", b">5.0e1<"),
}
EDITS = {
    "move": lambda o: (replace(o[0], xmin=11, ymax=61.5), *o[1:]),
    "rename": lambda o: (o[0], replace(o[1], name="Röntgen & 患者")),
    "flags": lambda o: (replace(o[0], difficult=True, truncated=True, pose="Left"), *o[1:]),
    "score": lambda o: (replace(o[0], score=0.5), *o[1:]),
    "add last": lambda o: (*o, VocObject("new", 7, 8, 9, 10)),
    "add first": lambda o: (VocObject("new", 7, 8, 9, 10, score=1.0), *o),
    "add between": lambda o: (o[0], VocObject("new", 7, 8, 9, 10), o[1]),
    "remove first": lambda o: o[1:],
    "remove last": lambda o: o[:-1],
    "remove all": lambda o: (),
    "swap": lambda o: o[::-1],
    "duplicate": lambda o: (*o, *o),
    "replace two by one": lambda o: (VocObject("new", 7, 8, 9, 10),),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_style_comes_back_byte_for_byte(style):
    data = STYLES[style](SOURCE)
    annotation = parse_voc(data, "x.xml")
    assert voc_bytes(annotation) == data
    assert [o.corners for o in annotation.objects] == [(10, 20, 50, 60), (1, 2, 3, 4)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("edit", EDITS)
def test_edit_in_every_style_says_what_was_wanted(style, edit):
    data = STYLES[style](SOURCE)
    annotation = parse_voc(data, "x.xml")
    wanted = replace(annotation, objects=EDITS[edit](annotation.objects))
    assert wanted != annotation
    back = parse_voc(voc_bytes(wanted), "x.xml")
    assert back == wanted
    assert parse_voc(voc_bytes(replace(back, objects=annotation.objects)), "x.xml") == annotation  # and back again


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(
    "change",
    [
        {"verified": True},
        {"verified": False},
        {"filename": "other.png"},
        {"folder": None},
        {"path": "/new/place"},
        {"database": None},
        {"width": 300, "height": 150},
        {"width": None, "height": None, "depth": None},
        {"filename": None, "width": 1, "objects": ()},
    ],
)
def test_head_changes_in_every_style(style, change):
    annotation = parse_voc(STYLES[style](SOURCE), "x.xml")
    wanted = replace(annotation, **change)
    once = parse_voc(voc_bytes(wanted), "x.xml")
    assert once == wanted
    again = replace(once, **{key: getattr(annotation, key) for key in change})  # and back again
    assert parse_voc(voc_bytes(again), "x.xml") == annotation


@pytest.mark.parametrize(
    ("edit", "gone", "new"),
    [
        (
            "move",
            ["\t\t\t<xmin>10</xmin>", "\t\t\t<ymax>60</ymax>"],
            ["\t\t\t<xmin>11</xmin>", "\t\t\t<ymax>61.5</ymax>"],
        ),
        ("rename", ["\t\t<name>Callo</name>"], ["\t\t<name>Röntgen &amp; 患者</name>"]),
        ("score", [], ["\t\t<score>0.5</score>"]),
        (
            "add between",
            [],
            [
                "\t<object>",
                "\t\t<name>new</name>",
                "\t\t<pose>Unspecified</pose>",
                "\t\t<truncated>0</truncated>",
                "\t\t<difficult>0</difficult>",
                "\t\t<bndbox>",
                "\t\t\t<xmin>7</xmin>",
                "\t\t\t<ymin>8</ymin>",
                "\t\t\t<xmax>9</xmax>",
                "\t\t\t<ymax>10</ymax>",
                "\t\t</bndbox>",
                "\t</object>",
            ],
        ),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_edit_touches_only_its_own_lines(edit, gone, new, newline):
    data = SOURCE.replace(b"\n", newline.encode())
    annotation = parse_voc(data, "x.xml")
    changed = voc_bytes(replace(annotation, objects=EDITS[edit](annotation.objects)))
    lines = list(unified_diff(data.decode().split(newline), changed.decode().split(newline), lineterm="", n=0))
    assert sorted(line[1:] for line in lines[2:] if line[0] == "-") == sorted(gone)
    assert sorted(line[1:] for line in lines[2:] if line[0] == "+") == sorted(new)


def test_what_other_tools_wrote_survives_an_edit():
    data = STYLES["other fields"](STYLES["comments"](SOURCE))
    annotation = parse_voc(data, "x.xml")
    changed = voc_bytes(replace(annotation, objects=EDITS["move"](annotation.objects)))
    expected = data.replace(b"<xmin>10<", b"<xmin>11<").replace(b"<ymax>60<", b"<ymax>61.5<")
    assert changed == expected


def test_object_into_an_empty_annotation():
    for data in (b"<annotation/>", b"<annotation></annotation>", b"<annotation verified='no' />\r\n"):
        wanted = replace(parse_voc(data, "x"), objects=ONE.objects, verified=True, filename="a.png", width=3, height=4)
        assert parse_voc(voc_bytes(wanted), "x") == wanted


def test_letter_that_the_encoding_lacks():
    annotation = parse_voc(STYLES["latin-1"](SOURCE), "x.xml")
    changed = replace(annotation, objects=(replace(annotation.objects[0], name="患者"), annotation.objects[1]))
    data = voc_bytes(changed)
    assert "&#24739;&#32773;".encode("latin-1") in data
    assert "Callo óseo".encode("latin-1") in data
    assert parse_voc(data, "x.xml") == changed


@given(annotations(), annotations())
@settings(max_examples=100, deadline=None)
def test_any_annotation_can_be_turned_into_any_other(before, after):
    wanted = replace(after, source=voc_bytes(before))
    assert parse_voc(voc_bytes(wanted), "x.xml") == wanted


@pytest.mark.parametrize("name", ["a\x00b", "a\x0bb", "a\ud800b"])
def test_character_that_xml_cannot_carry(name):
    with pytest.raises(DataError, match="XML cannot carry"):
        voc_bytes(replace(ONE, objects=(VocObject(name, 1, 2, 3, 4),)))


def test_corner_that_is_no_number_is_not_written():
    with pytest.raises(DataError, match="is not a number"):
        voc_bytes(replace(ONE, objects=(VocObject("a", 1, float("nan"), 3, 4),)))


def test_unchanged_file_is_not_even_written(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(SOURCE)
    os.utime(path, (1, 1))
    write_voc_file(read_voc_file(path), path)
    assert path.stat().st_mtime == 1


# ---------------------------------------------------------------- refused

BAD = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\0", "is empty"),
    "no xml": (b"hello", "not well-formed.*"),
    "cut off": (SOURCE[:300], "not well-formed"),
    "two roots": (SOURCE + SOURCE, "not well-formed"),
    "other root": (b"<html/>", "its root is <html>"),
    "huge": (b"<annotation>" + b" " * MAXIMUM_BYTES + b"</annotation>", "larger than 10 MiB"),
    "deep": (b"<annotation>" * 200 + b"</annotation>" * 200, "nested more than"),
    "not utf-8": (SOURCE.replace(b"Callo", b"Call\xf3"), "is not text in utf-8"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?>' + SOURCE, "is not text in klingon"),
    "no text encoding": (b'<?xml version="1.0" encoding="zlib"?>' + SOURCE, "is not text in zlib"),
    "undeclared entity": (SOURCE.replace(b"Callo", b"&xxe;"), "not well-formed|undefined entity"),
    "entity bomb": (b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]>' + SOURCE, "document type"),
    "outside entity": (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + SOURCE, "document type"),
    "outside dtd": (b'<!DOCTYPE annotation SYSTEM "http://example.org/a.dtd">' + SOURCE, "document type"),
    "no name": (SOURCE.replace(b"<name>Callo</name>", b""), "<object> has no <name>"),
    "empty name": (SOURCE.replace(b"<name>Callo</name>", b"<name> </name>"), "empty <name>"),
    "no box": (SOURCE.replace(b"bndbox", b"box"), "has no <bndbox>"),
    "no corner": (SOURCE.replace(b"<ymax>4</ymax>", b""), "<bndbox> has no <ymax>"),
    "two corners": (SOURCE.replace(b"<ymax>4</ymax>", b"<ymax>4</ymax><ymax>5</ymax>"), "has 2 <ymax>"),
    "two boxes": (SOURCE.replace(b"<bndbox>", b"<bndbox/><bndbox>"), "has 2 <bndbox>"),
    "word": (SOURCE.replace(b"<ymax>4<", b"<ymax>four<"), "<ymax> must be a number, it is 'four'"),
    "nan": (SOURCE.replace(b"<ymax>4<", b"<ymax>nan<"), "<ymax> must be a number, it is 'nan'"),
    "infinite": (SOURCE.replace(b"<ymax>4<", b"<ymax>inf<"), "must be a number"),
    "too large": (SOURCE.replace(b"<ymax>4<", b"<ymax>1e999<"), "must be a number"),
    "python number": (SOURCE.replace(b"<ymax>4<", b"<ymax>1_0<"), "must be a number"),
    "comma": (SOURCE.replace(b"<ymax>4<", b"<ymax>4,5<"), "must be a number"),
    "no number": (SOURCE.replace(b"<ymax>4<", b"<ymax><"), "must be a number"),
    "size word": (SOURCE.replace(b"<width>200<", b"<width>wide<"), "<width> must be a number"),
    "half a pixel": (SOURCE.replace(b"<width>200<", b"<width>200.5<"), "whole number of pixels"),
    "negative size": (SOURCE.replace(b"<width>200<", b"<width>-200<"), "whole number of pixels"),
    "difficult": (SOURCE.replace(b"<difficult>0<", b"<difficult>maybe<"), "<difficult> must be 0 or 1"),
    "score": (SOURCE.replace(b"<bndbox>", b"<score>1.5</score><bndbox>"), "<score> must lie in 0 to 1"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_is_refused_by_name_with_a_way_out(tmp_path, kind):
    data, message = BAD[kind]
    path = tmp_path / "bad one.xml"
    path.write_bytes(data)
    with pytest.raises(DataError, match=message) as caught:
        read_voc_file(path)
    assert "bad one.xml" in str(caught.value)
    assert caught.value.hint
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("word", "object 2, line 34"),
        ("no name", "object 2, line 25"),
        ("difficult", "object 1, line 17"),
        ("two roots", "line 38, column 1"),
        ("outside dtd", "line 1"),
    ],
)
def test_place_of_the_fault(kind, place):
    with pytest.raises(DataError) as caught:
        parse_voc(BAD[kind][0], "x.xml")
    assert caught.value.place == place


@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=5),
    cut=st.floats(0, 2),
    style=st.sampled_from(sorted(STYLES)),
)
@settings(max_examples=300, deadline=None)
def test_mutated_bytes_are_read_or_refused(edits, cut, style):
    data = bytearray(STYLES[style](SOURCE))
    for place, value in edits:
        data[int(place * len(data))] = value
    data = bytes(data[: int(cut * len(data))] if cut < 1 else data)
    try:
        annotation = parse_voc(data, "mutant.xml")
    except DataError as error:
        named = "mutant.xml" in str(error) and bool(error.hint)
    else:
        named = voc_bytes(annotation) == data
        wanted = replace(annotation, objects=(VocObject("new", 1, 2, 3, 4),), verified=True)
        named = named and parse_voc(voc_bytes(wanted), "x") == wanted
    assert named


# ---------------------------------------------------------------- folders


def image(path: Path, width: int = 200, height: int = 100, orientation: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", (width, height), 7).save(path, exif=exif)
    return path


def folder_with(path: Path, annotations: dict[str, VocAnnotation], layout=("images", "annotations")) -> Path:
    for name, annotation in annotations.items():
        image(path / layout[0] / annotation.filename)
        target = path / layout[1] / f"{name}.xml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(voc_bytes(annotation))
    return path


NEGATIVE = replace(ONE, filename="IMG2.png", objects=())


@pytest.mark.parametrize(
    "layout", [("images", "annotations"), ("JPEGImages", "Annotations"), ("Images", "ANNOTATIONS"), ("", "")]
)
def test_layouts(tmp_path, layout):
    root = folder_with(tmp_path / "Röntgen 患者 1", {"IMG1": ONE, "IMG2": NEGATIVE}, layout)
    before = {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}
    dataset = read_voc(root)
    assert dataset.class_names == ("Callo", "Fractura")
    assert [r.name for r in dataset] == ["IMG1.png", "IMG2.png"]
    first, second = dataset.records
    assert first.boxes == Boxes([[10, 20, 50, 60], [1, 2, 3, 4]], [1, 0])
    assert first.annotation == root / layout[1] / "IMG1.xml"
    assert (first.width, first.height) == (200, 100)
    assert second.is_negative
    assert read_dataset(root) == dataset
    assert {p: p.read_bytes() for p in root.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    "layout", [("png", "xml"), ("images", "labels"), ("", "annotations"), ("Wrist images", "Annotations/PASCAL VOC")]
)
def test_folders_of_other_names_are_found_by_the_names_of_their_files(tmp_path, layout):
    root = folder_with(tmp_path / "data", {"IMG1": ONE, "IMG2": NEGATIVE}, layout)
    image(root / "screenshots" / "a.png")
    assert [len(record.boxes) for record in read_dataset(root)] == [2, 0]


@pytest.mark.parametrize("layout", [("", ""), ("images", "annotations")])
def test_annotations_of_sub_folders_lie_beside_their_images(tmp_path, layout):
    """As LabelImg puts them; the same name may be there twice. Sets of their own, and copies, do not belong to it."""
    root = folder_with(tmp_path / "data", {"IMG1": ONE}, layout)
    images = root / layout[0]
    folder_with(images / "patient 1", {"IMG1": replace(ONE, objects=ONE.objects[:1]), "IMG2": NEGATIVE}, ("", ""))
    folder_with(images / "patient 2" / "left", {"IMG1": ONE}, ("images", "annotations"))
    image(images / "patient 1" / "not labelled.png")
    folder_with(images / "test", {"IMG1": ONE}, ("", ""))
    image(images / "drawn" / "IMG1.png")
    (images / "backup").mkdir()
    (images / "backup" / "IMG1.xml").write_bytes(voc_bytes(NEGATIVE))
    problems = []
    dataset = read_voc(root, problems=problems)
    assert [(each.image.relative_to(images).as_posix(), len(each.boxes)) for each in dataset] == [
        ("IMG1.png", 2),
        ("patient 1/IMG1.png", 1),
        ("patient 1/IMG2.png", 0),
        ("patient 2/left/images/IMG1.png", 2),
    ]
    assert len({each.name for each in dataset}) == 4
    assert ["1 images have no annotation and are not used: not labelled.png" in str(each) for each in problems] == [
        True
    ]
    assert read_dataset(root) == dataset


def test_xml_files_that_have_nothing_to_do_with_the_images_are_no_annotations(tmp_path):
    for name in (".idea", "settings"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "misc.xml").write_text("<project/>")
    image(tmp_path / "images" / "a.png")
    (tmp_path / "images" / "a.txt").write_text("0 0.5 0.5 0.25 0.2\n")
    (tmp_path / "classes.txt").write_text("a\n")
    assert len(read_dataset(tmp_path, source_format="yolo").records[0].boxes) == 1
    with pytest.raises(DataError, match="holds no annotation"):
        read_voc(tmp_path)


def test_flags_are_read(tmp_path):
    hard = replace(ONE, objects=(VocObject("a", 1, 1, 9, 9, difficult=True, truncated=True, pose="Left", score=0.25),))
    dataset = read_voc(folder_with(tmp_path, {"IMG1": hard}))
    assert dataset.records[0].flags == (BoxFlags(True, True, "Left"),)
    assert dataset.records[0].boxes.scores is None
    assert read_voc(tmp_path, scores=True).records[0].boxes.scores.tolist() == [0.25]


def test_class_order_is_the_given_one(tmp_path):
    root = folder_with(tmp_path, {"IMG1": ONE})
    dataset = read_voc(root, class_names=["Fractura", "Luxation", "Callo"])
    assert dataset.class_names == ("Fractura", "Luxation", "Callo")
    assert dataset.records[0].boxes.labels.tolist() == [0, 2]
    with pytest.raises(UsageError, match="must differ"):
        read_voc(root, class_names=["a", "a"])


@pytest.mark.parametrize(
    ("xml_name", "filename", "images", "expected"),
    [
        ("a", "a.png", ["a.png"], "a.png"),
        ("a", "a.jpg", ["a.png"], "a.png"),  # the extension lies
        ("a", "a", ["a.png"], "a.png"),  # ... or is missing
        ("a", "A.PNG", ["a.png"], "a.png"),
        ("a", "old name.jpg", ["a.png"], "a.png"),
        ("a", None, ["a.png"], "a.png"),
        ("a.xml", "b.jpg", ["a.png"], "a.png"),  # LabelImg's .xml.xml
        ("other", "a.png", ["a.png"], "a.png"),
        ("a", "C:\\images\\b.png", ["b.png"], "b.png"),
        ("a", "../x/b.png", ["b.png"], "b.png"),
        ("a", "a.jpg", ["a.png", "b.png"], "a.png"),
        ("v1.2", "v1.2", ["v1.2.png"], "v1.2.png"),
        ("r", "Ro\u0308ntgen.png", ["R\u00f6ntgen.png"], "R\u00f6ntgen.png"),
    ],
)
def test_image_is_found(tmp_path, xml_name, filename, images, expected):
    for name in images:
        image(tmp_path / name)
    (tmp_path / f"{xml_name}.xml").write_bytes(voc_bytes(replace(ONE, filename=filename, path="C:/stale/b.png")))
    problems = []
    assert [r.name for r in read_voc(tmp_path, problems=problems)] == [expected]
    assert len(problems) == len(images) - 1


def test_box_over_the_border_by_rounding_is_clipped(tmp_path):
    edge = replace(ONE, objects=(VocObject("a", -1, 0, 201, 100.5),))
    dataset = read_voc(folder_with(tmp_path, {"IMG1": edge}))
    assert dataset.records[0].boxes.xyxy.tolist() == [[0, 0, 200, 100]]


@pytest.mark.parametrize(
    ("annotation", "message", "place"),
    [
        (replace(ONE, width=0, height=0), "says 0x0, but the image is 200x100", None),
        (replace(ONE, width=100, height=200), "swapped", None),
        (replace(ONE, width=None, height=None), "does not say its width and height", None),
        (replace(ONE, objects=(*ONE.objects, VocObject("a", 5, 5, 5, 9))), "has no area", "object 3"),
        (replace(ONE, objects=(VocObject("a", 9, 5, 5, 9),)), "has no area", "object 1"),
        (replace(ONE, objects=(VocObject("a", 5, 5, 222, 9),)), "outside the image of 200x100", "object 1"),
        (replace(ONE, objects=(VocObject("a", -20, 5, 20, 9),)), "outside the image", "object 1"),
        (replace(ONE, objects=(VocObject("a", 200, 5, 201, 9),)), "outside the image", "object 1"),
        (replace(ONE, objects=(VocObject("fractura", 1, 5, 20, 9),)), "unknown class 'fractura'", "object 1"),
    ],
)
def test_fault_stops_or_skips(tmp_path, annotation, message, place):
    folder_with(tmp_path, {"IMG1": annotation, "IMG2": NEGATIVE})
    names = ["Callo", "Fractura", "a"]
    with pytest.raises(DataError, match=message) as caught:
        read_voc(tmp_path, class_names=names)
    assert "IMG1.xml" in str(caught.value)
    assert caught.value.hint
    assert caught.value.place == place
    problems = []
    dataset = read_voc(tmp_path, class_names=names, on_error="skip-all", problems=problems)
    assert [r.name for r in dataset] == ["IMG2.png"]
    assert [str(p) for p in problems] == [str(caught.value)]
    with pytest.raises(DataError, match="1 of 1 images with boxes would be left out"):
        read_voc(tmp_path, class_names=names, on_error="skip")


def test_nearest_class_is_suggested(tmp_path):
    folder_with(tmp_path, {"IMG1": ONE})
    with pytest.raises(DataError, match="did you mean 'fractura'") as caught:
        read_voc(tmp_path, class_names=["callo", "fractura"])
    assert "object 1" in str(caught.value)


def test_annotation_without_image(tmp_path):
    folder_with(tmp_path, {"IMG1": ONE, "IMG2": NEGATIVE})
    (tmp_path / "images" / "IMG1.png").unlink()
    with pytest.raises(DataError, match=r"IMG1.xml.*its image 'IMG1.png' is not in"):
        read_voc(tmp_path)


def test_two_annotations_of_one_image(tmp_path):
    folder_with(tmp_path, {"IMG1": ONE, "copy": ONE})
    with pytest.raises(DataError, match=r"belongs to the image IMG1.png, and so does"):
        read_voc(tmp_path)


def test_images_without_annotation_are_counted(tmp_path, caplog):
    folder_with(tmp_path, {"IMG1": ONE})
    for i in range(5):
        image(tmp_path / "images" / f"extra{i}.png")
    problems = []
    assert len(read_voc(tmp_path, problems=problems)) == 1
    [problem] = problems
    assert "5 images have no annotation and are not used: extra0.png, extra1.png, extra2.png, …" in str(problem)
    read_voc(tmp_path)
    assert "5 images have no annotation" in caplog.text  # never silent


def test_everything_skipped_is_an_error(tmp_path):
    folder_with(tmp_path, {"IMG1": replace(ONE, width=1)})
    with pytest.raises(DataError, match="no image can be used; the first fault is") as caught:
        read_voc(tmp_path, on_error="skip")
    assert "IMG1.xml" in str(caught.value)


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda p: None, "no such folder"),
        (lambda p: p.mkdir(), "holds no annotation"),
        (lambda p: p.write_bytes(b""), "is a file, not a folder"),
        (lambda p: image(p / "a.png"), "holds no annotation"),
        (lambda p: folder_with(p / "train", {"IMG1": ONE}), "holds no annotation.*\n.*train': give that folder"),
    ],
)
def test_folder_without_data(tmp_path, prepare, message):
    path = tmp_path / "data"
    prepare(path)
    with pytest.raises(DataError, match=message) as caught:
        read_voc(path)
    assert str(path) in str(caught.value)
    assert caught.value.hint


def test_hidden_files_are_left_aside(tmp_path):
    folder_with(tmp_path, {"IMG1": ONE})
    (tmp_path / "annotations" / "._IMG1.xml").write_bytes(b"\0\5\x16\7")
    (tmp_path / "images" / "._IMG1.png").write_bytes(b"\0\5\x16\7")
    assert len(read_voc(tmp_path)) == 1


def test_rotated_image_is_read_as_displayed(tmp_path):
    image(tmp_path / "IMG1.png", 100, 200, orientation=6)
    (tmp_path / "IMG1.xml").write_bytes(voc_bytes(ONE))
    record = read_voc(tmp_path).records[0]
    assert (record.width, record.height) == (200, 100)


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path):
    root = folder_with(tmp_path, {"IMG1": ONE})
    for folder in (root / "images", root / "annotations", root):
        folder.chmod(0o555)
    try:
        assert len(read_voc(root)) == 1
        with pytest.raises(DataError, match="cannot be written"):
            write_voc(read_voc(root), root / "out")
    finally:
        for folder in (root, root / "images", root / "annotations"):
            folder.chmod(0o755)


# ---------------------------------------------------------------- writing a data set


def test_dataset_round_trip(tmp_path):
    root = folder_with(tmp_path / "in", {"IMG1": ONE, "IMG2": NEGATIVE})
    dataset = read_voc(root)
    write_voc(dataset, tmp_path / "out 1")
    back = read_voc(tmp_path / "out 1")
    assert back.fingerprint() == dataset.fingerprint()
    for source, target in zip(dataset, back, strict=True):
        assert target.annotation.read_bytes() == source.annotation.read_bytes()
        assert target.read_bytes() == source.read_bytes()
    write_voc(back, tmp_path / "out 1")  # again: same files, nothing to refuse


@given(
    st.lists(
        st.tuples(
            st.tuples(st.floats(0, 99, width=32), st.floats(0, 49, width=32)),
            st.tuples(st.floats(0.5, 100, width=32), st.floats(0.5, 50, width=32)),
            st.booleans(),
            st.booleans(),
            st.floats(0, 1, width=32),
        ),
        max_size=4,
    )
)
@settings(max_examples=40, deadline=None)
def test_new_dataset_round_trip(tmp_path_factory, drawn):
    root = tmp_path_factory.mktemp("new")
    picture = image(root / "Röntgen 患者.png")
    drawn = [*drawn, ((9, 9), (9, 9), False, False, 1)]
    corners = [(x, y, x + w, y + h) for (x, y), (w, h), *_ in drawn]
    boxes = Boxes(corners, [i % 2 for i in range(len(drawn))], [s for *_, s in drawn])
    flags = tuple(BoxFlags(d, t) for _, _, d, t, _ in drawn)
    dataset = Dataset(("b", "a & <c>"), (Record(picture, 200, 100, boxes, flags),))
    write_voc(dataset, root / "out", scores=True)
    back = read_voc(root / "out", class_names=dataset.class_names, scores=True)
    assert back.records[0].boxes == boxes
    assert back.records[0].flags == flags
    assert back.records[0].name == "Röntgen 患者.png"
    assert parse_voc((root / "out/annotations/Röntgen 患者.xml").read_bytes(), "").depth == 1


def test_changed_dataset_keeps_the_rest_of_its_files(tmp_path):
    root = folder_with(tmp_path / "in", {"IMG1": replace(ONE, objects=(VocObject("a", 1.123456789, 2, 3, 4),))})
    source = root / "annotations" / "IMG1.xml"
    source.write_bytes(source.read_bytes().replace(b"</bndbox>", b"</bndbox>\n\t\t<occluded>1</occluded>"))
    dataset = read_voc(root)
    record = dataset.records[0]
    more = replace(
        record,
        boxes=Boxes(np.vstack([record.boxes.xyxy, [[5, 6, 7, 8]]]), [0, 0]),
        flags=(*record.flags, BoxFlags(True)),
    )
    write_voc(replace(dataset, records=(more,)), tmp_path / "out")
    text = (tmp_path / "out/annotations/IMG1.xml").read_text()
    assert "<xmin>1.123456789</xmin>" in text
    assert "<occluded>1</occluded>" in text
    assert read_voc(tmp_path / "out").records[0].boxes == more.boxes


def test_existing_work_is_never_overwritten_unasked(tmp_path):
    dataset = read_voc(folder_with(tmp_path / "in", {"IMG1": ONE, "IMG2": NEGATIVE}))
    work = tmp_path / "out" / "annotations" / "IMG2.xml"
    work.parent.mkdir(parents=True)
    work.write_bytes(b"days of work")
    with pytest.raises(DataError, match="exists already") as caught:
        write_voc(dataset, tmp_path / "out")
    assert "IMG2.xml" in str(caught.value)
    assert work.read_bytes() == b"days of work"
    assert [p for p in (tmp_path / "out").rglob("*") if p.is_file()] == [work]
    write_voc(dataset, tmp_path / "out", overwrite=True)
    assert len(read_voc(tmp_path / "out")) == 2


def test_two_images_that_would_share_one_annotation(tmp_path):
    images = [image(tmp_path / name) for name in ("a.png", "A.bmp")]
    records = tuple(Record(path, 200, 100, Boxes.empty()) for path in images)
    with pytest.raises(DataError, match=r"'a.png' and 'A.bmp' would share"):
        write_voc(Dataset((), records), tmp_path / "out")


def test_real_splits(real_images):
    for split, images, negatives, boxes in (("train", 2036, 1468, 754), ("val", 225, 180, 51)):
        problems = []
        dataset = read_voc(real_images(f"fracatlas/{split}"), problems=problems)
        assert problems == []
        assert (len(dataset), dataset.negatives, dataset.boxes_by_class) == (images, negatives, {"Fractura": boxes})


def test_real_full_size_image(real_images):
    record = read_voc(real_images("awkward/fullres")).records[0]
    assert (record.width, record.height) == (2304, 2880)
    assert len(record.boxes) > 0
