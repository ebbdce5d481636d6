"""``Boxes``: never changes, never shares memory, and computes what a child would with pencil and paper."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractura.core.boxes import Boxes, pairwise_iou

TWO = Boxes([[10, 20, 30, 60], [5, 5, 10, 10]], [1, 0], [0.25, 0.75])
ANNOTATED = Boxes(TWO.xyxy, TWO.labels)

corner = st.integers(-20, 40)
drawn = st.lists(st.tuples(corner, corner, st.integers(0, 30), st.integers(0, 30)), max_size=6).map(
    lambda rows: np.array([[x, y, x + w, y + h] for x, y, w, h in rows], np.float32).reshape(-1, 4)
)


@pytest.mark.parametrize("field", ["xyxy", "labels", "scores"])
def test_nothing_can_be_changed(field):
    with pytest.raises(ValueError, match="read-only"):
        getattr(TWO, field)[0] = 3
    with pytest.raises(FrozenInstanceError):
        setattr(TWO, field, getattr(TWO, field))


def test_arrays_are_copies():
    corners, labels, scores = np.zeros((1, 4), np.float32), np.zeros(1, np.int64), np.zeros(1, np.float32)
    boxes = Boxes(corners, labels, scores)
    corners[:], labels[:], scores[:] = 7, 7, 7
    assert boxes == Boxes([[0, 0, 0, 0]], [0], [0])
    assert corners.flags.writeable, "the caller's array stays the caller's"


def test_kinds_of_numbers_and_empty_lists():
    boxes = Boxes([[1, 2, 3, 4]], [0], [0.5])
    assert (boxes.xyxy.dtype, boxes.labels.dtype, boxes.scores.dtype) == (np.float32, np.int64, np.float32)
    for empty in (Boxes([], []), Boxes.empty(), Boxes(np.zeros((0, 4)), np.zeros(0))):
        assert len(empty) == 0
        assert empty.xyxy.shape == (0, 4)
        assert empty.scores is None
        assert empty == Boxes.empty()
    assert Boxes.empty(scored=True).scores.shape == (0,)


@pytest.mark.parametrize(
    ("labels", "scores", "said"),
    [
        ([0, 1], None, "1 boxes need as many labels and scores, got 2 labels"),
        ([], None, "got 0 labels"),
        ([0], [], "and 0 scores"),
        ([0], [0.1, 0.2], "and 2 scores"),
    ],
)
def test_lengths_must_agree(labels, scores, said):
    with pytest.raises(ValueError, match=said):
        Boxes([[0, 0, 1, 1]], labels, scores)


@pytest.mark.parametrize(
    ("other", "equal"),
    [
        (Boxes([[10, 20, 30, 60], [5, 5, 10, 10]], [1, 0], [0.25, 0.75]), True),
        (Boxes([[10, 20, 30, 61], [5, 5, 10, 10]], [1, 0], [0.25, 0.75]), False),
        (Boxes(TWO.xyxy, [1, 1], TWO.scores), False),
        (Boxes(TWO.xyxy, TWO.labels, [0.25, 0.5]), False),
        (ANNOTATED, False),
        (TWO.select([1, 0]), False),
        (TWO.select([0]), False),
        ("boxes", False),
    ],
)
def test_equality(other, equal):
    assert (other == TWO) is equal
    assert TWO.__eq__(other) in (equal, NotImplemented)


def test_boxes_are_no_keys():
    with pytest.raises(TypeError, match="unhashable"):
        hash(TWO)


def test_width_height_area():
    inside_out = Boxes([[10, 20, 30, 60], [8, 8, 4, 9], [4, 9, 8, 8]], [0, 0, 0])
    assert inside_out.width.tolist() == [20, -4, 4]
    assert inside_out.height.tolist() == [40, 1, -1]
    assert inside_out.area.tolist() == [800, 0, 0]


def test_boxes_with_area_are_wider_and_higher_than_nothing():
    boxes = Boxes([[0, 0, 0.5, 0.5], [5, 5, 5, 9], [5, 5, 9, 5], [9, 1, 1, 9], [1, 9, 9, 1], [9, 9, 1, 1]], [0] * 6)
    assert boxes.with_area().xyxy.tolist() == [[0, 0, 0.5, 0.5]]


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ([True, False], [[10, 20, 30, 60]]),
        ([1, 0], [[5, 5, 10, 10], [10, 20, 30, 60]]),
        ([], []),
        ([0, 0], [[10, 20, 30, 60]] * 2),
        ([-1], [[5, 5, 10, 10]]),
    ],
)
def test_select(index, expected):
    chosen = TWO.select(index)
    assert chosen.xyxy.tolist() == expected
    assert len(chosen.scores) == len(chosen.labels) == len(expected)
    assert ANNOTATED.select(index).scores is None


def test_a_mask_of_another_length_is_a_mistake():
    with pytest.raises(IndexError):
        TWO.select([True, False, True])


def test_above_takes_the_threshold_itself_and_all_that_people_drew():
    assert TWO.above(0.75).labels.tolist() == [0]
    assert len(TWO.above(0.7500001)) == 0
    assert TWO.above(0.0) == TWO
    assert ANNOTATED.above(0.99) is ANNOTATED


def test_clip_keeps_every_box():
    boxes = Boxes([[-5, -6, 200, 300], [150, 20, 180, 40], [1, 2, 3, 4]], [0, 1, 2], [1, 1, 1])
    clipped = boxes.clip(100, 50)
    assert clipped.xyxy.tolist() == [[0, 0, 100, 50], [100, 20, 100, 40], [1, 2, 3, 4]]
    assert clipped.labels.tolist() == [0, 1, 2]
    assert boxes.xyxy[0, 0] == -5


def test_scale_is_by_axis():
    assert TWO.scale(2, 0.5).xyxy.tolist() == [[20, 10, 60, 30], [10, 2.5, 20, 5]]
    assert TWO.scale(2, 0.5).scale(0.5, 2) == TWO


def iou_by_counting(first, second):
    """Of the unit cells that either box covers, the share that both do."""
    cells = [
        {(x, y) for x in range(int(b[0]), int(b[2])) for y in range(int(b[1]), int(b[3]))} for b in (first, second)
    ]
    return len(cells[0] & cells[1]) / len(cells[0] | cells[1]) if cells[0] | cells[1] else 0.0


@given(drawn, drawn)
def test_iou_is_what_counting_cells_gives(first, second):
    table = pairwise_iou(first, second)
    assert table.shape == (len(first), len(second))
    assert table.dtype == np.float32
    for row, one in enumerate(first):
        for column, other in enumerate(second):
            assert table[row, column] == pytest.approx(iou_by_counting(one, other), abs=1e-6)
    boxes = Boxes(first, np.zeros(len(first)))
    assert np.array_equal(boxes.iou(Boxes(second, np.zeros(len(second)))), table)


def test_iou_of_inside_out_boxes_is_zero():
    assert pairwise_iou(np.float32([[10, 10, 5, 5]]), np.float32([[0, 0, 20, 20], [10, 10, 5, 5]])).tolist() == [[0, 0]]
