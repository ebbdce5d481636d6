"""Tests of two readings of the same images: McNemar of shares, DeLong of AUCs, and Holm's correction of many p-values.

Where several images are of one patient or study they are not independent: with ``clusters`` DeLong's variance and the
test of shares are those of Obuchowski for clustered data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.measures import Floats, Integers

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """Two yes-or-no readings of the same images, each right or wrong.

    Attributes:
        both: Images that both got right.
        first: Images that only the first got right.
        second: Images that only the second got right.
        neither: Images that neither got right.
        p_exact: Two-sided exact (binomial) p-value that both are right equally often.
        p_mid: Its mid-p version, which is not as conservative.
        chi2: McNemar's statistic with Edwards' continuity correction, 1 degree of freedom.
        p_chi2: Its p-value.
        p_clustered: Two-sided p-value for images in clusters; None where each image is a cluster of its own.
        p_holm: ``p`` after Holm's correction; None until it was corrected.
    """

    both: int
    first: int
    second: int
    neither: int
    p_exact: float
    p_mid: float
    chi2: float
    p_chi2: float
    p_clustered: float | None = None
    p_holm: float | None = None

    @property
    def p(self) -> float:
        """The p-value to go by: ``p_clustered`` where images are in clusters, else ``p_exact``."""
        return self.p_exact if self.p_clustered is None else self.p_clustered


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_], clusters: Integers | None = None) -> McNemar:
    """McNemar's test of two readings.

    Args:
        first: bool ``(images,)``: where the first is right.
        second: Where the second is right.
        clusters: int64 ``(images,)``: number of the patient or study of each; None if images are independent.

    Source: McNemar, Psychometrika 1947;12:153-157; mid-p: Fagerland et al., BMC Med Res Methodol 2013;13:91; clusters:
    Obuchowski, Stat Med 1998;17:1495-1507.

    Examples:
        >>> first = np.array([True] * 1 + [False] * 7 + [True] * 8)
        >>> second = np.array([False] * 1 + [True] * 7 + [True] * 8)
        >>> test = mcnemar(first, second)  # Fagerland's example: 1 against 7
        >>> round(test.p_exact, 4), round(test.p_mid, 4)
        (0.0703, 0.0391)
    """
    from scipy.stats import binom, chi2

    one, other = int(np.count_nonzero(first & ~second)), int(np.count_nonzero(second & ~first))
    fewer, differing = min(one, other), one + other
    below = 2 * binom.cdf(fewer, differing, 0.5)
    statistic = max(abs(one - other) - 1, 0) ** 2 / differing if differing else 0.0
    return McNemar(
        both=int(np.count_nonzero(first & second)),
        first=one,
        second=other,
        neither=int(np.count_nonzero(~first & ~second)),
        p_exact=float(min(1.0, below)),
        p_mid=float(min(1.0, below - binom.pmf(fewer, differing, 0.5))) if differing else 1.0,
        chi2=float(statistic),
        p_chi2=float(chi2.sf(statistic, 1)),
        p_clustered=_clustered(first, second, clusters),
    )


def _clustered(first: NDArray[np.bool_], second: NDArray[np.bool_], clusters: Integers | None) -> float | None:
    """The p-value of no difference of two shares, from the sums of differences within clusters."""
    if clusters is None or len(np.unique(clusters)) == len(clusters):
        return None
    from scipy.stats import norm

    _, cluster = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(cluster)
    differences = np.bincount(cluster, second.astype(float) - first)
    number, mean = len(sizes), differences.sum() / len(cluster)
    if number < 2:
        return None
    error = math.sqrt(number / (number - 1) * ((differences - sizes * mean) ** 2).sum()) / len(cluster)
    if not error:
        return 1.0 if not mean else None
    return float(2 * norm.sf(abs(mean) / error))


@dataclass(frozen=True, kw_only=True)
class DeLong:
    """The AUCs of two scores of the same images, and the second less the first.

    Attributes:
        first: AUC of the first, 0..1.
        second: AUC of the second.
        first_error: Standard error of the first.
        second_error: Standard error of the second.
        difference: ``second - first``.
        low: Lower end of its 95% interval.
        high: Upper end.
        z: The difference in standard errors; None where that error is 0.
        p: Two-sided p-value of no difference; None where the error is 0 but the difference is not.
        p_holm: ``p`` after Holm's correction; None until it was corrected.
    """

    first: float
    second: float
    first_error: float
    second_error: float
    difference: float
    low: float
    high: float
    z: float | None
    p: float | None
    p_holm: float | None = None


def delong(
    first: Floats, second: Floats, positive: NDArray[np.bool_], clusters: Integers | None = None
) -> DeLong | None:
    """DeLong's test of two AUCs; None with fewer than two positive or two negative images, or clusters of such.

    Args:
        first: float64 ``(images,)``: scores of the first.
        second: Scores of the second.
        positive: bool ``(images,)``: which images are fractured; the others are normal.
        clusters: int64 ``(images,)``: number of the patient or study of each; None if images are independent.

    Source: DeLong et al., Biometrics 1988;44:837-845; clusters: Obuchowski, Biometrics 1997;53:567-578.

    Examples:
        >>> positive = np.array([False, False, False, True, True, True])
        >>> test = delong(np.array([1, 2, 3, 2, 3, 4]), np.array([1, 2, 3, 4, 5, 6]), positive)
        >>> round(test.first, 3), test.second
        (0.778, 1.0)
    """
    groups = np.arange(len(positive)) if clusters is None else clusters
    if min(len(np.unique(groups[positive])), len(np.unique(groups[~positive]))) < 2:
        return None
    from scipy.stats import norm

    aucs, covariance = auc_covariance(np.stack([first, second]), positive, clusters)
    difference = float(aucs[1] - aucs[0])
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    error = math.sqrt(variance) if variance > 1e-15 else 0.0
    reach = norm.ppf((1 + LEVEL) / 2) * error
    z = difference / error if error else None
    p = float(2 * norm.sf(abs(z))) if z is not None else (None if difference else 1.0)
    return DeLong(
        first=float(aucs[0]),
        second=float(aucs[1]),
        first_error=float(np.sqrt(covariance[0, 0])),
        second_error=float(np.sqrt(covariance[1, 1])),
        difference=difference,
        low=float(difference - reach),
        high=float(difference + reach),
        z=z,
        p=p,
    )


def auc_covariance(
    scores: Floats, positive: NDArray[np.bool_], clusters: Integers | None = None
) -> tuple[Floats, Floats]:
    """AUCs ``(k,)`` of several scores of the same images, and DeLong's estimate of their covariance ``(k, k)``.

    Args:
        scores: ``(k, images)``.
        positive: bool ``(images,)``, at least two of each kind.
        clusters: See ``delong``; with them the covariance is Obuchowski's.

    Source: DeLong et al. 1988; computed by ranks as in Sun and Xu, IEEE Signal Process Lett 2014;21:1389-1393.

    Examples:
        >>> aucs, covariance = auc_covariance(np.array([[1.0, 2, 2, 3]]), np.array([False, False, True, True]))
        >>> aucs.tolist(), covariance.tolist()
        ([0.875], [[0.03125]])
    """
    from scipy.stats import rankdata

    up, down = scores[:, positive], scores[:, ~positive]
    positives, negatives = up.shape[1], down.shape[1]
    ranks = rankdata(np.concatenate([up, down], axis=1), axis=1)
    # Of each positive the share of negatives below it, of each negative the share of positives above it.
    above = (ranks[:, :positives] - rankdata(up, axis=1)) / negatives
    below = 1 - (ranks[:, positives:] - rankdata(down, axis=1)) / positives
    aucs = above.mean(axis=1)
    if clusters is None:
        clusters = np.arange(len(positive))
    kinds = [_cluster_sums(above - aucs[:, None], clusters[positive], clusters)]
    kinds.append(_cluster_sums(below - aucs[:, None], clusters[~positive], clusters))
    (of_positives, many), (of_negatives, few) = kinds
    number = len(np.unique(clusters))
    both = number / (number - 1) * (of_positives @ of_negatives.T) / (positives * negatives)
    covariance = (
        many / (many - 1) * (of_positives @ of_positives.T) / positives**2
        + few / (few - 1) * (of_negatives @ of_negatives.T) / negatives**2
        + both
        + both.T
    )
    return aucs, covariance


def _cluster_sums(values: Floats, own: Integers, clusters: Integers) -> tuple[Floats, int]:
    """Sums of values ``(k, images)`` within each of all clusters ``(k, clusters)``, and how many clusters have any."""
    names = np.unique(clusters)
    place = np.searchsorted(names, own)
    return np.stack([np.bincount(place, row, len(names)) for row in values]), len(np.unique(own))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's step-down correction of the p-values of one family; None stays None and does not count.

    Source: Holm, Scand J Stat 1979;6:65-70.

    Examples:
        >>> holm([0.01, 0.04, None, 0.03])
        [0.03, 0.06, None, 0.06]
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for number, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - number) * p))
        corrected[place] = largest
    return corrected
