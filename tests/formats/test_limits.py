"""Limits of single decisions about labels: ids, flags, sizes, shapes, names. Each value is worked out by hand."""

import math
from pathlib import Path

import pytest

from fractura.core.errors import DataError
from fractura.formats.faults import box_fault, over_edge, reading_fault, size_fault
from fractura.formats.flag_words import a_flag, flag_of
from fractura.formats.image_index import ImageIndex
from fractura.formats.label_map import LabelMapItem, label_map_of, read_label_map, update_label_map
from fractura.formats.numbers import fewest_digits, number_text
from fractura.formats.outlines import box_around, box_around_ellipse, turned_corners
from fractura.formats.text_files import a_number, a_whole_number


def label_map(tmp_path, text):
    (tmp_path / "map.pbtxt").write_text(text)
    return read_label_map(tmp_path / "map.pbtxt")


def problem(tmp_path, text):
    with pytest.raises(DataError) as caught:
        label_map(tmp_path, text)
    return caught.value


# ---------------------------------------------------------------- label maps


def test_the_highest_id(tmp_path):
    assert len(label_map(tmp_path, "item { id: 10000 name: 'a' }").class_names) == 10_000
    assert "the id 10001 is not in 1 to 10000" in problem(tmp_path, "item { id: 10001 name: 'a' }").problem


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("train_config { }", "this is a pipeline.config"),
        ("items { }", "did you mean 'item'? an item looks like this"),
        ("zzzzzzzzz { }", "an item looks like this"),
        ("item { id: 1 item { } }", "the braces of the item before it are not closed"),
        ("item { id: 1 nmae: 'a' }", "did you mean 'name'?"),
        ("item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }", "give each class its own id"),
    ],
)
def test_hints_of_label_maps(text, hint, tmp_path):
    assert problem(tmp_path, text).hint.startswith(hint)


def test_what_is_there_twice_is_named_with_both_lines(tmp_path):
    ids = problem(tmp_path, "item { id: 1 name: 'a' }\n\nitem { id: 1 name: 'b' display_name: 'B' }")
    assert (ids.problem, ids.place) == ("the id 1 is used twice: 'a' (line 1) and 'B'", "line 3")
    names = problem(tmp_path, "\nitem { id: 1 name: 'a' }\nitem { id: 2 name: 'a' }")
    assert (names.problem, names.place) == ("the name 'a' is used twice (first on line 2)", "line 3")


def test_only_display_names_that_are_shared_get_the_class_s_own_name(tmp_path):
    text = "item { id: 1 name: 'Wrist' display_name: 'Wrist' } item { id: 2 name: 'b' display_name: 'Wrist' }"
    more = "item { id: 3 name: 'c' display_name: 'Hip' }"
    assert label_map(tmp_path, text + more).class_names == ("Wrist", "Wrist (b)", "Hip")


def test_extending_a_label_map():
    known = label_map_of(["b", "a"])
    assert known.items == (LabelMapItem(1, "b", "b"), LabelMapItem(2, "a", "a"))
    assert known.extended(["c", "a", "c"]).ids == {"b": 1, "a": 2, "c": 3}
    assert known.items[0].line == 0
    with pytest.raises(DataError) as caught:
        known.id_of("quite another")
    assert caught.value.hint == "add an item for it"
    assert label_map_of([]).class_names == ()


def test_a_label_map_whose_last_line_has_no_end_is_continued_on_the_next(tmp_path):
    file = tmp_path / "map.pbtxt"
    for end in ("", "\n"):
        file.write_text("item { id: 1 name: 'a' }" + end)
        update_label_map(file, ["a", "b"])
        lines = ["item { id: 1 name: 'a' }", "", "item {", "  id: 2", "  name: 'b'", "  display_name: 'b'", "}", ""]
        assert file.read_text() == "\n".join(lines)


# ---------------------------------------------------------------- boxes and sizes


@pytest.mark.parametrize(
    ("corners", "over"),
    [((0, 0, 320, 240), 0), ((-1, -3, 9, 9), 3), ((5, 5, 324, 242), 4), ((5, 5, 321, 242.5), 2.5), ((9, 9, 10, 10), 0)],
)
def test_how_far_a_box_reaches_over_the_edge(corners, over):
    assert over_edge(corners, 320, 240) == over


@pytest.mark.parametrize(
    ("corners", "read"),
    [
        ((300, 50, 330, 140), True),  # ten pixels over, which is the most, and two thirds of it are on the image
        ((300, 50, 330.5, 140), False),
        ((310, 50, 330, 140), True),  # half of it
        ((311, 50, 330, 140), False),
        ((-10, 50, 10, 140), True),
        ((-10, 50, 9, 140), False),
        ((50, 230, 140, 250), True),
        ((50, -10, 140, 9), False),
    ],
)
def test_half_of_a_box_that_is_cut_must_be_on_the_image(corners, read):
    assert (reading_fault(corners, 320, 240) is None) is read


def test_boxes_that_are_as_small_as_may_be():
    assert box_fault((5, 5, 6, 20), 64, 48, smallest=1) is None
    assert box_fault((5, 5, 20, 6), 64, 48, smallest=1) is None
    assert box_fault((5, 5, 20, 5.5), 64, 48, smallest=1) is not None
    assert box_fault((5, 5, 20, 5), 64, 48) is not None


@pytest.mark.parametrize(("orientation", "turned"), [(4, False), (5, True), (8, True)])
def test_orientations_that_swap_the_sides(orientation, turned):
    assert ("EXIF" in size_fault((48, 64), (64, 48), orientation=orientation)[0]) is turned
    assert "EXIF" not in size_fault((48, 65), (64, 48), orientation=orientation)[0]


def test_a_line_and_a_point_have_no_box():
    for points in ([], [(1, 2)], [(1, 2), (1, 9)], [(1, 2), (9, 2)]):
        with pytest.raises(DataError, match="has no area"):
            box_around(points)


def test_ellipses_and_boxes_that_are_turned():
    """A quarter turn swaps the halves; by 30 degrees the half width is the root of (4 cos)² + (2 sin)² = 12 + 1."""
    assert box_around_ellipse(10, 20, 4, 2, 90) == pytest.approx((8, 16, 12, 24))
    half_width, half_height = math.sqrt(13), math.sqrt(7)
    expected = (10 - half_width, 20 - half_height, 10 + half_width, 20 + half_height)
    assert box_around_ellipse(10, 20, 4, 2, 30) == pytest.approx(expected)
    corners = turned_corners((0, 0, 4, 2), 90, (0, 0))
    assert corners == [pytest.approx(each, abs=1e-9) for each in ((0, 0), (0, 4), (-2, 4), (-2, 0))]
    half, root = 0.5, math.sqrt(3) / 2
    about = turned_corners((1, 1, 3, 2), 30, (1, 1))
    wanted = [(1, 1), (1 + 2 * root, 1 + 2 * half), (1 + 2 * root - half, 1 + 2 * half + root), (1 - half, 1 + root)]
    assert about == [pytest.approx(each) for each in wanted]


# ---------------------------------------------------------------- words and numbers


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        *[(None, False), ("", False), (" YES ", True), ("n/a", False), (0, False), (-1, False), (0.0, False)],
        *[(1e-9, True), ("0.3", True), ("-0.3", False), ("1_0", None), ("²", None), (math.nan, None), ([], None)],
        (False, False),
    ],
)
def test_flags(value, flag):
    assert flag_of(value) is flag
    if flag is None:
        with pytest.raises(DataError, match="difficult must be 0 or 1"):
            a_flag(value, "difficult")
    else:
        assert a_flag(value, "difficult") is flag


def test_of_a_long_word_that_is_no_flag_the_beginning_is_told():
    with pytest.raises(DataError, match=f"not '{'w' * 40}'"):
        a_flag("w" * 41, "difficult")


def test_the_fewest_digits():
    asked = []

    def is_right(values):
        asked.append(list(values))
        return values == [1.25, 2.0]

    assert fewest_digits([1.2504, 2.0004], is_right, (0, 2, 3)) == [1.25, 2.0]
    assert asked == [[1.0, 2.0], [1.25, 2.0]]
    assert fewest_digits([1.5], lambda values: False, (0,)) == [1.5]
    assert [number_text(value) for value in (3.0, -0.5, 1e16)] == ["3", "-0.5", "10000000000000000"]


def test_numbers_in_documents():
    assert a_number(1e9, "it") == 1e9
    assert a_whole_number(3.0, "it") == 3
    for value in (math.inf, math.nan, True, "3", None):
        with pytest.raises(DataError):
            a_number(value, "it")
    with pytest.raises(DataError, match=r"it must be a whole number, not 3\.5"):
        a_whole_number(3.5, "it")


# ---------------------------------------------------------------- images by name


def test_an_image_that_may_be_any_of_several_names_three():
    index = ImageIndex([Path(folder, "x.png") for folder in "abcd"], [Path()])
    with pytest.raises(DataError, match=r"may be any of 4 images: a/x\.png, b/x\.png, c/x\.png\n"):
        index.find("x.png")
    assert index.unused == index.images
    assert index.find("c/x.png") == Path("c/x.png")
    assert index.unused == [Path("a/x.png"), Path("b/x.png"), Path("d/x.png")]


@pytest.mark.parametrize(
    ("annotation", "filename", "image"),
    [
        ("x.xml", "b.png", "b.png"),
        ("x.xml", "C:\\f\\b.png", "b.png"),
        ("x.xml", "b.jpg", "b.png"),  # the ending may be wrong
        ("x.xml", "b", "b.png"),
        ("x.xml", "c%20d.png", "c d.png"),
        ("b.xml", "gone.png", "b.png"),
        ("b.png.xml", None, "b.png"),
        ("c%20d.xml", None, "c d.png"),
        ("x.xml", "gone.png", None),
        ("x.xml", None, None),
        ("x.xml", "e.png", "e.PNG"),  # letter case decides where two have the name
        ("x.xml", "E.png", "E.png"),
    ],
)
def test_the_image_of_an_annotation(annotation, filename, image):
    index = ImageIndex([Path(name) for name in ("b.png", "c d.png", "e.PNG", "E.png")], [Path()])
    found = index.match(Path(annotation), filename)
    assert found == (None if image is None else Path(image))
    assert index.found == ({found} if image else set())
