"""One value with every figure, defined on every set of films."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.evaluation_films import dataset, film, marks, random_case

from fractura.core.boxes import Boxes
from fractura.evaluation import evaluate, figure_text, film_groups

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
    evaluation = evaluate(*case, threshold=0.3)
    found = evaluation.figures["box_sensitivity/iou50"]
    assert (found.part, found.count, found.value) == (2, 3, pytest.approx(2 / 3))
    assert evaluation.value("precision/iou50") == 0.5
    assert evaluation.value("f1/iou50") == pytest.approx(4 / 7)
    assert evaluation.value("false_marks_per_film/iou50") == 0.5
    assert evaluation.value("false_marks_per_normal_film") == 1.0


def test_films_as_a_whole_by_hand(case):
    evaluation = evaluate(*case, threshold=0.3)
    assert (evaluation.positive, evaluation.negative) == (2, 2)
    # scores: positive .9 .2, negative .6 0
    assert evaluation.value("film_auc") == pytest.approx(3 / 4)
    assert [evaluation.value(f"film_{name}") for name in ("sensitivity", "specificity", "ppv", "npv")] == [0.5] * 4
    assert evaluation.value("film_brier") == pytest.approx((0.1**2 + 0.8**2 + 0.6**2 + 0) / 4)
    assert evaluation.patients is None
    assert "patient_auc" not in evaluation.figures


def test_a_film_with_difficult_boxes_only_is_in_no_share_of_films():
    data = dataset(film([BOX]), film(name="b"), film([FAR], difficult=[True], name="c"))
    figures = evaluate(data, [marks((*BOX, 0.9)), marks(), marks((*FAR, 0.9))], threshold=0.5).figures
    counts = [(figures[f"film_{name}"].part, figures[f"film_{name}"].count) for name in ("ppv", "npv", "specificity")]
    assert counts == [(1, 1)] * 3
    assert figures["film_auc"].count == 2


def test_patients_and_studies_by_hand(case):
    data, predictions = case
    people, studies = ["p", "q", "p", None], ["1", "2", "3", None]
    records = [replace(r, patient=p, study=s) for r, p, s in zip(data.records, people, studies, strict=True)]
    evaluation = evaluate(dataset(*records), predictions, threshold=0.3, rounds=20)
    # patient p: films a (positive, .9) and c (negative, .6); q: b (positive, .2); the film of nobody: d (negative, 0)
    assert (evaluation.patients, evaluation.studies) == (3, 4)
    sensitivity = evaluation.figures["patient_sensitivity"]
    assert (sensitivity.part, sensitivity.count) == (1, 2)
    specificity = evaluation.figures["patient_specificity"]
    assert (specificity.part, specificity.count) == (1, 1)
    assert evaluation.value("patient_auc") == 1.0
    assert evaluation.value("study_auc") == pytest.approx(3 / 4)
    assert (evaluation.intervals.unit, evaluation.intervals.clusters) == ("patient", 3)


def test_the_threshold_itself_counts_although_it_is_no_float32():
    data = dataset(film([BOX]))
    assert evaluate(data, [marks((*BOX, 0.35))], threshold=0.35).figures["box_sensitivity/iou50"].part == 1


def test_it_goes_to_json_and_onto_one_screen(case):
    evaluation = evaluate(*case, rounds=10, groups=film_groups(case[0]))
    document = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert document["figures"]["AP50"]["value"] == evaluation.value("AP50")
    assert [key for key in document["figures"] if key.startswith("froc/iou10")][-1] == "froc/iou10/8"
    assert len(document["outcomes"]) == 4
    assert "outcomes" not in evaluation.summary()
    rows = evaluation.rows()
    assert len(rows) <= 24
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_every_class_has_its_line():
    evaluation = evaluate(*random_case(3, classes=3))
    assert {"AP50/class 0", "AP50/class 2", "box_sensitivity/iou30/class 1"} <= set(evaluation.figures)
    assert sum(name.strip().startswith("class ") for name, _ in evaluation.rows()) == 3


@pytest.mark.parametrize("classes", [1, 3])
def test_every_figure_has_its_words(classes):
    evaluation = evaluate(*random_case(3, classes=classes))
    texts = [figure_text(key) for key in evaluation.figures]
    assert len(set(texts)) == len(texts)
    with pytest.raises(KeyError):
        figure_text("nothing")


def test_what_became_of_each_film(case):
    first, second, third, fourth = evaluate(*case, threshold=0.5).outcomes
    assert (first.positive, first.missed, first.false) == (True, (1,), ())
    assert first.missed_scores == (pytest.approx(0.3),)
    assert (second.missed, second.missed_scores, second.marks.scores.tolist()) == ((0,), (pytest.approx(0.2),), [])
    assert (third.positive, third.false, third.film_score) == (False, (0, 1), pytest.approx(0.6))
    assert (fourth.missed, fourth.false) == ((), ())


def test_the_worst_come_first(case):
    data = dataset(*case[0].records, film([BOX], name="e"), film(name="f"))
    evaluation = evaluate(data, [*case[1], marks(), marks((*FAR, 0.95))], threshold=0.5)
    assert [outcome.record.name for outcome in evaluation.worst_misses()] == ["e", "b", "a.png"]
    assert [outcome.record.name for outcome in evaluation.worst_false_alarms()] == ["f", "c"]
    assert len(evaluation.worst_misses(1)) == 1


@pytest.mark.parametrize(
    ("data", "predictions", "note"),
    [
        (dataset(), [], "no films"),
        (dataset(film()), [marks()], "no box is to be found"),
        (dataset(film([BOX])), [marks((*BOX, 0.9))], "every film has a box"),
        (dataset(film([BOX])), [marks()], "marked nothing at all"),
        (dataset(film([BOX], difficult=[True]), film()), [marks((*BOX, 0.9)), marks()], "difficult boxes only"),
        (dataset(film([[1, 1, 1, 1]]), film()), [marks((1, 1, 1, 1, 0.9)), marks()], "no film's patient is known"),
    ],
)
def test_extremes_are_defined_with_a_note(data, predictions, note):
    evaluation = evaluate(data, predictions, rounds=5, groups=film_groups(data))
    json.dumps(evaluation.to_dict(), allow_nan=False)
    assert evaluation.rows()
    assert any(note in line for line in evaluation.notes)


def test_what_is_not_defined_is_none():
    figures = evaluate(dataset(film([BOX])), [marks()], rounds=5).figures
    for key in ("film_auc", "film_specificity", "precision/iou50", "false_marks_per_normal_film", "film_ppv"):
        assert (figures[key].value, figures[key].low, figures[key].high) == (None, None, None), key
    assert figures["box_sensitivity/iou50"].value == 0.0


def test_curves_by_hand(case):
    curves = evaluate(*case).curves
    assert curves.froc["iou50"]["false_marks_per_film"] == [0, 0.5, 0.5]
    assert curves.froc["iou50"]["sensitivity"] == pytest.approx([1 / 3, 2 / 3, 1])
    assert curves.froc["iou50"]["threshold"] == pytest.approx([0.9, 0.3, 0.2])
    assert curves.roc["film"]["false_positive_rate"] == [0, 0, 0.5, 0.5, 1]
    assert curves.roc["film"]["sensitivity"] == [0, 0.5, 0.5, 1, 1]
    assert len(curves.precision_recall["iou50"]["precision"]) == 101
    assert sum(curves.reliability["mark"]["count"]) == 5
    assert sum(curves.reliability["film"]["count"]) == 4


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
def test_wrong_marks_are_refused(predictions, said):
    with pytest.raises(ValueError, match=said):
        evaluate(dataset(film([BOX])), predictions)
