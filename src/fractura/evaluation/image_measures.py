"""Metrics of whole images (studies, patients) that clinical papers report, as functions of image weights.

Sensitivity at fixed specificities, Youden's index, likelihood ratios, predictive values at a given prevalence, and the
points of ROC and decision curves. See ``fractura.evaluation.measures`` for what a measure is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.measures import Floats, Integers, divide
from fractura.evaluation.metric_names import FIXED_SPECIFICITIES, point_text

_ROUNDING = 1e-9
"""A specificity of 0.9 counts as 0.9 if it is a hair below: it is a quotient of sums."""


@dataclass(frozen=True, eq=False)
class Graded:
    """Images (studies, patients) with a score each.

    Attributes:
        scores: float32 ``(n,)``.
        positive: bool ``(n,)``.
        negative: bool ``(n,)``; what is neither does not count.
        images: ``(n,)``: an image of each, whose weight is its own.
        count: Number of images.
    """

    scores: NDArray[np.float32]
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    images: Integers
    count: int

    def on_images(self, chosen: NDArray[np.bool_]) -> Floats:
        """``(images,)``: 1 on the image of each of the chosen ones."""
        return np.bincount(self.images[chosen], minlength=self.count).astype(np.float64)

    def shares(self, detected: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats]:
        """Sensitivity and false positive rate at image weights, NaN where not defined."""
        own = weights[self.images]
        up, down = own * self.positive, own * self.negative
        return divide(up @ detected, up.sum()), divide(down @ detected, down.sum())


class RocSteps:
    """The ROC curve at image weights: from (0, 0) to (1, 1), one point for each score there is."""

    def __init__(self, graded: Graded) -> None:
        self._graded = graded
        levels, self._place = np.unique(-graded.scores, return_inverse=True)
        self._count = len(levels)
        self.thresholds: NDArray[np.float32] = -levels
        """``(points - 1,)``: score from which images count at each point but the first, where none does."""

    def of(self, weights: Floats) -> tuple[Floats, Floats]:
        """False positive rates and sensitivities, ``(points,)`` each; NaN without both kinds of image."""
        own = weights[self._graded.images]
        across, up = (
            np.cumsum(np.append(0.0, np.bincount(self._place, own * kind, self._count)))
            for kind in (self._graded.negative, self._graded.positive)
        )
        return divide(across, across[-1:]), divide(up, up[-1:])


class RocPoints:
    """Sensitivity at fixed specificities, and Youden's index.

    The sensitivity is the highest of the thresholds at which the specificity is at least so high: the curve's corners
    count, nothing between them. Each resample chooses its thresholds anew. Source: Youden, Cancer 1950;3:32-35.
    """

    def __init__(self, level: str, graded: Graded) -> None:
        self.keys = (
            *(f"{level}_sensitivity_at_specificity/{point_text(each)}" for each in FIXED_SPECIFICITIES),
            f"{level}_youden",
        )
        self.support: Mapping[str, Floats] = dict.fromkeys(self.keys[:-1], graded.on_images(graded.positive))
        self._steps = RocSteps(graded)

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        across, up = self._steps.of(weights)
        if np.isnan(across[-1] + up[-1]):
            return np.full(len(self.keys), np.nan)
        return np.array([*(up[point_at(across, each)] for each in FIXED_SPECIFICITIES), (up - across).max()])


def point_at(across: Floats, specificity: float) -> int:
    """The last point of a ROC curve whose specificity is at least so high; 0 where only the corner has it.

    Args:
        across: False positive rates, ascending.
        specificity: 0..1.

    Examples:
        >>> point_at(np.array([0.0, 0.0, 0.1, 0.1, 0.5, 1.0]), 0.9)
        3
    """
    return int(np.searchsorted(across, 1 - specificity + _ROUNDING, side="right")) - 1


class RocBand:
    """Sensitivity at each false positive rate of a grid, for the band of a ROC curve."""

    def __init__(self, graded: Graded, grid: Floats) -> None:
        self.keys = tuple(map(str, grid))
        self.support: Mapping[str, Floats] = {}
        self._steps, self._grid = RocSteps(graded), grid

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        across, up = self._steps.of(weights)
        if np.isnan(across[-1] + up[-1]):
            return np.full(len(self.keys), np.nan)
        return up[np.searchsorted(across, self._grid + _ROUNDING, side="right") - 1]


class LikelihoodRatios:
    """How much a positive and a negative result change the odds of a fracture; infinite without a false positive.

    With a prevalence also the predictive values there, by Bayes' theorem. Source: Altman, Machin, Bryant and Gardner,
    Statistics with Confidence, 2nd edition 2000, chapter 10.
    """

    def __init__(self, level: str, graded: Graded, threshold: float, prevalence: float | None) -> None:
        self.keys: tuple[str, ...] = (f"{level}_lr_positive", f"{level}_lr_negative")
        if prevalence is not None:
            self.keys += (f"{level}_ppv_at_prevalence", f"{level}_npv_at_prevalence")
        self.support: Mapping[str, Floats] = {}
        self._graded, self._prevalence = graded, prevalence
        self._detected = graded.scores >= np.float32(threshold)

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        sensitivity, false = map(float, self._graded.shares(self._detected, weights))
        if np.isnan(sensitivity + false):
            return np.full(len(self.keys), np.nan)
        values = [_ratio(sensitivity, false), _ratio(1 - sensitivity, 1 - false)]
        if self._prevalence is not None:
            sick, well = self._prevalence, 1 - self._prevalence
            right, wrong = sensitivity * sick, false * well
            cleared, missed = (1 - false) * well, (1 - sensitivity) * sick
            values += [
                float(divide(np.array(part), np.array(part + rest)))
                for part, rest in ((right, wrong), (cleared, missed))
            ]
        return np.array(values)


def _ratio(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return float("inf") if part else float("nan")


class NetBenefit:
    """Net benefit of acting on the images whose probability reaches a threshold, for a decision curve.

    Source: Vickers and Elkin, Medical Decision Making 2006;26:565-574.

    Args:
        stated: Of images alone: their probabilities.
        thresholds: Probabilities from which one would act, above 0 and below 1.
        prevalence: Share of the images that are fractured where the model is to be used; None for that of these.
    """

    def __init__(self, stated: Graded, thresholds: Floats, prevalence: float | None) -> None:
        self.keys = tuple(map(str, thresholds))
        self.support: Mapping[str, Floats] = {}
        self._steps, self._graded, self._prevalence = RocSteps(stated), stated, prevalence
        self._harm = thresholds / (1 - thresholds)
        self._ends = np.searchsorted(-self._steps.thresholds, -thresholds.astype(np.float32), side="right")

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        across, up = self._steps.of(weights)
        sick = self.prevalence(weights)
        return up[self._ends] * sick - across[self._ends] * (1 - sick) * self._harm

    def of_all(self, weights: Floats) -> Floats:
        """Net benefit of acting on every image."""
        sick = self.prevalence(weights)
        return sick - (1 - sick) * self._harm

    def prevalence(self, weights: Floats) -> float:
        """The one given, or the share of the images that are fractured."""
        if self._prevalence is not None:
            return self._prevalence
        own = weights[self._graded.images]
        up, down = own @ self._graded.positive, own @ self._graded.negative
        return float(divide(up, up + down))
