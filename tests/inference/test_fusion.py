"""Weighted box fusion against cases worked by hand and against a slow twin written from the paper's words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fractura.core.boxes import Boxes
from fractura.inference.fusion import Look, fuse, without_doubles

FILM = (0, 0, 100, 100)


def look(*marks, windows=(FILM,), labels=None):
    """Marks are (left, top, right, bottom, score)."""
    table = np.reshape(np.array(marks, np.float32), (-1, 5))
    return Look(
        Boxes(table[:, :4], [0] * len(table) if labels is None else labels, table[:, 4]),
        np.array(windows, np.float32),
    )


def marks_of(boxes):
    return [(*corners, score) for corners, score in zip(boxes.xyxy.tolist(), boxes.scores.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        # Two agree: corners weighted by 0.75 and 0.25, mean of the scores.
        ([look((10, 10, 30, 30, 0.75)), look((14, 10, 34, 30, 0.25))], [(11, 10, 31, 30, 0.5)]),
        # Only one of two finds it: half the score.
        ([look((10, 10, 30, 30, 0.8)), look()], [(10, 10, 30, 30, 0.4)]),
        # Too little overlap (IoU 1/3): two marks, each found by one look of two.
        (
            [look((10, 10, 30, 30, 0.8)), look((20, 10, 40, 30, 0.4))],
            [(10, 10, 30, 30, 0.4), (20, 10, 40, 30, 0.2)],
        ),
        # The second look does not see the place: nothing is taken off for that.
        ([look((60, 60, 80, 80, 0.8)), look(windows=[(0, 0, 50, 50)])], [(60, 60, 80, 80, 0.8)]),
        # It sees half of it: as good as not at all.
        ([look((60, 60, 80, 80, 0.8)), look(windows=[(0, 0, 70, 100)])], [(60, 60, 80, 80, 0.8)]),
        # Two pixels of a hundred are too small for the first look, and large enough for the second.
        ([look(), look((10, 10, 12, 12, 0.8), windows=[(0, 0, 50, 50)])], [(10, 10, 12, 12, 0.8)]),
        # Two tiles of one look find it both: they count as one, with the better score.
        (
            [look((10, 10, 30, 30, 0.6)), look((10, 10, 30, 30, 0.8), (10, 10, 30, 30, 0.2))],
            [(10, 10, 30, 30, 0.7)],
        ),
        ([look()], []),
        ([look(), look()], []),
        ([look((1, 1, 9, 9, 0.0)), look((1, 1, 9, 9, 0.0))], [(1, 1, 9, 9, 0.0)]),
    ],
)
def test_cases_worked_by_hand(looks, expected):
    found = marks_of(fuse(looks))
    assert len(found) == len(expected)
    for mark, wanted in zip(found, expected, strict=True):
        assert mark == pytest.approx(wanted, abs=1e-4)


def test_classes_never_mix():
    fused = fuse([look((10, 10, 30, 30, 0.8), labels=[0]), look((10, 10, 30, 30, 0.6), labels=[1])])
    assert fused.labels.tolist() == [0, 1]
    assert fused.scores.tolist() == pytest.approx([0.4, 0.3])


def test_of_boxes_from_overlapping_parts_that_mean_one_thing_the_best_stays():
    whole, half, other_class = (10, 10, 30, 30, 0.7), (10, 10, 20, 30, 0.9), (10, 10, 30, 30, 0.6)
    first = look(whole, (12, 10, 32, 30, 0.5)).boxes  # of one part: that they overlap is the model's affair
    assert without_doubles([first, look().boxes]) == first
    found = without_doubles(
        [first, look(half).boxes, look(other_class, labels=[1]).boxes, look((25, 25, 60, 60, 0.1)).boxes]
    )
    assert found.scores.tolist() == pytest.approx([0.9, 0.6, 0.1])
    assert found.labels.tolist() == [0, 1, 0]
    assert found.xyxy[0].tolist() == [10, 10, 20, 30]


def test_boxes_without_scores_are_a_wrong_call():
    with pytest.raises(ValueError, match="scores"):
        fuse([Look(Boxes([[0, 0, 1, 1]], [0]), np.array([FILM], np.float32))])


def overlap(one, other):
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / ((one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared)


def slow_twin(looks, iou):
    """Clusters as lists of boxes, each fused anew from all of them; every look here sees the whole film."""
    marks = [
        (float(score), number, label, corners)
        for number, each in enumerate(looks)
        for corners, label, score in zip(
            each.boxes.xyxy.tolist(), each.boxes.labels.tolist(), each.boxes.scores.tolist(), strict=True
        )
    ]
    clusters = []
    for mark in sorted(marks, key=lambda mark: -mark[0]):
        same = [(overlap(corners_of(cluster), mark[3]), cluster) for cluster in clusters if cluster[0][2] == mark[2]]
        best = max(same, key=lambda pair: pair[0], default=(0.0, None))
        if best[1] is not None and best[0] >= iou:
            best[1].append(mark)
        else:
            clusters.append([mark])
    fused = []
    for cluster in clusters:
        best_of_look = {}
        for score, number, _, _ in cluster:
            best_of_look[number] = max(score, best_of_look.get(number, 0.0))
        fused.append((*corners_of(cluster), sum(best_of_look.values()) / len(looks), cluster[0][2]))
    return sorted(fused, key=lambda mark: -mark[4])


def corners_of(cluster):
    weights = sum(score for score, *_ in cluster)
    return [sum(score * corners[side] for score, _, _, corners in cluster) / weights for side in range(4)]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), looks=st.integers(1, 4), marks=st.integers(0, 12))
def test_the_slow_twin_agrees(seed, looks, marks):
    random = np.random.default_rng(seed)
    centres = random.uniform(20, 80, (3, 2))  # few places, so that many boxes meet
    given_looks = []
    for _ in range(looks):
        middle = centres[random.integers(0, 3, marks)] + random.normal(0, 2, (marks, 2))
        half = random.uniform(6, 10, (marks, 2))
        table = np.concatenate([middle - half, middle + half, random.uniform(0.05, 1, (marks, 1))], axis=1)
        given_looks.append(look(*table, labels=random.integers(0, 2, marks)))
    fused = fuse(given_looks)
    expected = slow_twin(given_looks, 0.55)
    assert len(fused) == len(expected)
    assert fused.scores.tolist() == pytest.approx([mark[4] for mark in expected], abs=1e-5)
    assert ((fused.scores >= 0) & (fused.scores <= 1)).all()
    # Scores may tie to the last bit or two: the boxes are compared in an order of their own.
    ours = sorted((*corners, label) for corners, label in zip(fused.xyxy.tolist(), fused.labels.tolist(), strict=True))
    assert np.array(ours) == pytest.approx(np.array(sorted((*mark[:4], mark[5]) for mark in expected)), abs=1e-3)
