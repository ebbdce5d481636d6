"""Metrics as functions of image weights: all weights 1 give the metrics, numbers of draws give those of a resample.

An image drawn twice counts twice; nothing is matched or sorted again. Every metric equals what it would be if the
images were really there as often as their weights say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.froc import FALSE_POSITIVE, TRUE_POSITIVE, Matching
from fractura.evaluation.metric_names import FALSE_POSITIVES_PER_IMAGE, point_text

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Measure(Protocol):
    """Some metrics, as functions of image weights."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Their keys."""
        ...

    @property
    def support(self) -> Mapping[str, NDArray[Any]]:
        """For metrics that stay within 0 and 1: ``(images,)``, above 0 on the images they are measured on."""
        ...

    def of(self, weights: Floats) -> Floats:
        """Their values at the image weights ``(images,)``: ``(keys,)``, NaN where not defined."""
        ...


@dataclass(frozen=True, eq=False)
class Ratio:
    """A metric that is a sum over images divided by another sum over images.

    Attributes:
        key: The metric's.
        numerator: ``(images,)``.
        denominator: ``(images,)``.
        kind: ``proportion``: the numerator counts some of the things that the denominator counts; ``rate``: it counts
            other things, of which there may be any number; ``mean``: neither.
    """

    key: str
    numerator: Floats
    denominator: Floats
    kind: Literal["proportion", "rate", "mean"] = "proportion"


class Ratios:
    """Several metrics that are ratios.

    Examples:
        >>> found, boxes = np.array([1.0, 0.0]), np.array([2.0, 1.0])
        >>> sensitivity = Ratios([Ratio("box_sensitivity", found, boxes)])
        >>> sensitivity.of(np.array([1.0, 0.0]))  # of the first image alone
        array([0.5])
    """

    def __init__(self, ratios: Sequence[Ratio]) -> None:
        self.ratios = tuple(ratios)
        self._numerators = np.array([ratio.numerator for ratio in ratios], dtype=np.float64)
        self._denominators = np.array([ratio.denominator for ratio in ratios], dtype=np.float64)

    @property
    def keys(self) -> tuple[str, ...]:
        """See ``Measure``."""
        return tuple(ratio.key for ratio in self.ratios)

    @property
    def support(self) -> Mapping[str, Floats]:
        """See ``Measure``."""
        return {ratio.key: ratio.denominator for ratio in self.ratios}

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        return divide(self._numerators @ weights, self._denominators @ weights)


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """The quotients, NaN where the denominator is 0.

    Examples:
        >>> divide(np.array([1.0, 1.0]), np.array([2.0, 0.0]))
        array([0.5, nan])
    """
    out = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=np.asarray(denominator) != 0)
    return out


class CumulativeWeights:
    """Image weights added up along a list of detections, read off at some places of the list.

    Args:
        images: Image of each detection, best detection first.
        ends: Numbers of detections, in non-decreasing order: where to read the sum.
        count: Number of images.

    Examples:
        >>> up_to = CumulativeWeights(np.array([0, 1, 0]), np.array([1, 3]), count=2)
        >>> up_to.of(np.array([1.0, 5.0]))  # after the first detection, and after all three
        array([1., 7.])
    """

    def __init__(self, images: Integers, ends: Integers, count: int) -> None:
        from scipy.sparse import csr_array

        stops, self._place = np.unique(ends, return_inverse=True)
        detections = np.arange(stops[-1] if len(stops) else 0)
        step = np.searchsorted(stops, detections, side="right")
        # How many detections of each image there are between one place and the next.
        self._steps = csr_array((np.ones(len(detections)), (step, images[detections])), shape=(len(stops), count))

    def of(self, weights: Floats) -> Floats:
        """The sum of weights of the first ``ends`` detections, for each end."""
        return np.asarray(np.cumsum(np.asarray(self._steps @ weights))[self._place])


class Froc:
    """Sensitivity at some mean numbers of false positives per image, by several criteria.

    Args:
        matchings: By criterion, of the same detections.
        boxes: ``(images,)``: boxes to be found.
    """

    def __init__(self, matchings: dict[str, Matching], boxes: Integers) -> None:
        self.keys = tuple(
            f"froc/{criterion}/{point_text(point)}" for criterion in matchings for point in FALSE_POSITIVES_PER_IMAGE
        )
        self._boxes = boxes.astype(np.float64)
        self.support = dict.fromkeys(self.keys, self._boxes)
        first = next(iter(matchings.values()))
        order = np.argsort(-first.scores, kind="stable")
        scores, images = first.scores[order], first.images[order]
        # Detections of one score come together: the places where a threshold can cut.
        ends = np.flatnonzero(np.append(scores[1:] != scores[:-1], True)) + 1 if len(scores) else np.zeros(0, np.int64)
        self._steps = [_SensitivitySteps(each.outcome[order], images, ends, len(boxes)) for each in matchings.values()]
        self._detections = CumulativeWeights(images, np.concatenate([steps.ends for steps in self._steps]), len(boxes))

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        allowed = np.array(FALSE_POSITIVES_PER_IMAGE) * weights.sum()
        boxes = float(self._boxes @ weights)
        if not boxes:
            return np.full(len(self.keys), np.nan)
        detections = self._detections.of(weights)
        values, start = [], 0
        for steps in self._steps:
            found = steps.found.of(weights)
            false_positives = detections[start : start + len(found)] - steps.not_false.of(weights)
            start += len(found)
            reached = np.searchsorted(false_positives, allowed, side="right")
            values.append(np.concatenate([[0.0], found])[reached] / boxes)
        return np.concatenate(values)


class _SensitivitySteps:
    """Where one criterion's sensitivity rises: the thresholds with a true positive just above them."""

    def __init__(self, outcome: NDArray[np.int8], images: Integers, ends: Integers, count: int) -> None:
        found, not_false = np.flatnonzero(outcome == TRUE_POSITIVE), np.flatnonzero(outcome != FALSE_POSITIVE)
        before = np.searchsorted(found, ends)
        self.ends = ends[np.diff(before, prepend=0) > 0]
        self.found = CumulativeWeights(images[found], np.searchsorted(found, self.ends), count)
        self.not_false = CumulativeWeights(images[not_false], np.searchsorted(not_false, self.ends), count)


class Auc:
    """Chance that a positive scores above a negative, ties counting half.

    Source: Hanley and McNeil, Radiology 1982;143:29-36.

    Args:
        key: The metric's.
        scores: ``(n,)`` of images, studies or patients.
        positive: bool ``(n,)``.
        negative: bool ``(n,)``; what is neither does not count.
        images: ``(n,)``: an image of each, whose weight is its own.
        count: Number of images.
    """

    def __init__(
        self,
        key: str,
        scores: NDArray[np.float32],
        positive: NDArray[np.bool_],
        negative: NDArray[np.bool_],
        images: Integers,
        count: int,
    ) -> None:
        self.keys = (key,)
        self._images = images
        fewer = positive if np.count_nonzero(positive) <= np.count_nonzero(negative) else negative
        self.support = {key: np.bincount(images, fewer, count)}
        levels, self._level = np.unique(scores, return_inverse=True)
        self._levels = len(levels)
        self._positive, self._negative = positive, negative

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        own = weights[self._images]
        up = np.bincount(self._level, own * self._positive, self._levels)
        down = np.bincount(self._level, own * self._negative, self._levels)
        below = np.cumsum(down) - down
        return divide(np.array([up @ (below + down / 2)]), np.array([up.sum() * down.sum()]))


class CalibrationError:
    """Expected calibration error: mean distance of stated from observed shares, over bins of equally many.

    The bins are those of all images, in every resample. Source: Naeini et al., AAAI 2015.

    Args:
        key: The metric's.
        stated: ``(n,)`` probabilities or scores.
        right: ``(n,)`` 0 or 1.
        bins: ``(n,)`` number of the bin of each.
        images: ``(n,)`` image of each.
        count: Number of images.
    """

    def __init__(self, key: str, stated: Floats, right: Floats, bins: Integers, images: Integers, count: int) -> None:
        self.keys = (key,)
        self.support: dict[str, Floats] = {}
        number = int(bins.max(initial=-1)) + 1
        # What each image adds to each bin.
        self._excess = np.bincount(bins * count + images, stated - right, number * count).reshape(number, count)
        self._values = np.bincount(images, minlength=count).astype(np.float64)

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        return divide(np.array([np.abs(self._excess @ weights).sum()]), np.array([self._values @ weights]))

    def by_chance(self, weights: Floats) -> float:
        """Mean distance of a resample's bins from those of all images: an error that chance alone makes."""
        change = self._excess @ weights - self._excess.sum(axis=1)
        return float(divide(np.abs(change).sum(), self._values @ weights))
