"""Bootstrap intervals: films drawn again and again with replacement, all films of a patient together.

Percentile intervals. Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 23.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.figures import Figure
from fractura.evaluation.measures import Froc, Measure, Shares

Floats = NDArray[np.float64]
LEVEL = 0.95
ROUNDS = 1000
METHOD = (
    "percentile bootstrap, 95 %: {rounds} resamples of {clusters} {unit}s drawn with replacement; resamples in which "
    "a figure is not defined are left out; shares of 0 and 1 have the exact (Clopper-Pearson) interval over {unit}s"
)


def keys_of(measures: Sequence[Measure]) -> list[str]:
    """The keys of several measures, in order."""
    return [key for measure in measures for key in measure.keys]


def values_of(measures: Sequence[Measure], weights: Floats) -> Floats:
    """The values of several measures at film weights: ``(keys,)``, NaN where not defined."""
    return np.concatenate([measure.of(weights) for measure in measures])


def draws(clusters: NDArray[np.int64], rounds: int, seed: int) -> Iterator[Floats]:
    """How often each film is drawn: float64 ``(films,)``, one for each round.

    Args:
        clusters: int64 ``(films,)``: number of the cluster of each film, from 0; clusters are drawn, not films.
        rounds: Number of resamples.
        seed: Equal seeds give equal draws.
    """
    random = np.random.default_rng(seed)
    count = int(clusters.max(initial=-1)) + 1
    for _ in range(rounds):
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        yield drawn[clusters].astype(np.float64)


def resample(measures: Sequence[Measure], clusters: NDArray[np.int64], rounds: int, seed: int) -> Floats:
    """The figures of every resample: ``(rounds, keys)``, NaN where not defined."""
    return np.array([values_of(measures, weights) for weights in draws(clusters, rounds, seed)])


def interval(samples: Floats) -> tuple[float, float] | None:
    """The percentile interval of one figure's samples ``(rounds,)``; None where most resamples do not define it."""
    defined = samples[~np.isnan(samples)]
    if 2 * len(defined) <= len(samples):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def figures_of(
    measures: Sequence[Measure], clusters: NDArray[np.int64], rounds: int, seed: int, counts: Mapping[str, int]
) -> dict[str, Figure]:
    """All figures, with intervals if there are rounds.

    Args:
        measures: What to measure.
        clusters: See ``draws``.
        rounds: Resamples; 0 gives no intervals.
        seed: Of the draws.
        counts: What figures that are no shares were measured on, by the first part of their key.
    """
    samples = resample(measures, clusters, rounds, seed) if rounds and len(clusters) else None
    shares = {share.key: share for measure in measures if isinstance(measure, Shares) for share in measure.shares}
    wholes = {key: share.whole for key, share in shares.items() if share.plain}
    wholes |= {key: measure.boxes for measure in measures if isinstance(measure, Froc) for key in measure.keys}
    values = values_of(measures, np.ones(len(clusters)))
    figures = {}
    for place, key in enumerate(keys_of(measures)):
        value = None if np.isnan(values[place]) else float(values[place])
        ends = None
        if samples is not None and value is not None:
            ends = exact_interval(value, wholes[key], clusters) if key in wholes and value in (0, 1) else None
            ends = ends or interval(samples[:, place])
        low, high = ends or (None, None)
        share = shares.get(key)
        if share is None:
            figures[key] = Figure(value, low, high, counts.get(key.split("/", maxsplit=1)[0]))
        else:
            part = round(share.part.sum()) if share.plain else None
            figures[key] = Figure(value, low, high, round(share.whole.sum()), part)
    return figures


def exact_interval(value: float, whole: Floats, clusters: NDArray[np.int64]) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share that is 0 or 1.

    Resampling films that are all right gives nothing but right films: an interval of no width, from however few films.
    The count is that of clusters, the independent ones.

    Args:
        value: 0 or 1.
        whole: ``(films,)``: what the share is taken of.
        clusters: See ``draws``.
    """
    reach = ((1 - LEVEL) / 2) ** (1 / len(np.unique(clusters[whole > 0])))
    return (reach, 1.0) if value else (0.0, 1 - reach)
