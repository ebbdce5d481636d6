"""Curves to be drawn: FROC, precision and recall, ROC, net benefit, reliability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fractura.core.calibrator import Calibrator
from fractura.evaluation.bootstrap import interval, resample
from fractura.evaluation.calibration import reliability
from fractura.evaluation.coco_metrics import RECALLS, AveragePrecision
from fractura.evaluation.documents import Curve
from fractura.evaluation.froc import Matching
from fractura.evaluation.image_measures import Graded, NetBenefit, RocBand, RocSteps
from fractura.evaluation.measures import Measure
from fractura.evaluation.metric_set import graded, stated_and_right
from fractura.evaluation.result import Curves
from fractura.evaluation.table import Table

_MOST_FALSE_POSITIVES = 10
"""False positives per image at which the FROC ends."""
_GRID = np.linspace(0, 1, 101)
"""False positive rates of the ROC curve's band."""
_ACT_FROM = np.arange(1, 100) / 100
"""Threshold probabilities of the decision curve."""


def curves_of(
    table: Table, calibrator: Calibrator | None, *, rounds: int = 0, seed: int = 0, prevalence: float | None = None
) -> Curves:
    """The curves; those that are not defined on these images are missing.

    Args:
        table: Images and detections.
        calibrator: Makes probabilities of scores.
        rounds: Resamples for the bands of the ROC and decision curves; 0 gives none.
        seed: Of the resamples.
        prevalence: See ``evaluate``.
    """
    precision = AveragePrecision(table, brief=True).curves(np.ones(table.image_count))
    froc = {name: _froc(each) for name, each in table.matchings.items() if each.ground_truths}
    levels = {level: graded(table, level) for level in table.levels}
    both = {level: each for level, each in levels.items() if each.positive.any() and each.negative.any()}
    benefit = {}
    if "image" in both:
        benefit["image"] = _net_benefit(both["image"], calibrator, table.clusters, rounds, seed, prevalence)
    return Curves(
        froc=froc,
        precision_recall={
            name: {"recall": RECALLS.tolist(), "precision": values.tolist()} for name, values in precision.items()
        },
        roc={level: _roc(each) for level, each in both.items()},
        roc_band={level: _roc_band(each, table.clusters, rounds, seed) for level, each in both.items() if rounds},
        net_benefit=benefit,
        reliability={
            name: reliability(stated, right)
            for name, (stated, right, _) in stated_and_right(table, calibrator).items()
            if len(stated)
        },
    )


def _froc(matching: Matching) -> Curve:
    scores, found, false = matching.curve()
    rate = false / matching.image_count
    rises = np.diff(found, prepend=0) > 0
    rises[-1:] = True
    shown = rises & (rate <= _MOST_FALSE_POSITIVES)
    return {
        "false_positives_per_image": rate[shown].tolist(),
        "sensitivity": (found[shown] / matching.ground_truths).tolist(),
        "threshold": scores[shown].astype(float).tolist(),
    }


def _roc(each: Graded) -> Curve:
    """From the corner (0, 0) to (1, 1), one point for each score there is."""
    steps = RocSteps(each)
    across, up = steps.of(np.ones(each.count))
    thresholds = [1.0, *steps.thresholds.astype(float).tolist()]
    return {"false_positive_rate": across.tolist(), "sensitivity": up.tolist(), "threshold": thresholds}


def _roc_band(each: Graded, clusters: NDArray[np.int64], rounds: int, seed: int) -> Curve:
    band = RocBand(each, _GRID)
    low, high = _ends(band, clusters, rounds, seed)
    return {"false_positive_rate": _GRID.tolist(), "low": low, "high": high}


def _net_benefit(
    each: Graded,
    calibrator: Calibrator | None,
    clusters: NDArray[np.int64],
    rounds: int,
    seed: int,
    prevalence: float | None,
) -> Curve:
    stated = each.scores.astype(np.float64)
    if calibrator is not None:
        stated = calibrator.images(stated)
    benefit = NetBenefit(replace(each, scores=stated.astype(np.float32)), _ACT_FROM, prevalence)
    alike = np.ones(each.count)
    curve = {
        "threshold": _ACT_FROM.tolist(),
        "model": benefit.of(alike).tolist(),
        "all": benefit.of_all(alike).tolist(),
    }
    if rounds:
        curve["low"], curve["high"] = _ends(benefit, clusters, rounds, seed)
    return curve


def _ends(measure: Measure, clusters: NDArray[np.int64], rounds: int, seed: int) -> tuple[list[float], list[float]]:
    """The 95% interval at each point of a curve, which holds the curve; no width where most resamples have no point."""
    samples = resample([measure], clusters, rounds, seed)
    values = measure.of(np.ones(len(clusters))).tolist()
    ends = [interval(samples[:, place], value) or (value, value) for place, value in enumerate(values)]
    return [low for low, _ in ends], [high for _, high in ends]
