"""One value with every figure, defined on every set of films."""

import json

import numpy as np
import pytest
from evaluation_films import dataset, film, marks, random_case

from fractura.boxes import Boxes
from fractura.evaluation import evaluate

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)


@pytest.fixture(name="case")
def example():
    data = dataset(film([BOX, FAR]), film([BOX], name="b"), film(name="c"), film(name="d"), class_names=("fracture",))
    predictions = [
        marks((*BOX, 0.9), (*FAR, 0.3)),
        marks((*BOX, 0.2)),
        marks((*FAR, 0.6), (*BOX, 0.6)),
        marks(),
    ]
    return data, predictions


def test_counts_at_the_threshold_by_hand(case):
    at = evaluate(*case, threshold=0.3).at_threshold["0.5"]
    assert (at.found, at.missed, at.false_marks) == (2, 1, 2)
    assert (at.sensitivity, at.precision) == (pytest.approx(2 / 3), 0.5)
    assert (at.false_marks_per_film, at.false_marks_per_negative) == (0.5, 1.0)
    assert at.sensitivity_by_class == {"fracture": pytest.approx(2 / 3)}


def test_films_as_a_whole_by_hand(case):
    films = evaluate(*case, threshold=0.3).film_level
    assert (films.positive, films.negative) == (2, 2)
    # scores: positive .9 .2, negative .6 0
    assert films.auc == pytest.approx(3 / 4)
    assert (films.sensitivity, films.specificity) == (0.5, 0.5)


def test_the_threshold_itself_counts_although_it_is_no_float32():
    data = dataset(film([BOX]))
    assert evaluate(data, [marks((*BOX, 0.35))], threshold=0.35).at_threshold["0.5"].found == 1


def test_it_goes_to_json_and_onto_one_screen(case):
    evaluation = evaluate(*case)
    document = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert document["froc"]["0.5"].keys() == {"0.125", "0.25", "0.5", "1", "2", "4", "8"}
    assert document["average_precision"]["figures"]["AP50"] == evaluation.average_precision.figures["AP50"]
    assert document["at_threshold"]["0.1"]["found"] == evaluation.at_threshold["0.1"].found
    rows = evaluation.rows()
    assert len(rows) <= 20
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_every_class_has_its_line():
    evaluation = evaluate(*random_case(3, classes=3))
    assert set(evaluation.average_precision.by_class) == {"class 0", "class 1", "class 2"}
    assert sum(name.strip().startswith("class ") for name, _ in evaluation.rows()) == 3


def test_found_at_the_loosest_overlap_is_never_less():
    for seed in range(5):
        at = evaluate(*random_case(seed), threshold=0.2).at_threshold
        assert at["0.1"].found >= at["0.3"].found >= at["0.5"].found


@pytest.mark.parametrize(
    ("data", "predictions", "note"),
    [
        (dataset(), [], "no films"),
        (dataset(film()), [marks()], "no box is to be found"),
        (dataset(film([BOX])), [marks((*BOX, 0.9))], "every film has a box"),
        (dataset(film([BOX]), film()), [marks(), marks()], "marked nothing at all"),
        (dataset(film([BOX], difficult=[True]), film()), [marks((*BOX, 0.9)), marks()], "difficult boxes only"),
        (dataset(film([[1, 1, 1, 1]]), film()), [marks((1, 1, 1, 1, 0.9)), marks()], None),
    ],
)
def test_extremes_are_defined_with_a_note(data, predictions, note):
    evaluation = evaluate(data, predictions)
    json.dumps(evaluation.to_dict(), allow_nan=False)
    assert evaluation.rows()
    assert any(note in line for line in evaluation.notes) if note else not evaluation.notes


def test_what_is_not_defined_is_none():
    films = evaluate(dataset(film([BOX])), [marks()])
    assert (films.film_level.auc, films.film_level.specificity) == (None, None)
    assert films.at_threshold["0.5"].precision is None
    assert films.at_threshold["0.5"].sensitivity == 0.0
    assert films.at_threshold["0.5"].false_marks_per_negative is None


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        ([], "as many predictions"),
        ([Boxes([BOX], [0])], "need scores"),
        ([Boxes([BOX], [1], [0.5])], "outside the 1 class names"),
        ([Boxes([BOX], [-1], [0.5])], "outside the 1 class names"),
        ([Boxes([BOX], [0], [np.nan])], "score outside 0..1"),
        ([Boxes([BOX], [0], [1.5])], "score outside 0..1"),
        ([Boxes([[0, 0, np.inf, 1]], [0], [0.5])], "not finite"),
    ],
)
def test_wrong_predictions_are_refused(predictions, said):
    with pytest.raises(ValueError, match=said):
        evaluate(dataset(film([BOX])), predictions)
