"""Thresholds for an aim, by hand and against trying every score."""

import numpy as np
import pytest
from support.evaluation_films import dataset, film, marks, random_case

from fractura.core.boxes import Boxes
from fractura.core.errors import UsageError
from fractura.evaluation import evaluate
from fractura.evaluation.froc import match_marks
from fractura.evaluation.threshold import AIMS, Aim, choose_threshold

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


@pytest.fixture(name="films")
def ten_films():
    """Fractured films at .9, .8, .5 and without a mark, normal ones at .7, .6, .2 and three without."""
    shown = [(True, 0.9), (True, 0.8), (True, 0.5), (True, None)]
    shown += [(False, 0.7), (False, 0.6), (False, 0.2), (False, None), (False, None), (False, None)]
    records = [film([BOX] if broken else [], name=f"{place}.png") for place, (broken, _) in enumerate(shown)]
    # The film's score is that of its best mark, wherever it is.
    found = [marks() if score is None else marks((*FAR, score), (*BOX, score / 2)) for _, score in shown]
    return dataset(*records, film([BOX], difficult=[True], name="x.png")), [*found, marks((*BOX, 0.85))]


@pytest.mark.parametrize(
    ("aim", "threshold", "fractured", "normal", "reached"),
    [
        ("film_sensitivity=0.5", 0.8, 2, 0, True),
        ("film_sensitivity=0.75", 0.5, 3, 2, True),
        ("film_sensitivity=0.76", 0.5, 3, 2, False),
        ("film_specificity=1", 0.8, 2, 0, True),
        ("film_specificity=0.8", 0.8, 2, 0, True),  # one normal film may have a mark, and would find nothing more
        ("film_specificity=0.65", 0.5, 3, 2, True),
    ],
)
def test_aims_of_films_by_hand(films, aim, threshold, fractured, normal, reached):
    choice = choose_threshold(*films, Aim.parse(aim))
    assert choice.threshold == pytest.approx(np.float32(threshold))
    assert (choice.found, choice.boxes, choice.false_marks, choice.films) == (fractured, 4, normal, 6)
    assert choice.reached == reached
    if threshold == 0.5:
        films_marked = "threshold 0.5 marks 0.750 (3 of 4 fractured films)"
        assert str(choice) == f"{films_marked}, leaves 0.667 (4 of 6 normal films) without a mark"


def test_specificity_needs_normal_films_and_one_that_scores_below_a_fractured_one(films):
    data, found = films
    broken = dataset(*data.records[:4])
    choice = choose_threshold(broken, found[:4], Aim.parse("film_specificity=0.9"))
    assert not choice.reached
    assert "there is no normal film" in str(choice)
    assert str(choose_threshold(dataset(), [], Aim.parse("film_specificity=0.9"))).endswith("no fracture to find")
    high = [marks((*FAR, 0.95)), *found[1:4], marks((*FAR, 0.95))]
    assert not choose_threshold(dataset(*data.records[:5]), high, Aim.parse("film_specificity=0.9")).reached


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("text", ["film_sensitivity=0.6", "film_specificity=0.4"])
def test_what_an_aim_of_films_reaches_is_what_is_measured(seed, text):
    data, predictions = random_case(seed, films=20, score_steps=20)
    aim = Aim.parse(text)
    choice = choose_threshold(data, predictions, aim)
    assert choice.reached
    measured = evaluate(data, predictions, threshold=choice.threshold, details=False)
    assert measured.value("film_sensitivity") == pytest.approx(choice.found / choice.boxes)
    assert measured.value("film_specificity") == pytest.approx(1 - choice.false_marks / choice.films)
    assert measured.value(aim.name) >= aim.value


def test_a_share_that_is_reached_exactly_is_reached():
    data = dataset(*[film([BOX], name=str(index)) for index in range(20)])
    found = [marks((*BOX, 0.9))] * 11 + [marks()] * 9  # 0.55 * 20 is a little more than 11
    assert choose_threshold(data, found, Aim.parse("sensitivity=0.55")).reached


@pytest.mark.parametrize("text", AIMS)
def test_an_aim_is_read_and_written_alike(text):
    assert str(Aim.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "f2",
        "f1=1",
        "sensitivity",
        "sensitivity=1.2",
        "sensitivity=x",
        "fp_per_image=0",
        "film_specificity=0",
        "film_f1=0.5",
    ],
)
def test_other_aims_are_refused(text):
    with pytest.raises(UsageError, match="not an aim"):
        Aim.parse(text)


def test_a_threshold_counts_the_mark_it_was_taken_from():
    data = dataset(film([BOX]))
    found = Boxes([BOX], [0], [0.35])
    choice = choose_threshold(data, [found], F1)
    assert len(found.above(choice.threshold)) == 1
