"""Metrics at image weights against a twin that really repeats the images; draws and intervals."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.evaluation_images import dataset, detections, image, random_case

from fractura.evaluation import evaluate, image_groups
from fractura.evaluation.bootstrap import draws, exact_interval, interval, keys_of, metrics_of, resample, values_of
from fractura.evaluation.calibration import bins_of
from fractura.evaluation.measures import Auc, CalibrationError
from fractura.evaluation.metric_set import all_measures, brief_measures, stated_and_right
from fractura.evaluation.table import build_table

THRESHOLD = 0.4
BOX = [10, 10, 60, 60]


def repeated(data, predictions, weights):
    """Every image as often as its weight says; the copies of a patient are further patients."""
    records, found = [], []
    for record, boxes, weight in zip(data.records, predictions, weights, strict=True):
        for copy in range(int(weight)):
            patient = None if record.patient is None else f"{record.patient} {copy}"
            records.append(replace(record, name=f"{copy} {record.name}", patient=patient))
            found.append(boxes)
    return replace(data, records=tuple(records)), found


def with_patients(data, random):
    """Images of few patients, some of nobody."""
    owners = [None if random.random() < 0.2 else str(random.integers(4)) for _ in data.records]
    return replace(
        data, records=tuple(replace(record, patient=owner) for record, owner in zip(data.records, owners, strict=True))
    )


@pytest.mark.parametrize("seed", range(30))
def test_every_metric_at_weights_equals_that_of_repeated_images(seed):
    random = np.random.default_rng(seed)
    steps = 8 if seed % 3 == 0 else None
    data, predictions = random_case(seed, images=5 + seed % 9, classes=1 + seed % 2, score_steps=steps)
    data = with_patients(data, random) if seed % 2 else data
    table = build_table(data, predictions)
    measures = all_measures(table, THRESHOLD, None)
    [weights] = draws(table.clusters, 1, seed)
    got = dict(zip(keys_of(measures), values_of(measures, weights), strict=True))
    twin = evaluate(*repeated(data, predictions, weights), threshold=THRESHOLD, details=False)
    compared = 0
    for key, metric in twin.metrics.items():
        if key.endswith("_ece"):  # its bins are those of all images, see below
            continue
        if steps and key.startswith(("AP", "AR")):  # among equal scores COCO counts in the order of the images
            continue
        expected = np.nan if metric.value is None else metric.value
        value = np.nan if np.isinf(got[key]) else got[key]  # a ratio that is infinite is not given
        assert value == pytest.approx(expected, abs=1e-9, nan_ok=True), key
        compared += not np.isnan(expected)
    assert compared > 8


@pytest.mark.parametrize("seed", range(10))
def test_calibration_error_at_weights_equals_that_of_repeated_values(seed):
    table = build_table(*random_case(seed, images=20))
    [weights] = draws(table.clusters, 1, seed)
    for stated, right, images in stated_and_right(table, None).values():
        bins = bins_of(stated)
        got = CalibrationError("ece", stated, right, bins, images, 20).of(weights)[0]
        copies = np.repeat(np.arange(len(stated)), weights[images].astype(int))
        expected = 0.0
        for each in np.unique(bins[copies]):
            inside = copies[bins[copies] == each]
            expected += len(inside) / len(copies) * abs(stated[inside].mean() - right[inside].mean())
        assert got == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_auc_equals_scikit_learn(seed):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 6, 30).astype(np.float32) / 5
    positive = random.random(30) < 0.4
    weights = random.integers(0, 4, 30).astype(np.float64)
    got = Auc("auc", scores, positive, ~positive, np.arange(30), 30).of(weights)[0]
    assert got == pytest.approx(roc_auc_score(positive, scores, sample_weight=weights), abs=1e-12)


def test_auc_by_hand_and_where_it_is_not_defined():
    def auc(scores, positive):
        positive = np.array(positive, dtype=bool)
        places = np.arange(len(scores))
        auc = Auc("auc", np.array(scores, np.float32), positive, ~positive, places, len(scores))
        return auc.of(np.ones(len(scores)))[0]

    assert auc([0.9, 0.3, 0.5, 0.3], [1, 1, 0, 0]) == (1 + 1 + 0 + 0.5) / 4
    assert auc([0.5, 0.5], [1, 0]) == 0.5
    assert np.isnan(auc([0.5], [1]))
    assert np.isnan(auc([], []))


def test_the_brief_metrics_are_the_same_metrics():
    table = build_table(*random_case(5))
    [weights] = draws(table.clusters, 1, 0)
    full, brief = (
        dict(zip(keys_of(measures), values_of(measures, weights), strict=True))
        for measures in (all_measures(table, THRESHOLD, None), brief_measures(table, THRESHOLD))
    )
    assert brief == {key: full[key] for key in brief}


def test_draws_keep_the_images_of_a_cluster_together_and_draw_as_many_clusters_as_there_are():
    clusters = np.array([0, 1, 0, 2, 2, 2])
    for weights in draws(clusters, 50, 3):
        assert weights[0] == weights[2]
        assert len(set(weights[3:])) == 1
        assert weights[0] + weights[1] + weights[3] == 3
    assert len(set(map(tuple, draws(clusters, 50, 3)))) > 5
    assert list(map(tuple, draws(clusters, 5, 3))) == list(map(tuple, draws(clusters, 5, 3)))


def test_interval_is_that_of_the_loop_over_repeated_images():
    data, predictions = random_case(11, images=15, classes=1, score_steps=None)
    table = build_table(data, predictions)
    evaluation = evaluate(data, predictions, threshold=THRESHOLD, rounds=40, seed=5)
    loop = []
    for weights in draws(table.clusters, 40, 5):
        loop.append(evaluate(*repeated(data, predictions, weights), threshold=THRESHOLD, details=False))
    for key in (
        "AP50",
        "image_auc",
        "froc/iou30/1",
        "precision/iou10",
        "false_positives_per_image/centre",
        "image_brier",
    ):
        low, high = np.quantile([each.value(key) for each in loop], [0.025, 0.975])
        metric = evaluation.metrics[key]
        assert (metric.low, metric.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9)), key
        assert metric.low < metric.value < metric.high


def test_images_of_one_patient_give_wider_intervals_than_images_of_many():
    # ten patients, five images each, all images of a patient found or all missed
    images = [image([BOX], name=f"{patient} {number}") for patient in range(10) for number in range(5)]
    found = [detections((*BOX, 0.9)) if index < 25 else detections() for index in range(50)]
    apart = evaluate(dataset(*images), found, rounds=300).metrics["image_sensitivity"]
    owned = [replace(record, patient=record.name.split()[0]) for record in images]
    together = evaluate(dataset(*owned), found, rounds=300).metrics["image_sensitivity"]
    assert together.value == apart.value == 0.5
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_shares_of_all_and_none_have_the_exact_interval_of_independent_clusters():
    # Clopper and Pearson: 0.025 ** (1 / n) for n of n
    data = dataset(*[image([BOX], name=str(index)) for index in range(20)])
    metrics = evaluate(data, [detections((*BOX, 0.9))] * 20, rounds=10).metrics
    for key in ("box_sensitivity/iou50", "froc/iou50/1", "image_sensitivity", "precision/iou50"):
        assert (metrics[key].low, metrics[key].high) == (pytest.approx(0.8316, abs=1e-4), 1.0), key
    assert (metrics["AP50"].low, metrics["AP50"].high) == (pytest.approx(0.8316, abs=1e-4), 1.0)
    # no false positive on 20 images: at most 3.69 are to be expected of as many
    assert metrics["false_positives_per_image/iou50"].high == pytest.approx(3.689 / 20, abs=1e-4)
    of_two = [replace(record, patient=str(index // 10)) for index, record in enumerate(data.records)]
    metrics = evaluate(dataset(*of_two), [detections((*BOX, 0.9))] * 20, rounds=10).metrics
    assert metrics["image_sensitivity"].low == pytest.approx(0.025**0.5)


def test_an_auc_of_one_is_as_sure_as_the_smaller_of_the_two_kinds_of_image_is_large():
    data = dataset(image([BOX]), *[image(name=str(index)) for index in range(9)])
    auc = evaluate(data, [detections((*BOX, 0.9)), *[detections()] * 9], rounds=10).metrics["image_auc"]
    assert (auc.value, auc.low, auc.high) == (1.0, pytest.approx(0.025), 1.0)


@pytest.mark.parametrize(
    ("value", "independent", "rate", "expected"),
    [(0.5, 9, False, None), (1.0, 9, True, None), (0.0, 3, False, (0.0, 0.7076)), (0.0, 10, True, (0.0, 0.3689))],
)
def test_exact_interval(value, independent, rate, expected):
    got = exact_interval(value, independent, rate=rate)
    assert got == (None if expected is None else pytest.approx(expected, abs=1e-4))


def test_interval_leaves_out_what_is_not_defined_and_gives_none_if_that_is_most():
    assert interval(np.array([0.0, 0.5, 1.0, np.nan])) == (pytest.approx(0.025), pytest.approx(0.975))
    assert interval(np.array([0.5, np.nan, np.nan])) is None


def test_resampling_without_images_gives_no_intervals():
    assert evaluate(dataset(), [], rounds=5).intervals is None


def test_resample_has_one_row_a_round():
    table = build_table(*random_case(1))
    measures = brief_measures(table, THRESHOLD)
    samples = resample(measures, table.clusters, 7, 0)
    assert samples.shape == (7, len(keys_of(measures)))
    assert len(np.unique(samples[:, 0])) > 3


@pytest.mark.parametrize("rounds", [2, 10, 60])
@pytest.mark.parametrize("seed", range(12))
def test_every_metric_lies_in_its_interval(seed, rounds):
    random = np.random.default_rng(seed)
    steps = 8 if seed % 3 else None
    data, predictions = random_case(seed, images=6 + 4 * seed, classes=1 + seed % 2, score_steps=steps)
    data = with_patients(data, random) if seed % 2 else data
    evaluation = evaluate(data, predictions, threshold=THRESHOLD, rounds=rounds, groups=image_groups(data))
    parts = [evaluation.metrics, *(group.metrics for group in evaluation.subgroups)]
    held = 0
    for key, metric in [entry for part in parts for entry in part.items()]:
        if metric.low is not None:
            assert 0 <= metric.low <= metric.value <= metric.high, key
            assert metric.high <= 1 or key.startswith("false_positives") or "_lr_" in key, key
            held += 1
    assert held > 20


@pytest.mark.parametrize("found", [0, 20])
def test_at_the_ends_of_its_range_a_metric_lies_in_its_interval(found):
    data = dataset(*[image([BOX], name=str(index)) for index in range(20)], image(name="normal"))
    right, wrong = detections((*BOX, 0.9)), detections((120, 120, 190, 190, 0.8))
    metrics = evaluate(data, [right if found else wrong] * 20 + [detections()], rounds=30).metrics
    at_an_end = [metric for metric in metrics.values() if metric.value in (0, 1) and metric.low is not None]
    assert len(at_an_end) > 20
    assert all(metric.low <= metric.value <= metric.high for metric in at_an_end)


@pytest.mark.parametrize(
    ("true_error", "exponent"), [(0.0, 1.0), (0.1, 1.4)], ids=["perfect scores", "scores that promise too much"]
)
def test_nine_in_ten_intervals_of_the_calibration_error_hold_the_true_error(true_error, exponent):
    # Images whose true chance is known, 200 at a time. Percentiles alone would hold a true error of 0 never.
    random, held = np.random.default_rng(3), 0
    for _ in range(60):
        stated = random.beta(1, 1.5, 200)
        chance, images = stated**exponent, np.arange(200)
        right, bins = (random.random(200) < chance).astype(float), bins_of(stated)
        error = CalibrationError("ece", stated, right, bins, images, 200)
        true = np.abs(np.bincount(bins, stated - chance)).sum() / 200
        assert true == pytest.approx(true_error, abs=0.02)
        metric = metrics_of([error], images, 200, int(random.integers(1 << 30)), {})["ece"]
        assert metric.low <= metric.value <= metric.high
        held += metric.low <= true <= metric.high
    assert held >= 54
