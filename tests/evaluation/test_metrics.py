"""One value with every metric, defined on every set of images."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.evaluation_images import dataset, detections, image, random_case

from fractura.core.boxes import Boxes
from fractura.evaluation import evaluate, image_groups, metric_text

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)


@pytest.fixture(name="case")
def example():
    data = dataset(
        image([BOX, FAR]), image([BOX], name="b"), image(name="c"), image(name="d"), class_names=("fracture",)
    )
    predictions = [
        detections((*BOX, 0.9), (*FAR, 0.3)),
        detections((*BOX, 0.2)),
        detections((*FAR, 0.6), (*BOX, 0.6)),
        detections(),
    ]
    return data, predictions


def test_counts_at_the_threshold_by_hand(case):
    evaluation = evaluate(*case, threshold=0.3)
    found = evaluation.metrics["box_sensitivity/iou50"]
    assert (found.part, found.count, found.value) == (2, 3, pytest.approx(2 / 3))
    assert evaluation.value("precision/iou50") == 0.5
    assert evaluation.value("f1/iou50") == pytest.approx(4 / 7)
    assert evaluation.value("false_positives_per_image/iou50") == 0.5
    assert evaluation.value("false_positives_per_normal_image") == 1.0


def test_images_as_a_whole_by_hand(case):
    evaluation = evaluate(*case, threshold=0.3)
    assert (evaluation.positive, evaluation.negative) == (2, 2)
    # scores: positive .9 .2, negative .6 0
    assert evaluation.value("image_auc") == pytest.approx(3 / 4)
    assert [evaluation.value(f"image_{name}") for name in ("sensitivity", "specificity", "ppv", "npv")] == [0.5] * 4
    assert evaluation.value("image_brier") == pytest.approx((0.1**2 + 0.8**2 + 0.6**2 + 0) / 4)
    assert evaluation.patients is None
    assert "patient_auc" not in evaluation.metrics


def test_an_image_with_difficult_boxes_only_is_in_no_share_of_images():
    data = dataset(image([BOX]), image(name="b"), image([FAR], difficult=[True], name="c"))
    metrics = evaluate(data, [detections((*BOX, 0.9)), detections(), detections((*FAR, 0.9))], threshold=0.5).metrics
    counts = [(metrics[f"image_{name}"].part, metrics[f"image_{name}"].count) for name in ("ppv", "npv", "specificity")]
    assert counts == [(1, 1)] * 3
    assert metrics["image_auc"].count == 2


def test_patients_and_studies_by_hand(case):
    data, predictions = case
    people, studies = ["p", "q", "p", None], ["1", "2", "3", None]
    records = [replace(r, patient=p, study=s) for r, p, s in zip(data.records, people, studies, strict=True)]
    evaluation = evaluate(dataset(*records), predictions, threshold=0.3, rounds=20)
    # patient p: images a (positive, .9) and c (negative, .6); q: b (positive, .2); the image of nobody: d (negative, 0)
    assert (evaluation.patients, evaluation.studies) == (3, 4)
    sensitivity = evaluation.metrics["patient_sensitivity"]
    assert (sensitivity.part, sensitivity.count) == (1, 2)
    specificity = evaluation.metrics["patient_specificity"]
    assert (specificity.part, specificity.count) == (1, 1)
    assert evaluation.value("patient_auc") == 1.0
    assert evaluation.value("study_auc") == pytest.approx(3 / 4)
    assert (evaluation.intervals.unit, evaluation.intervals.clusters) == ("patient", 3)


def test_the_threshold_itself_counts_although_it_is_no_float32():
    data = dataset(image([BOX]))
    assert evaluate(data, [detections((*BOX, 0.35))], threshold=0.35).metrics["box_sensitivity/iou50"].part == 1


def test_it_goes_to_json_and_onto_one_screen(case):
    evaluation = evaluate(*case, rounds=10, groups=image_groups(case[0]))
    document = json.loads(json.dumps(evaluation.to_dict(), allow_nan=False))
    assert document["metrics"]["AP50"]["value"] == evaluation.value("AP50")
    assert [key for key in document["metrics"] if key.startswith("froc/iou10")][-1] == "froc/iou10/8"
    assert len(document["outcomes"]) == 4
    assert "outcomes" not in evaluation.summary()
    rows = evaluation.rows()
    assert len(rows) <= 24
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_every_class_has_its_line():
    evaluation = evaluate(*random_case(3, classes=3))
    assert {"AP50/class 0", "AP50/class 2", "box_sensitivity/iou30/class 1"} <= set(evaluation.metrics)
    assert sum(name.strip().startswith("class ") for name, _ in evaluation.rows()) == 3


@pytest.mark.parametrize("classes", [1, 3])
def test_every_metric_has_its_words(classes):
    evaluation = evaluate(*random_case(3, classes=classes))
    texts = [metric_text(key) for key in evaluation.metrics]
    assert len(set(texts)) == len(texts)
    with pytest.raises(KeyError):
        metric_text("nothing")


def test_what_became_of_each_image(case):
    first, second, third, fourth = evaluate(*case, threshold=0.5).outcomes
    assert (first.positive, first.missed, first.false) == (True, (1,), ())
    assert first.missed_scores == (pytest.approx(0.3),)
    assert (second.missed, second.missed_scores, second.detections.scores.tolist()) == ((0,), (pytest.approx(0.2),), [])
    assert (third.positive, third.false, third.image_score) == (False, (0, 1), pytest.approx(0.6))
    assert (fourth.missed, fourth.false) == ((), ())


def test_the_worst_come_first(case):
    data = dataset(*case[0].records, image([BOX], name="e"), image(name="f"))
    evaluation = evaluate(data, [*case[1], detections(), detections((*FAR, 0.95))], threshold=0.5)
    assert [outcome.record.name for outcome in evaluation.worst_misses()] == ["e", "b", "a.png"]
    assert [outcome.record.name for outcome in evaluation.worst_false_alarms()] == ["f", "c"]
    assert len(evaluation.worst_misses(1)) == 1


@pytest.mark.parametrize(
    ("data", "predictions", "note"),
    [
        (dataset(), [], "no images"),
        (dataset(image()), [detections()], "there is no box to be found"),
        (dataset(image([BOX])), [detections((*BOX, 0.9))], "every image has a box"),
        (dataset(image([BOX])), [detections()], "detected nothing at all"),
        (
            dataset(image([BOX], difficult=[True]), image()),
            [detections((*BOX, 0.9)), detections()],
            "difficult boxes only",
        ),
        (
            dataset(image([[1, 1, 1, 1]]), image()),
            [detections((1, 1, 1, 1, 0.9)), detections()],
            "no image's patient is known",
        ),
    ],
)
def test_extremes_are_defined_with_a_note(data, predictions, note):
    evaluation = evaluate(data, predictions, rounds=5, groups=image_groups(data))
    json.dumps(evaluation.to_dict(), allow_nan=False)
    assert evaluation.rows()
    assert any(note in str(line) for line in evaluation.notes)


def test_what_is_not_defined_is_none():
    metrics = evaluate(dataset(image([BOX])), [detections()], rounds=5).metrics
    for key in ("image_auc", "image_specificity", "precision/iou50", "false_positives_per_normal_image", "image_ppv"):
        assert (metrics[key].value, metrics[key].low, metrics[key].high) == (None, None, None), key
    assert metrics["box_sensitivity/iou50"].value == 0.0


def test_curves_by_hand(case):
    curves = evaluate(*case).curves
    assert curves.froc["iou50"]["false_positives_per_image"] == [0, 0.5, 0.5]
    assert curves.froc["iou50"]["sensitivity"] == pytest.approx([1 / 3, 2 / 3, 1])
    assert curves.froc["iou50"]["threshold"] == pytest.approx([0.9, 0.3, 0.2])
    assert curves.roc["image"]["false_positive_rate"] == [0, 0, 0.5, 0.5, 1]
    assert curves.roc["image"]["sensitivity"] == [0, 0.5, 0.5, 1, 1]
    assert len(curves.precision_recall["iou50"]["precision"]) == 101
    assert sum(curves.reliability["detection"]["count"]) == 5
    assert sum(curves.reliability["image"]["count"]) == 4


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
def test_wrong_detections_are_refused(predictions, said):
    with pytest.raises(ValueError, match=said):
        evaluate(dataset(image([BOX])), predictions)
