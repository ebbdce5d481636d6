"""Thresholds for an aim, by hand and against trying every score."""

import numpy as np
import pytest
from evaluation_films import dataset, film, marks, random_case

from fractura.boxes import Boxes
from fractura.errors import UsageError
from fractura.evaluation.froc import match_marks
from fractura.evaluation.threshold import Aim, choose_threshold

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)
F1 = Aim()


@pytest.fixture(name="case")
def four_films():
    """In order of score: right .9, right .8, right .6, wrong .4, wrong .3, right .1."""
    data = dataset(*[film([BOX], name=str(index)) for index in range(4)])
    rows = [((*BOX, 0.9), (*FAR, 0.4)), ((*BOX, 0.8), (*FAR, 0.3)), ((*BOX, 0.6),), ((*BOX, 0.1),)]
    return data, [marks(*each) for each in rows]


@pytest.mark.parametrize(
    ("aim", "threshold", "found", "false"),
    [
        ("f1", 0.6, 3, 0),
        ("sensitivity=0.5", 0.8, 2, 0),
        ("sensitivity=0.75", 0.6, 3, 0),
        ("sensitivity=0.8", 0.1, 4, 2),
        ("sensitivity=1", 0.1, 4, 2),
        ("fp_per_image=0.1", 0.6, 3, 0),
        ("fp_per_image=0.25", 0.6, 3, 0),  # one false mark is allowed, and would find nothing more
        ("fp_per_image=0.5", 0.1, 4, 2),
    ],
)
def test_by_hand(case, aim, threshold, found, false):
    choice = choose_threshold(*case, Aim.parse(aim))
    assert choice.threshold == pytest.approx(np.float32(threshold))
    assert (choice.reached, choice.found, choice.false_marks) == (True, found, false)


def test_without_the_false_marks_it_pays_to_go_down_to_the_fourth(case):
    data, found = case
    choice = choose_threshold(data, [each.select([0]) for each in found], F1)
    assert choice.threshold == pytest.approx(np.float32(0.1))


def test_an_aim_out_of_reach_says_what_is_reached(case):
    data, found = case
    choice = choose_threshold(data, [*found[:3], marks()], Aim.parse("sensitivity=0.9"))
    assert (choice.reached, choice.found, choice.boxes) == (False, 3, 4)
    assert choice.threshold == pytest.approx(np.float32(0.6))
    assert "0.750 (3 of 4 boxes, IoU 0.3), 0.00 false marks per film" in str(choice)
    tied = choose_threshold(dataset(film([BOX])), [marks((*BOX, 0.5), (*FAR, 0.5))], Aim.parse("fp_per_image=0.5"))
    assert (tied.reached, tied.false_marks) == (False, 1)


@pytest.mark.parametrize("aim", ["f1", "sensitivity=0.9", "fp_per_image=1"])
def test_where_nothing_is_found(aim):
    data = dataset(film([BOX]), film(name="b"))
    for found in ([marks(), marks()], [marks((*FAR, 0.7)), marks()]):
        choice = choose_threshold(data, found, Aim.parse(aim))
        assert (choice.threshold, choice.reached, choice.found) == (0.5, False, 0)
    assert choose_threshold(dataset(), [], Aim.parse(aim)).reached is False
    normal = choose_threshold(dataset(film()), [marks((*FAR, 0.7))], Aim.parse(aim))
    assert (str(normal), normal.reached) == ("threshold 0.5: there is no fracture to find", False)


def test_f1_passes_over_what_is_found_only_at_the_faintest_scores():
    assert choose_threshold(dataset(film([BOX])), [marks((*BOX, 1e-9))], F1).threshold == 0.5


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("text", ["f1", "sensitivity=0.4", "fp_per_image=0.3", "sensitivity=0.7"])
def test_no_other_score_serves_better(seed, text):
    data, predictions = random_case(seed, films=10, score_steps=20)
    aim = Aim.parse(text)
    matching = match_marks(data, predictions, "iou30")
    choice = choose_threshold(data, predictions, aim)
    lowest = 0.05 if aim.name == "f1" else 0.0
    points = [matching.at(score) for score in np.unique(matching.scores) if score >= np.float32(lowest)]
    got = matching.at(choice.threshold)
    if aim.name == "f1":
        best = max(2 * found / (found + false + matching.truths) for found, false in points)
        assert 2 * got[0] / (sum(got) + matching.truths) == pytest.approx(best)
    elif aim.name == "sensitivity":
        enough = [false for found, false in points if found >= aim.value * matching.truths]
        assert choice.reached == bool(enough)
        if enough:
            assert got[0] >= aim.value * matching.truths
            assert got[1] == min(enough)
    else:
        allowed = [found for found, false in points if false <= aim.value * len(data)]
        assert choice.reached == bool(allowed)
        if allowed:
            assert got[1] <= aim.value * len(data)
            assert got[0] == max(allowed)


@pytest.mark.parametrize("text", ["f1", "sensitivity=0.9", "fp_per_image=0.5"])
def test_an_aim_is_read_and_written_alike(text):
    assert str(Aim.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "f2", "f1=1", "sensitivity", "sensitivity=1.2", "sensitivity=x", "fp_per_image=0"]
)
def test_other_aims_are_refused(text):
    with pytest.raises(UsageError, match="not an aim"):
        Aim.parse(text)


def test_a_threshold_counts_the_mark_it_was_taken_from():
    data = dataset(film([BOX]))
    found = Boxes([BOX], [0], [0.35])
    choice = choose_threshold(data, [found], F1)
    assert len(found.above(choice.threshold)) == 1
