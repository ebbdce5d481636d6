"""Thresholds for an aim, by hand and against trying every score."""

import numpy as np
import pytest
from support.evaluation_images import dataset, detections, image, random_case

from fractura.core.boxes import Boxes
from fractura.core.errors import UsageError
from fractura.evaluation import evaluate
from fractura.evaluation.froc import match_detections
from fractura.evaluation.threshold import AIMS, Aim, choose_threshold

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)
F1 = Aim()


@pytest.fixture(name="case")
def four_images():
    """In order of score: right .9, right .8, right .6, wrong .4, wrong .3, right .1."""
    data = dataset(*[image([BOX], name=str(index)) for index in range(4)])
    rows = [((*BOX, 0.9), (*FAR, 0.4)), ((*BOX, 0.8), (*FAR, 0.3)), ((*BOX, 0.6),), ((*BOX, 0.1),)]
    return data, [detections(*each) for each in rows]


@pytest.mark.parametrize(
    ("aim", "threshold", "found", "false"),
    [
        ("f1", 0.6, 3, 0),
        ("sensitivity=0.5", 0.8, 2, 0),
        ("sensitivity=0.75", 0.6, 3, 0),
        ("sensitivity=0.8", 0.1, 4, 2),
        ("sensitivity=1", 0.1, 4, 2),
        ("fp_per_image=0.1", 0.6, 3, 0),
        ("fp_per_image=0.25", 0.6, 3, 0),  # one false positive is allowed, and would find nothing more
        ("fp_per_image=0.5", 0.1, 4, 2),
    ],
)
def test_by_hand(case, aim, threshold, found, false):
    choice = choose_threshold(*case, Aim.parse(aim))
    assert choice.threshold == pytest.approx(np.float32(threshold))
    assert (choice.reached, choice.found, choice.false_positives) == (True, found, false)


def test_without_the_false_positives_it_pays_to_go_down_to_the_fourth(case):
    data, found = case
    choice = choose_threshold(data, [each.select([0]) for each in found], F1)
    assert choice.threshold == pytest.approx(np.float32(0.1))


def test_an_aim_out_of_reach_says_what_is_reached(case):
    data, found = case
    choice = choose_threshold(data, [*found[:3], detections()], Aim.parse("sensitivity=0.9"))
    assert (choice.reached, choice.found, choice.boxes) == (False, 3, 4)
    assert choice.threshold == pytest.approx(np.float32(0.6))
    assert "0.750 (3 of 4 boxes, IoU 0.3), 0.00 false positives per image" in str(choice)
    tied = choose_threshold(
        dataset(image([BOX])), [detections((*BOX, 0.5), (*FAR, 0.5))], Aim.parse("fp_per_image=0.5")
    )
    assert (tied.reached, tied.false_positives) == (False, 1)


@pytest.mark.parametrize("aim", ["f1", "sensitivity=0.9", "fp_per_image=1"])
def test_where_nothing_is_found(aim):
    data = dataset(image([BOX]), image(name="b"))
    for found in ([detections(), detections()], [detections((*FAR, 0.7)), detections()]):
        choice = choose_threshold(data, found, Aim.parse(aim))
        assert (choice.threshold, choice.reached, choice.found) == (0.5, False, 0)
    assert choose_threshold(dataset(), [], Aim.parse(aim)).reached is False
    normal = choose_threshold(dataset(image()), [detections((*FAR, 0.7))], Aim.parse(aim))
    assert (str(normal), normal.reached) == ("threshold 0.5: there is no fracture to find", False)


def test_f1_passes_over_what_is_found_only_at_the_faintest_scores():
    assert choose_threshold(dataset(image([BOX])), [detections((*BOX, 1e-9))], F1).threshold == 0.5


@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize("text", ["f1", "sensitivity=0.4", "fp_per_image=0.3", "sensitivity=0.7"])
def test_no_other_score_serves_better(seed, text):
    data, predictions = random_case(seed, images=10, score_steps=20)
    aim = Aim.parse(text)
    matching = match_detections(data, predictions, "iou30")
    choice = choose_threshold(data, predictions, aim)
    lowest = 0.05 if aim.name == "f1" else 0.0
    points = [matching.at(score) for score in np.unique(matching.scores) if score >= np.float32(lowest)]
    got = matching.at(choice.threshold)
    if aim.name == "f1":
        best = max(2 * found / (found + false + matching.ground_truths) for found, false in points)
        assert 2 * got[0] / (sum(got) + matching.ground_truths) == pytest.approx(best)
    elif aim.name == "sensitivity":
        enough = [false for found, false in points if found >= aim.value * matching.ground_truths]
        assert choice.reached == bool(enough)
        if enough:
            assert got[0] >= aim.value * matching.ground_truths
            assert got[1] == min(enough)
    else:
        allowed = [found for found, false in points if false <= aim.value * len(data)]
        assert choice.reached == bool(allowed)
        if allowed:
            assert got[1] <= aim.value * len(data)
            assert got[0] == max(allowed)


@pytest.fixture(name="images")
def ten_images():
    """Fractured images at .9, .8, .5 and without a detection, normal ones at .7, .6, .2 and three without."""
    shown = [(True, 0.9), (True, 0.8), (True, 0.5), (True, None)]
    shown += [(False, 0.7), (False, 0.6), (False, 0.2), (False, None), (False, None), (False, None)]
    records = [image([BOX] if broken else [], name=f"{place}.png") for place, (broken, _) in enumerate(shown)]
    # The image's score is that of its best detection, wherever it is.
    found = [detections() if score is None else detections((*FAR, score), (*BOX, score / 2)) for _, score in shown]
    return dataset(*records, image([BOX], difficult=[True], name="x.png")), [*found, detections((*BOX, 0.85))]


@pytest.mark.parametrize(
    ("aim", "threshold", "fractured", "normal", "reached"),
    [
        ("image_sensitivity=0.5", 0.8, 2, 0, True),
        ("image_sensitivity=0.75", 0.5, 3, 2, True),
        ("image_sensitivity=0.76", 0.5, 3, 2, False),
        ("image_specificity=1", 0.8, 2, 0, True),
        (
            "image_specificity=0.8",
            0.8,
            2,
            0,
            True,
        ),  # one normal image may have a detection, and would find nothing more
        ("image_specificity=0.65", 0.5, 3, 2, True),
    ],
)
def test_aims_of_images_by_hand(images, aim, threshold, fractured, normal, reached):
    choice = choose_threshold(*images, Aim.parse(aim))
    assert choice.threshold == pytest.approx(np.float32(threshold))
    assert (choice.found, choice.boxes, choice.false_positives, choice.images) == (fractured, 4, normal, 6)
    assert choice.reached == reached
    if threshold == 0.5:
        flagged = "threshold 0.5 flags 0.750 (3 of 4 fractured images)"
        assert str(choice) == f"{flagged}, leaves 0.667 (4 of 6 normal images) without a detection"


def test_specificity_needs_normal_images_and_one_that_scores_below_a_fractured_one(images):
    data, found = images
    broken = dataset(*data.records[:4])
    choice = choose_threshold(broken, found[:4], Aim.parse("image_specificity=0.9"))
    assert not choice.reached
    assert "there is no normal image" in str(choice)
    assert str(choose_threshold(dataset(), [], Aim.parse("image_specificity=0.9"))).endswith("no fracture to find")
    high = [detections((*FAR, 0.95)), *found[1:4], detections((*FAR, 0.95))]
    assert not choose_threshold(dataset(*data.records[:5]), high, Aim.parse("image_specificity=0.9")).reached


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("text", ["image_sensitivity=0.6", "image_specificity=0.4"])
def test_what_an_aim_of_images_reaches_is_what_is_measured(seed, text):
    data, predictions = random_case(seed, images=20, score_steps=20)
    aim = Aim.parse(text)
    choice = choose_threshold(data, predictions, aim)
    assert choice.reached
    measured = evaluate(data, predictions, threshold=choice.threshold, details=False)
    assert measured.value("image_sensitivity") == pytest.approx(choice.found / choice.boxes)
    assert measured.value("image_specificity") == pytest.approx(1 - choice.false_positives / choice.images)
    assert measured.value(aim.name) >= aim.value


def test_a_share_that_is_reached_exactly_is_reached():
    data = dataset(*[image([BOX], name=str(index)) for index in range(20)])
    found = [detections((*BOX, 0.9))] * 11 + [detections()] * 9  # 0.55 * 20 is a little more than 11
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
        "image_specificity=0",
        "image_f1=0.5",
    ],
)
def test_other_aims_are_refused(text):
    with pytest.raises(UsageError, match="not an aim"):
        Aim.parse(text)


def test_a_threshold_counts_the_detection_it_was_taken_from():
    data = dataset(image([BOX]))
    found = Boxes([BOX], [0], [0.35])
    choice = choose_threshold(data, [found], F1)
    assert len(found.above(choice.threshold)) == 1
