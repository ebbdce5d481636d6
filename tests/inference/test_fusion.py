"""Weighted box fusion against cases worked by hand and against a slow twin written from the paper's words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fractura.core.boxes import Boxes
from fractura.inference.fusion import ViewResult, fuse, without_doubles

IMAGE = (0, 0, 100, 100)


def view_result(*detections, windows=(IMAGE,), labels=None):
    """Detections are (left, top, right, bottom, score)."""
    table = np.reshape(np.array(detections, np.float32), (-1, 5))
    return ViewResult(
        Boxes(table[:, :4], [0] * len(table) if labels is None else labels, table[:, 4]),
        np.array(windows, np.float32),
    )


def detection_rows(boxes):
    return [(*corners, score) for corners, score in zip(boxes.xyxy.tolist(), boxes.scores.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        # Two agree: corners weighted by 0.75 and 0.25, mean of the scores.
        ([view_result((10, 10, 30, 30, 0.75)), view_result((14, 10, 34, 30, 0.25))], [(11, 10, 31, 30, 0.5)]),
        # Only one of two finds it: half the score.
        ([view_result((10, 10, 30, 30, 0.8)), view_result()], [(10, 10, 30, 30, 0.4)]),
        # Too little overlap (IoU 1/3): two detections, each found by one view of two.
        (
            [view_result((10, 10, 30, 30, 0.8)), view_result((20, 10, 40, 30, 0.4))],
            [(10, 10, 30, 30, 0.4), (20, 10, 40, 30, 0.2)],
        ),
        # The second view does not see the place: nothing is taken off for that.
        ([view_result((60, 60, 80, 80, 0.8)), view_result(windows=[(0, 0, 50, 50)])], [(60, 60, 80, 80, 0.8)]),
        # It sees half of it: as good as not at all.
        ([view_result((60, 60, 80, 80, 0.8)), view_result(windows=[(0, 0, 70, 100)])], [(60, 60, 80, 80, 0.8)]),
        # Two pixels of a hundred are too small for the first view, and large enough for the second.
        ([view_result(), view_result((10, 10, 12, 12, 0.8), windows=[(0, 0, 50, 50)])], [(10, 10, 12, 12, 0.8)]),
        # So are they where left and top are far apart: in the corner at the bottom left, and the one at the top right.
        ([view_result(), view_result((2, 90, 4, 92, 0.8), windows=[(0, 50, 50, 100)])], [(2, 90, 4, 92, 0.8)]),
        ([view_result(), view_result((90, 2, 92, 4, 0.8), windows=[(50, 0, 100, 50)])], [(90, 2, 92, 4, 0.8)]),
        # A fortieth of the window's side is large enough, on either side of the box.
        ([view_result(), view_result((10, 10, 12.5, 11, 0.8))], [(10, 10, 12.5, 11, 0.4)]),
        ([view_result(), view_result((10, 10, 11, 12.5, 0.8))], [(10, 10, 11, 12.5, 0.4)]),
        # One of a view's two tiles shows the place: the view has seen it. Nine tenths of it are enough, eight are not.
        (
            [view_result(windows=[(0, 0, 50, 100), (50, 0, 100, 100)]), view_result((60, 60, 80, 80, 0.8))],
            [(60, 60, 80, 80, 0.4)],
        ),
        ([view_result(windows=[(0, 0, 78, 100)]), view_result((60, 60, 80, 80, 0.8))], [(60, 60, 80, 80, 0.4)]),
        ([view_result(windows=[(0, 0, 100, 76)]), view_result((60, 60, 80, 80, 0.8))], [(60, 60, 80, 80, 0.8)]),
        # Two tiles of one view find it both: they count as one, with the better score.
        (
            [view_result((10, 10, 30, 30, 0.6)), view_result((10, 10, 30, 30, 0.8), (10, 10, 30, 30, 0.2))],
            [(10, 10, 30, 30, 0.7)],
        ),
        ([view_result()], []),
        ([view_result(), view_result()], []),
        ([view_result((1, 1, 9, 9, 0.0)), view_result((1, 1, 9, 9, 0.0))], [(1, 1, 9, 9, 0.0)]),
    ],
)
def test_cases_worked_by_hand(views, expected):
    found = detection_rows(fuse(views))
    assert len(found) == len(expected)
    for detection, wanted in zip(found, expected, strict=True):
        assert detection == pytest.approx(wanted, abs=1e-4)


def test_an_overlap_of_exactly_the_given_iou_is_enough():
    views = [view_result((0, 0, 10, 10, 0.75)), view_result((0, 0, 10, 5, 0.25))]
    assert detection_rows(fuse(views, iou=0.5)) == [(0, 0, 10, 8.75, 0.5)]
    assert len(fuse(views, iou=0.51)) == 2


def test_classes_never_mix():
    fused = fuse([view_result((10, 10, 30, 30, 0.8), labels=[0]), view_result((10, 10, 30, 30, 0.6), labels=[1])])
    assert fused.labels.tolist() == [0, 1]
    assert fused.scores.tolist() == pytest.approx([0.4, 0.3])


def test_of_boxes_from_overlapping_parts_that_mean_one_thing_the_best_stays():
    whole, half, other_class = (10, 10, 30, 30, 0.7), (10, 10, 20, 30, 0.9), (10, 10, 30, 30, 0.6)
    first = view_result(whole, (12, 10, 32, 30, 0.5)).boxes  # of one part: that they overlap is the model's affair
    assert without_doubles([first, view_result().boxes]) == first
    found = without_doubles(
        [
            first,
            view_result(half).boxes,
            view_result(other_class, labels=[1]).boxes,
            view_result((25, 25, 60, 60, 0.1)).boxes,
        ]
    )
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.1])
    assert found.labels.tolist() == [0, 1, 0]
    assert found.xyxy[0].tolist() == [10, 10, 20, 30]


@pytest.mark.parametrize("turn", [[0, 1, 2, 3], [1, 0, 3, 2]])
@pytest.mark.parametrize(
    ("second", "kept"),
    [
        ((8, 0, 28, 30), 2),  # 2 of 10 pixels of the smaller box's width
        ((4, 0, 34, 30), 2),  # 6 of 10: a thing's boxes have more than that in common
        ((3.9, 0, 34, 30), 1),
        ((-20, 0, 6, 30), 2),
        ((-20, 0, 6.1, 30), 1),
        ((2, 10, 8, 20), 1),  # inside
        ((12, 0, 30, 30), 2),  # apart
        ((12, 40, 30, 60), 2),  # apart both ways: no area, though the product of two negative sides is one
    ],
)
def test_neighbouring_parts_show_one_thing_from_a_share_of_the_smaller_box(turn, second, kept):
    parts = [
        view_result((*np.take(corners, turn), score)).boxes for corners, score in (((0, 0, 10, 30), 0.9), (second, 0.8))
    ]
    assert len(without_doubles(parts)) == kept
    assert without_doubles(parts).scores[0] == np.float32(0.9)


def test_boxes_without_scores_are_a_wrong_call():
    with pytest.raises(ValueError, match="scores"):
        fuse([ViewResult(Boxes([[0, 0, 1, 1]], [0]), np.array([IMAGE], np.float32))])


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def slow_twin(views, iou):
    """Clusters as lists of boxes, each fused anew from all of them; every view here sees the whole image."""
    detections = [
        (float(score), number, label, corners)
        for number, each in enumerate(views)
        for corners, label, score in zip(
            each.boxes.xyxy.tolist(), each.boxes.labels.tolist(), each.boxes.scores.tolist(), strict=True
        )
    ]
    clusters = []
    for detection in sorted(detections, key=lambda detection: -detection[0]):
        same = [
            (overlap(corners_of(cluster), detection[3]), cluster)
            for cluster in clusters
            if cluster[0][2] == detection[2]
        ]
        best = max(same, key=lambda pair: pair[0], default=(0.0, None))
        if best[1] is not None and best[0] >= iou:
            best[1].append(detection)
        else:
            clusters.append([detection])
    fused = []
    for cluster in clusters:
        best_of_view = {}
        for score, number, _, _ in cluster:
            best_of_view[number] = max(score, best_of_view.get(number, 0.0))
        fused.append((*corners_of(cluster), sum(best_of_view.values()) / len(views), cluster[0][2]))
    return sorted(fused, key=lambda detection: -detection[4])


def corners_of(cluster):
    weights = sum(score for score, *_ in cluster)
    return [sum(score * corners[side] for score, _, _, corners in cluster) / weights for side in range(4)]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), views=st.integers(1, 4), detections=st.integers(0, 12))
def test_the_slow_twin_agrees(seed, views, detections):
    random = np.random.default_rng(seed)
    centres = random.uniform(20, 80, (3, 2))  # few places, so that many boxes meet
    given_views = []
    for _ in range(views):
        middle = centres[random.integers(0, 3, detections)] + random.normal(0, 2, (detections, 2))
        half = random.uniform(6, 10, (detections, 2))
        table = np.concatenate([middle - half, middle + half, random.uniform(0.05, 1, (detections, 1))], axis=1)
        given_views.append(view_result(*table, labels=random.integers(0, 2, detections)))
    fused = fuse(given_views)
    expected = slow_twin(given_views, 0.55)
    assert len(fused) == len(expected)
    assert fused.scores.tolist() == pytest.approx([detection[4] for detection in expected], abs=1e-5)
    assert ((fused.scores >= 0) & (fused.scores <= 1)).all()
    # Scores may tie to the last bit or two: the boxes are compared in an order of their own.
    ours = sorted((*corners, label) for corners, label in zip(fused.xyxy.tolist(), fused.labels.tolist(), strict=True))
    assert np.array(ours) == pytest.approx(
        np.array(sorted((*detection[:4], detection[5]) for detection in expected)), abs=1e-3
    )
