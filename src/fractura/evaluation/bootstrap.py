"""Bootstrap intervals: images drawn again and again with replacement, all images of a patient together.

Percentile intervals. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 23.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.measures import Measure, Ratios
from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.metric_names import Metric

Floats = NDArray[np.float64]
LEVEL = 0.95
ROUNDS = 1000
METHOD = gettext_noop(
    "percentile bootstrap, 95%: {rounds} resamples of {clusters} {units} drawn with replacement; resamples in which "
    "a metric is not defined are left out; metrics of exactly 0 or 1 have the exact interval of as many {units} "
    "(Clopper-Pearson, for rates Poisson); metrics that are the same in every resample have none"
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


def interval(samples: Floats) -> tuple[float, float] | None:
    """The percentile interval of one metric's samples ``(rounds,)``; None if most resamples do not define it.

    Examples:
        >>> low, high = interval(np.linspace(0, 1, 1001))
        >>> round(low, 3), round(high, 3)
        (0.025, 0.975)
        >>> interval(np.array([np.nan, np.nan, 0.5])) is None
        True
    """
    defined = samples[~np.isnan(samples)]
    if 2 * len(defined) <= len(samples):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


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
    samples = resample(measures, clusters, rounds, seed) if rounds and len(clusters) else None
    support = {key: images for measure in measures for key, images in measure.support.items()}
    ratios = {ratio.key: ratio for measure in measures if isinstance(measure, Ratios) for ratio in measure.ratios}
    metrics = {}
    for place, (key, value) in enumerate(
        zip(keys_of(measures), values_of(measures, np.ones(len(clusters))), strict=True)
    ):
        ratio = ratios.get(key)
        count = counts.get(key.split("/", maxsplit=1)[0]) if ratio is None else round(ratio.denominator.sum())
        part = round(ratio.numerator.sum()) if ratio is not None and ratio.kind == "proportion" else None
        if np.isnan(value):
            metrics[key] = Metric(None, count=count, part=part)
            continue
        ends = None
        if samples is not None:
            if key in support:
                independent = len(np.unique(clusters[support[key] > 0]))
                ends = exact_interval(value, independent, rate=ratio is not None and ratio.kind == "rate")
            ends = ends or interval(samples[:, place])
        # A metric that is the same in every resample is not certain: there is too little to resample.
        low, high = ends if ends is not None and ends[0] < ends[1] else (None, None)
        metrics[key] = Metric(float(value), low, high, count, part)
    return metrics


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
