"""McNemar, DeLong and Holm against published examples, statsmodels and the formulae of the papers written out."""

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests

from fractura.evaluation.paired_tests import auc_covariance, delong, holm, mcnemar


def readings(both, first, second, neither):
    """Where each of two readings is right, from the counts of a table."""
    one = [True] * both + [True] * first + [False] * second + [False] * neither
    other = [True] * both + [False] * first + [True] * second + [False] * neither
    return np.array(one, bool), np.array(other, bool)


@pytest.mark.parametrize("counts", [(1, 7, 1, 12), (59, 6, 16, 80), (10, 0, 0, 3), (0, 5, 0, 0), (4, 3, 3, 4)])
def test_mcnemar_equals_statsmodels(counts):
    both, first, second, neither = counts
    test = mcnemar(*readings(*counts))
    assert (test.both, test.first, test.second, test.neither) == counts
    table = [[both, first], [second, neither]]
    assert test.p_exact == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)
    if abs(first - second) >= 1:
        approximate = statsmodels_mcnemar(table, exact=False, correction=True)
        assert (test.chi2, test.p_chi2) == (pytest.approx(approximate.statistic), pytest.approx(approximate.pvalue))
    else:
        assert (test.chi2, test.p_chi2) == (0, 1)


def test_mcnemar_of_published_examples():
    """Fagerland et al. 2013, tables 1 and 8: airway hyper-responsiveness, and complete response."""
    airway = mcnemar(*readings(1, 1, 7, 12))
    assert (round(airway.p_exact, 3), round(airway.p_mid, 3), round(airway.p_chi2, 3)) == (0.07, 0.039, 0.077)
    response = mcnemar(*readings(59, 6, 16, 80))
    assert (round(response.p_exact, 4), round(response.p_mid, 4)) == (0.0525, 0.0347)


def test_delong_of_a_published_example():
    """CT of 109 patients (Hanley and McNeil 1982, table I); AUC 0.8932, standard error 0.0307, as Stata's manual has
    it (roctab)."""
    normal, abnormal = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
    ratings = np.repeat([1.0, 2, 3, 4, 5] * 2, [*normal, *abnormal])
    positive = np.repeat([False, True], [sum(normal), sum(abnormal)])
    aucs, covariance = auc_covariance(ratings[None], positive)
    assert (round(aucs[0], 4), round(float(np.sqrt(covariance[0, 0])), 4)) == (0.8932, 0.0307)


def by_definition(scores, positive):
    """DeLong et al. 1988, equations 2 to 6, one pair of images after the other."""
    up, down = np.flatnonzero(positive), np.flatnonzero(~positive)
    kernel = np.array([[[np.heaviside(each[x] - each[y], 0.5) for y in down] for x in up] for each in scores])
    aucs, v10, v01 = kernel.mean(axis=(1, 2)), kernel.mean(axis=2), kernel.mean(axis=1)
    s10 = (v10 - aucs[:, None]) @ (v10 - aucs[:, None]).T / (len(up) - 1)
    s01 = (v01 - aucs[:, None]) @ (v01 - aucs[:, None]).T / (len(down) - 1)
    return aucs, s10 / len(up) + s01 / len(down)


@pytest.mark.parametrize("seed", range(6))
def test_delong_equals_its_definition(seed):
    random = np.random.default_rng(seed)
    positive = random.permutation(np.arange(31) < 12)
    scores = np.round(random.normal(size=(2, 31)) + positive + random.normal(size=31) * 0.5, seed % 3)
    aucs, covariance = by_definition(scores, positive)
    got = auc_covariance(scores, positive)
    np.testing.assert_allclose(got[0], aucs)
    np.testing.assert_allclose(got[1], covariance)
    test = delong(*scores, positive)
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert test.z == pytest.approx((aucs[1] - aucs[0]) / error)
    assert (test.low, test.high) == (
        pytest.approx(test.difference - 1.959964 * error),
        pytest.approx(test.difference + 1.959964 * error),
    )
    turned = delong(*scores[::-1], positive)
    assert (turned.difference, turned.p) == (pytest.approx(-test.difference), pytest.approx(test.p))


@pytest.mark.parametrize("seed", range(4))
def test_images_that_are_there_twice_add_nothing_if_they_are_clusters(seed):
    random = np.random.default_rng(seed)
    positive = np.arange(24) < 10
    scores = np.round(random.normal(size=(2, 24)) + positive, 1)
    once, twice = delong(*scores, positive), delong(*np.tile(scores, 2), np.tile(positive, 2))
    clustered = delong(*np.tile(scores, 2), np.tile(positive, 2), np.tile(np.arange(24), 2))
    assert (clustered.first_error, clustered.z, clustered.p) == pytest.approx((once.first_error, once.z, once.p))
    assert twice.p < once.p
    alone = delong(*scores, positive, random.permutation(24))
    assert (alone.z, alone.low) == pytest.approx((once.z, once.low))


@pytest.mark.parametrize("seed", range(4))
def test_the_covariance_of_clusters_is_that_of_obuchowski(seed):
    """Obuchowski 1997, equations 3 to 5, cluster by cluster."""
    random = np.random.default_rng(seed)
    positive, clusters = random.random(40) < 0.4, random.integers(0, 15, 40)
    scores = np.round(random.normal(size=(2, 40)) + positive + random.normal(size=15)[clusters], 1)
    up, down = np.flatnonzero(positive), np.flatnonzero(~positive)
    kernel = np.array([[[np.heaviside(each[x] - each[y], 0.5) for y in down] for x in up] for each in scores])
    aucs, v10, v01 = kernel.mean(axis=(1, 2)), kernel.mean(axis=2), kernel.mean(axis=1)
    tens = [v10[:, clusters[up] == c].sum(axis=1) - aucs * (clusters[up] == c).sum() for c in np.unique(clusters)]
    ones = [v01[:, clusters[down] == c].sum(axis=1) - aucs * (clusters[down] == c).sum() for c in np.unique(clusters)]
    i, i10, i01 = (len(np.unique(each)) for each in (clusters, clusters[up], clusters[down]))
    s10 = i10 / ((i10 - 1) * len(up)) * sum(np.outer(x, x) for x in tens)
    s01 = i01 / ((i01 - 1) * len(down)) * sum(np.outer(y, y) for y in ones)
    s11 = i / (i - 1) * sum(np.outer(x, y) for x, y in zip(tens, ones, strict=True))
    expected = s10 / len(up) + s01 / len(down) + (s11 + s11.T) / (len(up) * len(down))
    np.testing.assert_allclose(auc_covariance(scores, positive, clusters)[1], expected)


def test_the_error_of_clusters_is_about_that_of_the_bootstrap():
    random = np.random.default_rng(3)
    clusters = np.repeat(np.arange(120), 2)
    positive = random.random(120)[clusters] < 0.5
    common = random.normal(size=120)[clusters]
    scores = positive + common + random.normal(size=(2, 240)) * 0.5
    got = delong(*scores, positive, clusters)
    drawn = []
    for _ in range(400):
        chosen = np.concatenate([np.flatnonzero(clusters == c) for c in random.integers(0, 120, 120)])
        drawn.append(auc_covariance(scores[:, chosen], positive[chosen])[0])
    error = np.std(drawn, axis=0)
    assert (got.first_error, got.second_error) == pytest.approx(tuple(error), rel=0.12)
    assert delong(*scores, positive).first_error < 0.8 * error[0]


def test_mcnemar_in_clusters():
    first = np.array([True, True, False, False, True, False, True, True, False, False])
    second = np.array([True, False, True, True, True, True, True, True, True, False])
    clusters = np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3])
    differences, sizes = np.array([-1, 2, 1, 1]), np.array([2, 3, 2, 3])
    mean = differences.sum() / 10
    error = np.sqrt(4 / 3 * ((differences - sizes * mean) ** 2).sum()) / 10
    test = mcnemar(first, second, clusters)
    assert test.p_clustered == pytest.approx(2 * norm.sf(mean / error))
    assert test.p == test.p_clustered
    twice = mcnemar(np.tile(first, 2), np.tile(second, 2), np.tile(clusters, 2))
    assert twice.p_clustered == pytest.approx(test.p_clustered)
    assert twice.p_exact < test.p_exact
    alone = mcnemar(first, second, np.arange(10)[::-1])
    assert (alone.p_clustered, alone.p) == (None, alone.p_exact)
    assert mcnemar(first, first, clusters).p_clustered == 1


def test_clusters_of_one_kind_only():
    positive, clusters = np.array([True, True, False, False]), np.array([0, 0, 1, 2])
    assert delong(np.arange(4.0), np.arange(4.0), positive, clusters) is None
    assert mcnemar(positive, positive, np.zeros(4, int)).p_clustered is None


def test_delong_without_variance():
    positive = np.array([False, False, True, True])
    same = delong(np.arange(4.0), np.arange(4.0), positive)
    assert (same.difference, same.z, same.p) == (0, None, 1)
    opposite = delong(np.arange(4.0), -np.arange(4.0), positive)
    assert (opposite.difference, opposite.z, opposite.p) == (-1, None, None)
    assert delong(np.arange(4.0), np.arange(4.0), np.array([True, False, False, False])) is None


@pytest.mark.parametrize("seed", range(4))
def test_holm_equals_statsmodels(seed):
    p_values = np.random.default_rng(seed).random(8) ** 3
    assert holm(p_values.tolist()) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_leaves_out_what_is_not_defined():
    assert holm([None, 0.5, 0.5, None]) == [None, 1.0, 1.0, None]
    assert holm([]) == []
