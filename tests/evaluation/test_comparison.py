"""Paired comparison of two sets of detections, and agreement of readers."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from support.evaluation_images import dataset, detections, image, random_case

from fractura.core.boxes import Boxes
from fractura.evaluation import evaluate
from fractura.evaluation.agreement import agreements
from fractura.evaluation.bootstrap import draws
from fractura.evaluation.comparison import COMPARED, cohen_kappa, compare, corrected, family_of, p_value
from fractura.evaluation.paired_tests import holm
from fractura.evaluation.table import build_table

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)


def images(count):
    return dataset(*[image([BOX] if index % 2 else [], name=str(index)) for index in range(count)])


def found(count, shares):
    """Detections on the fractures of that share of the fractured images, and one false positive on the others."""
    return [
        detections((*BOX, 0.9)) if index % 2 and index < shares * count else detections((*FAR, 0.6))
        for index in range(count)
    ]


def test_a_model_against_itself_differs_in_nothing():
    data, predictions = images(40), found(40, 0.5)
    comparison = compare((data, predictions), (data, predictions), thresholds=(0.5, 0.5), rounds=50)
    assert set(comparison.differences) == set(COMPARED)
    for key, each in comparison.differences.items():
        assert (each.difference, each.low, each.high, each.p) == (0, 0, 0, 1.0), key
    assert comparison.kappa is None  # all images are flagged by both
    assert comparison.flagged == {"both": 40, "first": 0, "second": 0, "neither": 0}


def test_a_better_model_is_better_and_the_order_gives_the_sign():
    data = images(60)
    worse, better = (data, found(60, 0.3)), (data, found(60, 1.0))
    up = compare(worse, better, thresholds=(0.5, 0.7), rounds=200).differences["AP50"]
    assert up.difference == pytest.approx(up.second - up.first)
    assert 0 < up.low < up.difference < up.high
    assert up.p == pytest.approx(2 / 201)
    down = compare(better, worse, thresholds=(0.7, 0.5), rounds=200).differences["AP50"]
    assert (down.difference, down.low) == (pytest.approx(-up.difference), pytest.approx(-up.high))


def test_differences_are_of_the_same_draws():
    data, first = random_case(1, images=15, classes=1)
    second = random_case(2, images=15, classes=1)[1]
    got = compare((data, first), (data, second), thresholds=(0.4, 0.4), rounds=30, seed=4)
    differences = []
    for weights in draws(build_table(data, first).clusters, 30, 4):
        chosen = np.repeat(np.arange(15), weights.astype(int))
        twin = dataset(*[data.records[place] for place in chosen], class_names=data.class_names)
        aucs = [
            evaluate(twin, [m[place] for place in chosen], details=False).value("image_auc") for m in (first, second)
        ]
        differences.append(np.nan if None in aucs else aucs[1] - aucs[0])
    low, high = np.nanquantile(differences, [0.025, 0.975])
    each = got.differences["image_auc"]
    assert (each.low, each.high) == (pytest.approx(low), pytest.approx(high))


def test_classes_in_another_order_are_the_same_classes():
    data, predictions = random_case(3)
    turned = [Boxes(m.xyxy, 1 - m.labels, m.scores) for m in predictions]
    other = data.with_class_names(data.class_names[::-1])
    comparison = compare((data, predictions), (other, turned), thresholds=(0.5, 0.5), rounds=5)
    assert comparison.differences["AP50"].difference == pytest.approx(0)


def test_whole_images_are_tested_by_mcnemar_and_delong():
    data = images(60)  # 30 normal, 30 fractured; on fractures the first finds 10 more
    one, other = found(60, 0.7), found(60, 0.35)
    comparison = compare((data, one), (data, other), thresholds=(0.7, 0.7), rounds=5)
    sensitivity, specificity = comparison.mcnemar["image_sensitivity"], comparison.mcnemar["image_specificity"]
    first, second = (
        sum(index % 2 and index < 42 for index in range(60)),
        sum(index % 2 and index < 21 for index in range(60)),
    )
    assert (sensitivity.both, sensitivity.first, sensitivity.second) == (second, first - second, 0)
    assert sensitivity.p_exact == pytest.approx(2 * 0.5 ** (first - second))
    assert (specificity.both, specificity.p_exact, specificity.p_mid) == (30, 1, 1)
    each = comparison.differences["image_auc"]
    assert (comparison.delong.first, comparison.delong.difference) == (
        pytest.approx(each.first),
        pytest.approx(each.difference),
    )


def test_patients_are_clusters_of_the_tests():
    data, one, other = images(60), found(60, 0.7), found(60, 0.35)
    by_patient = replace(data, records=tuple(replace(each, patient=str(n // 4)) for n, each in enumerate(data)))
    alone, clustered = (
        compare((each, one), (each, other), thresholds=(0.7, 0.7), rounds=5) for each in (data, by_patient)
    )
    assert alone.mcnemar["image_sensitivity"].p_clustered is None
    test = clustered.mcnemar["image_sensitivity"]
    assert 0 < test.p_clustered != test.p_exact
    assert clustered.delong.difference == alone.delong.difference
    assert clustered.delong.first_error != alone.delong.first_error
    [adjusted] = corrected([clustered])
    assert adjusted.mcnemar["image_sensitivity"].p_holm >= test.p_clustered


def test_images_of_one_kind_have_no_test_of_the_other():
    data = dataset(*[image([BOX], name=str(index)) for index in range(4)])
    predictions = [detections((*BOX, 0.9))] * 4
    comparison = compare((data, predictions), (data, predictions), thresholds=(0.5, 0.5), rounds=3)
    assert set(comparison.mcnemar) == {"image_sensitivity"}
    assert comparison.delong is None


def test_holm_corrects_within_a_family_over_all_models():
    data, first = images(40), found(40, 0.7)
    pairs = [compare((data, first), (data, found(40, share)), thresholds=(0.4, 0.4), rounds=40) for share in (0.2, 0.9)]
    assert all(each.p_holm is None for pair in pairs for each in pair.differences.values())
    adjusted = corrected(pairs)
    keys = [key for key in COMPARED if family_of(key) == "froc/iou30"]
    assert len(keys) == 7
    expected = holm([pair.differences[key].p for pair in pairs for key in keys])
    assert [pair.differences[key].p_holm for pair in adjusted for key in keys] == expected
    exact = [p for pair in pairs for p in (pair.delong.p, *(test.p_exact for test in pair.mcnemar.values()))]
    got = [p for pair in adjusted for p in (pair.delong.p_holm, *(test.p_holm for test in pair.mcnemar.values()))]
    assert got == holm(exact)
    assert [pair.differences["AP50"].p for pair in adjusted] == [pair.differences["AP50"].p for pair in pairs]


def test_other_images_are_refused():
    with pytest.raises(ValueError, match="same images"):
        compare((images(3), found(3, 1)), (images(4), found(4, 1)), thresholds=(0.5, 0.5))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [([0.1] * 99, 2 / 100), ([0.1] * 98 + [-0.1], 4 / 100), ([0.0] * 10, 1.0), ([np.nan], None), ([1, -1], 1.0)],
)
def test_p_value(samples, expected):
    got = p_value(np.array(samples, dtype=float))
    assert got == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("seed", range(10))
def test_kappa_equals_scikit_learn(seed):
    random = np.random.default_rng(seed)
    first, second = random.random(30) < 0.4, random.random(30) < 0.5
    weights = random.integers(0, 3, 30).astype(float)
    expected = cohen_kappa_score(first, second, sample_weight=weights)
    assert cohen_kappa(first, second, weights) == pytest.approx(expected)


def test_kappa_of_readers_who_say_one_thing_only_is_not_defined():
    assert np.isnan(cohen_kappa(np.ones(3, bool), np.ones(3, bool), np.ones(3)))
    assert np.isnan(cohen_kappa(np.ones(0, bool), np.ones(0, bool), np.ones(0)))


def test_agreement_by_hand():
    # three images both have read, one only the second; the second draws one box off by half and one more
    strip = [10, 10, 30, 60]  # IoU 0.4 with BOX
    first = dataset(image([BOX], difficult=[True]), image([BOX], name="b"), image(name="c"))
    second = dataset(image([BOX]), image([strip, FAR], name="b"), image(name="c"), image([BOX], name="d"))
    results = {(each.reader, each.against): each for each in agreements({"1": first, "2": second}, rounds=20)}
    assert set(results) == {("1", "2"), ("2", "1")}
    forth, back = results[("2", "1")], results[("1", "2")]
    assert forth.images == back.images == 3
    assert forth.metrics["kappa"].value == back.metrics["kappa"].value == 1.0
    assert forth.metrics["kappa"].low is None  # it is 1 in every resample, which proves nothing
    assert [forth.metrics[f"f1/{key}"].value for key in ("iou30", "iou50")] == [pytest.approx(0.8), pytest.approx(0.4)]
    assert [back.metrics[f"f1/{key}"].value for key in ("iou30", "iou50")] == [pytest.approx(0.8), pytest.approx(0.4)]
    assert forth.metrics["box_sensitivity/iou30"].value == 1.0
    assert back.metrics["box_sensitivity/iou30"].value == pytest.approx(2 / 3)
    assert forth.metrics["f1/iou50"].low <= 0.4 <= forth.metrics["f1/iou50"].high
