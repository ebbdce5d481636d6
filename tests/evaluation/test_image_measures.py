"""Likelihood ratios, points of the ROC curve and net benefit against scikit-learn and published worked examples."""

import numpy as np
import pytest
from sklearn.metrics import class_likelihood_ratios, confusion_matrix, roc_curve
from support.evaluation_images import dataset, detections, image

from fractura.core.calibrator import Calibrator
from fractura.evaluation import evaluate
from fractura.evaluation.image_measures import NetBenefit, point_at
from fractura.evaluation.metric_set import graded
from fractura.evaluation.table import build_table

BOX = [10, 10, 60, 60]


def images(scores, positive):
    """One image for each score, with a detection of that score."""
    records = [image([BOX] if each else [], name=f"{number}.png") for number, each in enumerate(positive)]
    return dataset(*records), [detections((*BOX, score)) if score else detections() for score in scores]


def counted(found, missed, cleared, flagged, **options):
    """Images by what became of them at the threshold 0.5."""
    scores = [0.9] * found + [0.1] * missed + [0.1] * cleared + [0.9] * flagged
    return evaluate(*images(scores, [1] * (found + missed) + [0] * (cleared + flagged)), threshold=0.5, **options)


def random_scores(seed):
    random = np.random.default_rng(seed)
    positive = random.random(60) < 0.4
    scores = np.round(np.clip(random.normal(0.4 + 0.2 * positive, 0.2), 0.01, 0.99), 2 if seed % 2 else 6)
    return scores.astype(np.float32), positive


@pytest.mark.parametrize("seed", range(6))
def test_points_of_the_roc_curve_are_those_of_scikit_learn(seed):
    scores, positive = random_scores(seed)
    evaluation = evaluate(*images(scores, positive), threshold=0.5)
    across, up, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    curve = evaluation.curves.roc["image"]
    assert curve["false_positive_rate"] == pytest.approx(across)
    assert curve["sensitivity"] == pytest.approx(up)
    assert curve["threshold"][1:] == pytest.approx(thresholds[1:])
    for specificity in (0.8, 0.9, 0.95):
        best = up[1 - across >= specificity - 1e-12].max()
        assert evaluation.value(f"image_sensitivity_at_specificity/{specificity:g}") == pytest.approx(best)
    assert evaluation.value("image_youden") == pytest.approx((up - across).max())
    ratios = class_likelihood_ratios(positive, scores >= np.float32(0.5))
    assert (evaluation.value("image_lr_positive"), evaluation.value("image_lr_negative")) == pytest.approx(ratios)


def test_likelihood_ratios_and_predictive_values_of_altman_s_liver_scans():
    # Altman and Bland, BMJ 1994;308:1552 and 309:102: 231 of 258 abnormal and 54 of 86 normal livers; at a prevalence
    # of 0.25 the predictive values are 0.45 and 0.95. The intervals are those of the log method (Simel et al., J Clin
    # Epidemiol 1991;44:763): LR+ 2.41 (1.82 to 3.18), LR- 0.17 (0.11 to 0.25).
    metrics = counted(231, 27, 54, 32, rounds=1000, prevalence=0.25).metrics
    assert metrics["image_ppv"].value == pytest.approx(0.88, abs=0.005)
    assert metrics["image_npv"].value == pytest.approx(0.67, abs=0.005)
    assert metrics["image_ppv_at_prevalence"].value == pytest.approx(0.45, abs=0.005)
    assert metrics["image_npv_at_prevalence"].value == pytest.approx(0.95, abs=0.005)
    positive, negative = metrics["image_lr_positive"], metrics["image_lr_negative"]
    assert positive.value == pytest.approx(2.41, abs=0.005)
    assert (positive.low, positive.high) == pytest.approx((1.82, 3.18), rel=0.1)  # resampled, not the log method
    assert negative.value == pytest.approx(0.17, abs=0.005)
    assert (negative.low, negative.high) == pytest.approx((0.11, 0.25), abs=0.015)
    assert positive.count == 344


def test_ratios_without_a_false_positive_are_infinite_and_therefore_not_given():
    metrics = counted(8, 2, 10, 0, rounds=30, prevalence=0.1).metrics
    assert metrics["image_lr_positive"].value is None
    assert metrics["image_lr_negative"].value == pytest.approx(0.2)
    assert metrics["image_ppv_at_prevalence"].value == 1
    few = counted(8, 2, 9, 1, rounds=100).metrics["image_lr_positive"]
    assert few.value == pytest.approx(8)
    assert (few.low, few.high) == (None, None)  # a third of the resamples have no false positive
    assert counted(8, 2, 0, 0).metrics["image_lr_positive"].value is None


def test_a_perfect_model_has_an_exact_interval_at_every_specificity():
    metrics = counted(20, 0, 20, 0, rounds=30).metrics
    for specificity in ("0.8", "0.9", "0.95"):
        sensitivity = metrics[f"image_sensitivity_at_specificity/{specificity}"]
        assert (sensitivity.value, sensitivity.low, sensitivity.high) == (1, pytest.approx(0.8316, abs=1e-4), 1)
        assert sensitivity.count == 20
    assert metrics["image_youden"].value == 1


def test_a_specificity_that_only_the_corner_has_gives_nothing_found():
    assert point_at(np.array([0.0, 0.5, 1.0]), 0.9) == 0
    metrics = evaluate(*images([0.5, 0.5, 0.5], [1, 1, 0]), threshold=0.5).metrics
    assert metrics["image_sensitivity_at_specificity/0.9"].value == 0


def test_net_benefit_of_acting_on_all_is_that_of_a_published_table():
    # 30 % of the patients ill: PMC6993280, table 4
    curve = counted(20, 10, 50, 20).curves.net_benefit["image"]
    published = {0.03: 0.278, 0.05: 0.263, 0.1: 0.222, 0.2: 0.125, 0.3: 0, 0.5: -0.4, 0.8: -2.5, 0.9: -6, 0.96: -16.5}
    for threshold, benefit in published.items():
        assert curve["all"][curve["threshold"].index(threshold)] == pytest.approx(benefit, abs=0.0006)


@pytest.mark.parametrize("seed", range(4))
def test_net_benefit_is_that_of_the_confusion_matrix_at_each_probability(seed):
    scores, positive = random_scores(seed)
    curve = evaluate(*images(scores, positive), threshold=0.5).curves.net_benefit["image"]
    for threshold, benefit in zip(curve["threshold"], curve["model"], strict=True):
        _, false, _, found = confusion_matrix(positive, scores >= np.float32(threshold)).ravel()
        assert benefit == pytest.approx((found - false * threshold / (1 - threshold)) / len(scores))


def test_net_benefit_at_a_prevalence_is_that_of_images_repeated_to_have_it():
    scores, positive = random_scores(1)
    weights = np.where(positive, 1, 4)
    there = evaluate(*images(np.repeat(scores, weights), np.repeat(positive, weights))).curves.net_benefit["image"]
    share = positive.sum() / weights.sum()
    here = evaluate(*images(scores, positive), prevalence=share).curves.net_benefit["image"]
    assert here["model"] == pytest.approx(there["model"])
    assert here["all"] == pytest.approx(there["all"])


def test_net_benefit_is_of_probabilities_where_the_model_is_calibrated():
    scores, positive = random_scores(2)
    calibrator = Calibrator("temperature", {"temperature": 2.0}, {"temperature": 2.0})
    data, found = images(scores, positive)
    curve = evaluate(data, found, calibrator=calibrator).curves.net_benefit["image"]
    stated = evaluate(*images(calibrator.images(scores.astype(float)), positive)).curves.net_benefit["image"]
    assert curve["model"] == pytest.approx(stated["model"])


def test_bands_hold_their_curves_and_narrow_with_more_images():
    widths = []
    for times in (1, 8):
        scores, positive = (np.tile(each, times) for each in random_scores(3))
        curves = evaluate(*images(scores, positive), rounds=200).curves
        band, roc = curves.roc_band["image"], curves.roc["image"]
        for rate, low, high in zip(band["false_positive_rate"], band["low"], band["high"], strict=True):
            at = roc["sensitivity"][point_at(np.array(roc["false_positive_rate"]), 1 - rate)]
            assert low - 1e-9 <= at <= high + 1e-9
        benefit = curves.net_benefit["image"]
        assert (np.array(benefit["low"]) <= np.array(benefit["model"]) + 1e-9).all()
        assert (np.array(benefit["high"]) >= np.array(benefit["model"]) - 1e-9).all()
        widths.append(np.mean(np.array(band["high"]) - np.array(band["low"])))
    assert widths[1] < widths[0] / 2


def test_images_of_one_kind_have_no_curve_and_a_prevalence_is_a_share():
    only = counted(3, 2, 0, 0, rounds=5)
    assert (only.curves.roc, only.curves.roc_band, only.curves.net_benefit) == ({}, {}, {})
    with pytest.raises(ValueError, match="between 0 and 1"):
        counted(1, 1, 1, 1, prevalence=1.0)


def test_net_benefit_counts_each_image_as_often_as_its_weight_says():
    scores, positive = random_scores(5)
    weights = np.random.default_rng(0).integers(0, 3, len(scores))
    here = NetBenefit(graded(build_table(*images(scores, positive)), "image"), np.array([0.3, 0.6]), None)
    repeated = build_table(*images(np.repeat(scores, weights), np.repeat(positive, weights)))
    there = NetBenefit(graded(repeated, "image"), np.array([0.3, 0.6]), None)
    assert here.of(weights.astype(float)) == pytest.approx(there.of(np.ones(weights.sum())))
