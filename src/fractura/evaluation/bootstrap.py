"""Bootstrap intervals: images drawn again and again with replacement, all images of a patient together.

Percentile intervals, corrected for bias where there is much of it. Source: Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapters 10, 13 and 23.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.measures import CalibrationError, Measure, Ratios
from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.metric_names import Metric

Floats = NDArray[np.float64]
LEVEL = 0.95
ROUNDS = 1000
METHOD = gettext_noop(
    "percentile bootstrap, 95%: {rounds} resamples of {clusters} {units} drawn with replacement; resamples in which "
    "a metric is not defined are left out; metrics of exactly 0 or 1 have the exact interval of as many {units} "
    "(Clopper-Pearson, for rates Poisson); calibration errors, which chance can only increase, have an interval that "
    "is corrected for it; an interval that would leave out the metric itself is moved by the bias of the resamples; "
    "metrics that are the same in every resample have none"
)
UNITS = {"image": gettext_noop("images"), "study": gettext_noop("studies"), "patient": gettext_noop("patients")}
"""What ``METHOD`` calls many of what is resampled."""


def keys_of(measures: Sequence[Measure]) -> list[str]:
    """The keys of several measures, in order."""
    return [key for measure in measures for key in measure.keys]


def values_of(measures: Sequence[Measure], weights: Floats) -> Floats:
    """The values of several measures at image weights: ``(keys,)``, NaN where not defined."""
    return np.concatenate([measure.of(weights) for measure in measures])


def draws(clusters: NDArray[np.int64], rounds: int, seed: int) -> Iterator[Floats]:
    """How often each image is drawn: float64 ``(images,)``, one for each round.

    Args:
        clusters: int64 ``(images,)``: number of the cluster of each image, from 0; clusters are drawn, not images.
        rounds: Number of resamples.
        seed: Equal seeds give equal draws.

    Examples:
        >>> two_patients = np.array([0, 0, 1])
        >>> [drawn.tolist() for drawn in draws(two_patients, rounds=2, seed=0)]
        [[0.0, 0.0, 2.0], [1.0, 1.0, 1.0]]
    """
    random = np.random.default_rng(seed)
    count = int(clusters.max(initial=-1)) + 1
    for _ in range(rounds):
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        yield drawn[clusters].astype(np.float64)


def resample(measures: Sequence[Measure], clusters: NDArray[np.int64], rounds: int, seed: int) -> Floats:
    """The metrics of every resample: ``(rounds, keys)``, NaN where not defined."""
    return np.array([values_of(measures, weights) for weights in draws(clusters, rounds, seed)])


def interval(samples: Floats, value: float | None = None) -> tuple[float, float] | None:
    """The percentile interval of one metric's samples ``(rounds,)``; None if most resamples do not define it.

    Args:
        samples: NaN where not defined.
        value: The metric itself; an interval without it is moved by the samples' median bias, and then holds it.

    Examples:
        >>> low, high = interval(np.linspace(0, 1, 1001))
        >>> round(low, 3), round(high, 3)
        (0.025, 0.975)
        >>> interval(np.array([np.nan, np.nan, 0.5])) is None
        True
        >>> low, high = interval(np.linspace(0.5, 0.7, 1001), 0.45)  # its resamples are 0.15 higher
        >>> round(low, 3), round(high, 3)
        (0.355, 0.545)
    """
    defined = samples[~np.isnan(samples)]
    if 2 * len(defined) <= len(samples):
        return None
    with np.errstate(invalid="ignore"):
        low, middle, high = np.quantile(defined, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    if not np.isfinite([low, high]).all():  # ratios may be infinite
        return None
    bias = 0.0 if value is None or low <= value <= high else middle - value
    return float(low - bias), float(high - bias)


def calibration_interval(value: float, samples: Floats, by_chance: Floats) -> tuple[float, float] | None:
    """The interval of a calibration error, which is a mean of distances: chance moves it upwards only.

    Resamples are too high by about as much as the error itself is, so the interval is moved down by their bias, its
    lower end twice. The lower end is 0 where chance alone gives as large an error.

    Args:
        value: The error of all images.
        samples: Errors of the resamples, ``(rounds,)``.
        by_chance: How far the shares of the resamples lie from those of all images, ``(rounds,)``: errors as they would
            be if the stated shares were true. Source: Broecker and Smith, Weather and Forecasting 2007;22:651-661.

    Examples:
        >>> samples, by_chance = np.linspace(0.12, 0.16, 1001), np.linspace(0.02, 0.06, 1001)
        >>> low, high = calibration_interval(0.13, samples, by_chance)
        >>> round(low, 3), round(high, 3)
        (0.101, 0.149)
        >>> calibration_interval(0.05, samples, by_chance)[0]
        0.0
    """
    ends = interval(samples)
    if ends is None:
        return None
    bias = max(float(np.nanmedian(samples)) - value, 0.0)
    chance_alone = value <= np.nanquantile(by_chance, (1 + LEVEL) / 2)
    return 0.0 if chance_alone else max(ends[0] - 2 * bias, 0.0), max(ends[1] - bias, value)


def metrics_of(
    measures: Sequence[Measure], clusters: NDArray[np.int64], rounds: int, seed: int, counts: Mapping[str, int]
) -> dict[str, Metric]:
    """All metrics, with intervals if there are rounds.

    Args:
        measures: What to measure.
        clusters: See ``draws``.
        rounds: Resamples; 0 gives no intervals.
        seed: Of the draws.
        counts: What metrics that are not ratios were measured on, by the first part of their key.
    """
    intervals = _intervals(measures, clusters, rounds, seed) if rounds and len(clusters) else {}
    ratios = {ratio.key: ratio for measure in measures if isinstance(measure, Ratios) for ratio in measure.ratios}
    metrics = {}
    for key, value in zip(keys_of(measures), values_of(measures, np.ones(len(clusters))), strict=True):
        ratio = ratios.get(key)
        count = counts.get(key.split("/", maxsplit=1)[0]) if ratio is None else round(ratio.denominator.sum())
        part = round(ratio.numerator.sum()) if ratio is not None and ratio.kind == "proportion" else None
        if not np.isfinite(value):
            metrics[key] = Metric(None, count=count, part=part)
            continue
        # A metric that is the same in every resample is not certain: there is too little to resample.
        ends = intervals.get(key)
        low, high = ends if ends is not None and ends[0] < ends[1] else (None, None)
        metrics[key] = Metric(float(value), low, high, count, part)
    return metrics


def _intervals(
    measures: Sequence[Measure], clusters: NDArray[np.int64], rounds: int, seed: int
) -> dict[str, tuple[float, float] | None]:
    """The interval of each metric that has a value."""
    values = values_of(measures, np.ones(len(clusters)))
    samples = resample(measures, clusters, rounds, seed)
    support = {key: images for measure in measures for key, images in measure.support.items()}
    ratios = [ratio for measure in measures if isinstance(measure, Ratios) for ratio in measure.ratios]
    rates = {ratio.key for ratio in ratios if ratio.kind == "rate"}
    errors = {measure.keys[0]: measure for measure in measures if isinstance(measure, CalibrationError)}
    found: dict[str, tuple[float, float] | None] = {}
    for place, (key, value) in enumerate(zip(keys_of(measures), values.tolist(), strict=True)):
        if not np.isfinite(value):
            continue
        if key in errors:
            by_chance = np.array([errors[key].by_chance(weights) for weights in draws(clusters, rounds, seed)])
            found[key] = calibration_interval(value, samples[:, place], by_chance)
            continue
        ends = interval(samples[:, place], value)
        if key in support:
            independent = len(np.unique(clusters[support[key] > 0]))
            exact = exact_interval(value, independent, rate=key in rates)
            within = None if ends is None else (max(ends[0], 0.0), ends[1] if key in rates else min(ends[1], 1.0))
            ends = exact or within
        found[key] = ends
    return found


def exact_interval(value: float, independent: int, *, rate: bool = False) -> tuple[float, float] | None:
    """The interval of a metric that is at the end of its range: Clopper and Pearson's of a share, Poisson's of a rate.

    Resampling images that are all correct gives nothing but correct images: an interval of no width, from however few
    images.

    Args:
        value: The metric; None is returned unless it is 0 or 1 (of a rate: 0).
        independent: Number of clusters it was measured on.
        rate: It has no upper end.

    Examples:
        >>> low, high = exact_interval(1.0, 20)
        >>> round(low, 3), high
        (0.832, 1.0)
    """
    tail = (1 - LEVEL) / 2
    if value == 0:
        return 0.0, (-math.log(tail) / independent if rate else 1 - tail ** (1 / independent))
    if value == 1 and not rate:
        return tail ** (1 / independent), 1.0
    return None
