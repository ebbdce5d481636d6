"""Do modalities differ: the analysis of Obuchowski and Rockette, with the degrees of freedom of Hillis.

Covariances are the jackknife's. With these the analysis is also that of Dorfman, Berbaum and Metz (DBM) as corrected by
Hillis: both give the same statistics. Three questions: of all such readers and images (random readers, random cases),
of these readers and all such images (fixed readers), of all such readers and these images (fixed cases).

Sources: Obuchowski and Rockette, Commun Stat Simul Comput 1995;24:285-308; Hillis, Stat Med 2007;26:596-619; Hillis,
Berbaum and Metz, Acad Radiol 2008;15:647-661.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from fractura.evaluation.measures import Floats
from fractura.evaluation.paired_tests import LEVEL, holm
from fractura.evaluation.reader_study.components import (
    Components,
    MeanSquares,
    components_of,
    jackknife_covariance,
    mean_squares,
)
from fractura.evaluation.reader_study.figures import Figure

MANY = 1e9
"""Degrees of freedom of a denominator from which F is chi-squared to nine digits."""
_NOTHING = 1e-14
"""A variance below this is a rounding error."""
RANDOM, FIXED_READERS, FIXED_CASES = "random_readers_random_cases", "fixed_readers", "fixed_cases"


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over readers, or a difference of two.

    Attributes:
        of: The modality; of a difference the later one.
        less: Of a difference the earlier one, which is taken away; else None.
        reader: Whose it is; None for the mean over readers.
        value: The estimate.
        error: Its standard error.
        df: Degrees of freedom of t; None where the normal distribution is taken.
        low: Lower end of the 95% interval; of a mean at least 0.
        high: Upper end; of a mean at most 1.
        p: Of a difference: two-sided p-value of none; None where it has no error.
        p_holm: ``p`` after Holm's correction over all pairs of modalities.
    """

    of: str
    less: str | None = None
    reader: str | None = None
    value: float
    error: float
    df: float | None
    low: float
    high: float
    p: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """One of the three questions.

    Attributes:
        statistic: F, or chi-squared where ``df2`` is None; None where nothing varies.
        df1: Degrees of freedom of the numerator.
        df2: Of the denominator; None with fixed readers, or if modality by reader does not vary at all.
        p: Of equal modalities.
        means: Mean of the readers with each modality.
        differences: Each pair of modalities.
        by_reader: With fixed readers each pair for each reader; else empty.
    """

    statistic: float | None
    df1: int
    df2: float | None
    p: float | None
    means: tuple[Estimate, ...]
    differences: tuple[Estimate, ...]
    by_reader: tuple[Estimate, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FigureAnalysis:
    """A figure of merit and what it says of the modalities.

    Attributes:
        figure: One of ``FIGURES``.
        values: By modality and reader.
        components: Of its variance.
        analyses: By ``random_readers_random_cases``, ``fixed_readers`` and ``fixed_cases``; with one reader only
            ``fixed_readers``.
    """

    figure: str
    values: dict[str, dict[str, float]]
    components: Components
    analyses: dict[str, Analysis]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class _Model:
    """What the three analyses are made from."""

    modalities: tuple[str, ...]
    readers: tuple[str, ...]
    values: Floats
    covariance: Floats
    squares: MeanSquares
    components: Components

    @property
    def shared(self) -> float:
        """What readers have in common within a modality beyond what they have between modalities."""
        return max(self.components.cov2 - self.components.cov3, 0.0)


def analyse(figure: Figure, modalities: tuple[str, ...], readers: tuple[str, ...]) -> FigureAnalysis:
    """Analyse a figure of merit of two or more modalities.

    Args:
        figure: Of every reader with every modality.
        modalities: Their names.
        readers: Their names.

    Raises:
        ValueError: There is one modality only.
    """
    return analyse_figures(
        figure.name, figure.values, jackknife_covariance(figure.without), figure.cases, modalities, readers
    )


def analyse_figures(
    name: str, values: Floats, covariance: Floats, cases: int, modalities: tuple[str, ...], readers: tuple[str, ...]
) -> FigureAnalysis:
    """``analyse`` from figures and their covariance.

    Args:
        name: Of the figure.
        values: ``(modalities, readers)``.
        covariance: ``(modalities, readers, modalities, readers)``.
        cases: Number of images.
        modalities: Their names.
        readers: Their names.
    """
    if len(modalities) < 2:
        raise ValueError("nothing to compare: there is one modality only")
    squares = mean_squares(values)
    model = _Model(modalities, readers, values, covariance, squares, components_of(squares, covariance, cases))
    analyses = {FIXED_READERS: _fixed_readers(model)}
    if squares.interaction is not None:
        analyses = {
            RANDOM: _random(model, squares.interaction),
            **analyses,
            FIXED_CASES: _fixed_cases(model, squares.interaction),
        }
    return FigureAnalysis(
        figure=name,
        values={
            modality: {reader: float(values[m, r]) for r, reader in enumerate(readers)}
            for m, modality in enumerate(modalities)
        },
        components=model.components,
        analyses=analyses,
    )


def _random(model: _Model, interaction: float) -> Analysis:
    readers = len(model.readers)
    noise = interaction + readers * model.shared
    df = _df(noise, interaction, (len(model.modalities) - 1) * (readers - 1))
    means = []
    for m in range(len(model.modalities)):
        spread, common = _spread(model, m), max(_cov2(model, m), 0.0)
        error = math.sqrt((spread + readers * common) / readers)
        means.append(_estimate(model, m, error, _df(spread + readers * common, spread, readers - 1)))
    return _analysis(model, noise, df, math.sqrt(2 / readers * noise), means)


def _fixed_readers(model: _Model) -> Analysis:
    from scipy.stats import chi2

    readers, parts = len(model.readers), model.components
    noise = parts.error - parts.cov1 + (readers - 1) * model.shared
    df1 = len(model.modalities) - 1
    statistic = df1 * model.squares.modality / noise if noise > _NOTHING else None
    means = []
    for m in range(len(model.modalities)):
        variance = float(np.mean([model.covariance[m, r, m, r] for r in range(readers)]))
        error = math.sqrt((variance + (readers - 1) * max(_cov2(model, m), 0.0)) / readers)
        means.append(_estimate(model, m, error, None))
    by_reader = [
        _reader_difference(model, reader, first, second)
        for reader in range(readers)
        for first, second in combinations(range(len(model.modalities)), 2)
    ]
    return Analysis(
        statistic=statistic,
        df1=df1,
        df2=None,
        p=None if statistic is None else float(chi2.sf(statistic, df1)),
        means=tuple(means),
        differences=_differences(model, math.sqrt(max(2 / readers * noise, 0.0)), None),
        by_reader=_corrected(by_reader),
    )


def _fixed_cases(model: _Model, interaction: float) -> Analysis:
    readers = len(model.readers)
    df = float((len(model.modalities) - 1) * (readers - 1))
    means = [
        _estimate(model, m, math.sqrt(_spread(model, m) / readers), float(readers - 1))
        for m in range(len(model.modalities))
    ]
    return _analysis(model, interaction, df, math.sqrt(2 / readers * interaction), means)


def f_tail(statistic: float, df1: float, df2: float) -> float:
    """Probability of a larger F; by its limit where ``df2`` is beyond what SciPy before 1.17 computes (it said 1).

    >>> f"{f_tail(16.67, 1, 1e30):.4g}"
    '4.448e-05'
    """
    from scipy.stats import chi2, f

    return float(chi2.sf(statistic * df1, df1) if df2 > MANY else f.sf(statistic, df1, df2))


def _analysis(model: _Model, noise: float, df: float | None, error: float, means: list[Estimate]) -> Analysis:
    from scipy.stats import chi2

    df1 = len(model.modalities) - 1
    statistic = p = None
    if noise > _NOTHING:
        statistic = model.squares.modality / noise * (1 if df is not None else df1)
        p = float(chi2.sf(statistic, df1)) if df is None else f_tail(statistic, df1, df)
    return Analysis(
        statistic=statistic,
        df1=df1,
        df2=df,
        p=p,
        means=tuple(means),
        differences=_differences(model, error, df),
    )


def _df(whole: float, part: float, degrees: int) -> float | None:
    """Satterthwaite's degrees of freedom of a sum of which only one part is estimated with so many."""
    return (whole / part) ** 2 * degrees if part > 0 else None


def _spread(model: _Model, modality: int) -> float:
    return float(model.values[modality].var(ddof=1))


def _cov2(model: _Model, modality: int) -> float:
    """Covariance of two readers with one modality, its own mean."""
    own = model.covariance[modality, :, modality, :]
    readers = len(own)
    return float((own.sum() - np.trace(own)) / (readers * (readers - 1))) if readers > 1 else 0.0


def _estimate(model: _Model, modality: int, error: float, df: float | None) -> Estimate:
    mean = float(model.values[modality].mean())
    found = _with_interval(model.modalities[modality], None, None, mean, error, df)
    return replace(found, low=max(found.low, 0.0), high=min(found.high, 1.0))


def _differences(model: _Model, error: float, df: float | None) -> tuple[Estimate, ...]:
    means = model.values.mean(axis=1)
    found = [
        _tested(_with_interval(model.modalities[b], model.modalities[a], None, float(means[b] - means[a]), error, df))
        for a, b in combinations(range(len(model.modalities)), 2)
    ]
    return _corrected(found)


def _reader_difference(model: _Model, reader: int, first: int, second: int) -> Estimate:
    """Of one reader, from that reader's own variances and covariances over all modalities."""
    own = model.covariance[:, reader, :, reader]
    modalities = len(own)
    variance = float(np.trace(own)) / modalities
    covariance = float(own.sum() - np.trace(own)) / (modalities * (modalities - 1))
    error = math.sqrt(max(2 * (variance - covariance), 0.0))
    value = float(model.values[second, reader] - model.values[first, reader])
    names = model.modalities
    return _tested(_with_interval(names[second], names[first], model.readers[reader], value, error, None))


def _with_interval(
    of: str, less: str | None, reader: str | None, value: float, error: float, df: float | None
) -> Estimate:
    from scipy.stats import norm, t

    tail = (1 + LEVEL) / 2
    reach = error * float(norm.ppf(tail) if df is None else t.ppf(tail, df))
    return Estimate(
        of=of, less=less, reader=reader, value=value, error=error, df=df, low=value - reach, high=value + reach
    )


def _tested(estimate: Estimate) -> Estimate:
    from scipy.stats import norm, t

    if not estimate.error:
        return replace(estimate, p=None if estimate.value else 1.0)
    size = abs(estimate.value) / estimate.error
    return replace(estimate, p=float(2 * (norm.sf(size) if estimate.df is None else t.sf(size, estimate.df))))


def _corrected(estimates: list[Estimate]) -> tuple[Estimate, ...]:
    return tuple(
        replace(each, p_holm=p) for each, p in zip(estimates, holm([each.p for each in estimates]), strict=True)
    )
