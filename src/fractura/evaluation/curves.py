"""Curves to be drawn: FROC, precision and recall, ROC, reliability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fractura.core.calibrator import Calibrator
from fractura.evaluation.calibration import reliability
from fractura.evaluation.coco_metrics import RECALLS, AveragePrecision
from fractura.evaluation.documents import Curve
from fractura.evaluation.froc import Matching
from fractura.evaluation.metric_set import groups_of, stated_and_right
from fractura.evaluation.result import Curves
from fractura.evaluation.table import Table

_MOST_FALSE_POSITIVES = 10
"""False positives per image at which the FROC ends."""


def curves_of(table: Table, calibrator: Calibrator | None) -> Curves:
    """The curves; those that are not defined on these images are missing."""
    precision = AveragePrecision(table, brief=True).curves(np.ones(table.image_count))
    froc = {name: _froc(each) for name, each in table.matchings.items() if each.ground_truths}
    roc = {level: curve for level in table.levels if (curve := _roc(*groups_of(table, level)[1:])) is not None}
    return Curves(
        froc=froc,
        precision_recall={
            name: {"recall": RECALLS.tolist(), "precision": values.tolist()} for name, values in precision.items()
        },
        roc=roc,
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


def _roc(scores: NDArray[np.float32], positive: NDArray[np.bool_], negative: NDArray[np.bool_]) -> Curve | None:
    """From the corner (0, 0) to (1, 1), one point for each score there is."""
    if not positive.any() or not negative.any():
        return None
    levels, place = np.unique(-scores, return_inverse=True)
    up = np.cumsum(np.bincount(place, positive, len(levels))) / np.count_nonzero(positive)
    across = np.cumsum(np.bincount(place, negative, len(levels))) / np.count_nonzero(negative)
    return {"false_positive_rate": [0.0, *across.tolist()], "sensitivity": [0.0, *up.tolist()]}
