"""FROC by hand, and against a slow twin that tries every threshold from scratch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.evaluation_images import dataset, detections, image, random_case

from fractura.core.boxes import Boxes
from fractura.evaluation.froc import (
    FALSE_POSITIVE,
    IGNORED,
    TRUE_POSITIVE,
    image_scores,
    match_detections,
)
from fractura.evaluation.measures import Froc
from fractura.evaluation.metric_names import FALSE_POSITIVES_PER_IMAGE

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)


def outcome(record, predicted, iou=0.5, names=("fracture",)):
    return match_detections(dataset(record, class_names=names), [predicted], iou).outcome.tolist()


def froc(data, matching):
    """Sensitivity at each of the allowed rates of false positives."""
    boxes = np.array([np.count_nonzero(~record.difficult) for record in data], dtype=np.int64)
    return Froc({"criterion": matching}, boxes).of(np.ones(len(data))).tolist()


def test_one_box_is_found_once_and_the_second_detection_on_it_is_false():
    assert outcome(image([BOX]), detections((*BOX, 0.4), (*BOX, 0.9))) == [FALSE_POSITIVE, TRUE_POSITIVE]


def test_of_equal_scores_the_first_given_finds():
    assert outcome(image([BOX]), detections((*BOX, 0.5), (*BOX, 0.5))) == [TRUE_POSITIVE, FALSE_POSITIVE]


def test_one_detection_finds_one_box_only_the_one_it_overlaps_most():
    record = image([[10, 10, 60, 60], [20, 10, 60, 60]])
    assert outcome(record, detections((20, 10, 60, 60, 0.9)), 0.3) == [TRUE_POSITIVE]
    # the second detection takes the box that is left, although it overlaps the taken one more
    assert outcome(record, detections((20, 10, 60, 60, 0.9), (20, 10, 60, 60, 0.8)), 0.3) == [
        TRUE_POSITIVE,
        TRUE_POSITIVE,
    ]


@pytest.mark.parametrize(
    ("iou", "expected"), [(0.1, TRUE_POSITIVE), (0.2, TRUE_POSITIVE), (0.21, FALSE_POSITIVE), (0.5, FALSE_POSITIVE)]
)
def test_the_overlap_decides_and_reaching_it_is_enough(iou, expected):
    # a strip of 10 of 50 columns: IoU exactly 0.2
    assert outcome(image([BOX]), detections((10, 10, 20, 60, 0.9)), iou) == [expected]


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ((30, 30, 40, 40), TRUE_POSITIVE),  # IoU 0.04, but in the middle of the box
        ((0, 0, 20, 20), TRUE_POSITIVE),  # its centre is the corner of the box
        ((0, 0, 19, 20), FALSE_POSITIVE),
        ((-200, -200, 270, 270), TRUE_POSITIVE),
        ((61, 10, 111, 60), FALSE_POSITIVE),
    ],
)
def test_the_centre_of_the_detection_in_the_box_is_enough(detection, expected):
    assert outcome(image([BOX]), detections((*detection, 0.9)), "centre") == [expected]


def test_the_box_that_a_detection_found_is_known():
    matching = match_detections(
        dataset(image([BOX, FAR])), [detections((*FAR, 0.9), (*FAR, 0.8), (*BOX, 0.7))], "iou50"
    )
    assert matching.box.tolist() == [1, -1, 0]


def test_another_class_does_not_find():
    assert outcome(image([BOX], [1]), detections((*BOX, 0.9)), names=("a", "b")) == [FALSE_POSITIVE]


def test_difficult_boxes_are_left_out_on_both_sides():
    record = image([BOX, FAR], difficult=[False, True])
    predicted = detections((*FAR, 0.9), (*FAR, 0.8), (*BOX, 0.7), (0, 180, 9, 190, 0.6))
    assert outcome(record, predicted) == [IGNORED, IGNORED, TRUE_POSITIVE, FALSE_POSITIVE]
    assert match_detections(dataset(record), [predicted], 0.5).ground_truths == 1


def test_sensitivity_at_false_positives_by_hand():
    # four images, two boxes; in order of score: found .9, false .8, found .7, false .6 and .6 (two at once)
    data = dataset(image([BOX]), image([BOX], name="b"), image(name="c"), image(name="d"))
    predictions = [
        detections((*BOX, 0.9), (*FAR, 0.6)),
        detections((*BOX, 0.7)),
        detections((*FAR, 0.8)),
        detections((*FAR, 0.6)),
    ]
    matching = match_detections(data, predictions, 0.5)
    assert froc(data, matching) == [0.5, 1, 1, 1, 1, 1, 1]
    scores, found, false = matching.curve()
    assert scores.tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert found.tolist() == [1, 1, 2, 2]
    assert false.tolist() == [0, 1, 1, 3]
    assert matching.at(0.7) == (2, 1)
    assert matching.at(0.71) == (1, 1)


def test_no_threshold_separates_detections_of_one_score():
    # the found and the false positive share a score: below one false positive in one image nothing is found
    data = dataset(image([BOX]))
    assert froc(data, match_detections(data, [detections((*BOX, 0.5), (*FAR, 0.5))], 0.5)) == [0, 0, 0, 1, 1, 1, 1]


def test_sensitivity_without_boxes_or_images_is_not_defined_and_without_detections_zero():
    for data, predictions in ((dataset(), []), (dataset(image()), [detections((*BOX, 0.5))])):
        assert np.isnan(froc(data, match_detections(data, predictions, 0.5))).all()
    data = dataset(image([BOX]))
    assert froc(data, match_detections(data, [detections()], 0.5)) == [0.0] * 7


def test_wrong_calls_are_refused():
    with pytest.raises(ValueError, match="overlap"):
        match_detections(dataset(), [], 0.0)
    with pytest.raises(ValueError, match="need scores"):
        match_detections(dataset(image([BOX])), [Boxes([BOX], [0])], 0.5)


def slow_iou(first, second):
    first, second = [np.float32(value) for value in first], [np.float32(value) for value in second]
    wide = max(min(first[2], second[2]) - max(first[0], second[0]), np.float32(0))
    high = max(min(first[3], second[3]) - max(first[1], second[1]), np.float32(0))
    area = [max(b[2] - b[0], np.float32(0)) * max(b[3] - b[1], np.float32(0)) for b in (first, second)]
    union = area[0] + area[1] - wide * high
    return wide * high / union if union > 0 else np.float32(0)


def slow_is_right(detection, box, criterion):
    if criterion == "centre":
        x, y = (float(detection[0]) + float(detection[2])) / 2, (float(detection[1]) + float(detection[3])) / 2
        return box[0] <= x <= box[2] and box[1] <= y <= box[3]
    return slow_iou(detection, box) >= np.float32(criterion)


def slow_counts(data, predictions, criterion, threshold):
    """Found boxes and false positives at one threshold, by plain loops over the detections that reach it."""
    found = false = 0
    for record, predicted in zip(data.records, predictions, strict=True):
        rows = [row for row in range(len(predicted)) if predicted.scores[row] >= threshold]
        free = [box for box in range(len(record.boxes)) if not record.flags[box].difficult]
        for row in sorted(rows, key=lambda row: -float(predicted.scores[row])):
            overlaps = {
                box: slow_iou(predicted.xyxy[row], record.boxes.xyxy[box])
                for box in range(len(record.boxes))
                if record.boxes.labels[box] == predicted.labels[row]
            }
            right = [box for box in overlaps if slow_is_right(predicted.xyxy[row], record.boxes.xyxy[box], criterion)]
            best = max((box for box in free if box in right), key=lambda box: overlaps[box], default=None)
            if best is not None:
                found += 1
                free.remove(best)
            elif not any(record.flags[box].difficult for box in right):
                false += 1
    return found, false


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    images=st.integers(1, 6),
    classes=st.integers(1, 3),
    steps=st.sampled_from([None, 3, 10]),
    criterion=st.sampled_from([0.1, 0.3, 0.5, "centre"]),
)
def test_the_fast_way_equals_the_slow_one(seed, images, classes, steps, criterion):
    data, predictions = random_case(seed, images=images, classes=classes, score_steps=steps)
    matching = match_detections(data, predictions, criterion)
    thresholds = sorted({float(score) for predicted in predictions for score in predicted.scores}, reverse=True)
    slow = {threshold: slow_counts(data, predictions, criterion, threshold) for threshold in thresholds}
    for threshold, counts in slow.items():
        assert matching.at(threshold) == counts
    ground_truths = sum(not flag.difficult for record in data.records for flag in record.flags)
    assert matching.ground_truths == ground_truths
    got = dict(zip(FALSE_POSITIVES_PER_IMAGE, froc(data, matching), strict=True))
    for point in FALSE_POSITIVES_PER_IMAGE:
        reachable = [found for found, false in slow.values() if false <= point * images]
        expected = max(reachable, default=0) / ground_truths if ground_truths else np.nan
        assert got[point] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_image_scores_are_the_best_of_each_image():
    scores = image_scores([detections((*BOX, 0.25), (*FAR, 0.5)), detections()])
    assert scores.tolist() == [0.5, 0.0]
