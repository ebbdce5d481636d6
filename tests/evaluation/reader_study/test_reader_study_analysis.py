"""Obuchowski-Rockette against a published analysis, DBM written out, paired t-tests; power against published tables."""

import numpy as np
import pytest
from scipy.stats import chi2, norm, ttest_rel
from scipy.stats import f as f_distribution

from fractura.evaluation.reader_study import Components, ReaderStudy, analyse, figures_of, power_of, smallest_study
from fractura.evaluation.reader_study.analysis import FIXED_CASES, FIXED_READERS, RANDOM, analyse_figures, f_tail
from fractura.evaluation.reader_study.components import jackknife_covariance

# Van Dyke et al. 1993 (spin-echo and cine MRI of aortic dissection, 45 with and 69 without, five readers): trapezoidal
# AUCs, jackknife variances and covariances, and the analysis, as printed by OR-DBM MRMC 2.51 (Schartz, Hillis, Pesce,
# Berbaum), which RJafroc reproduces. Hillis, Stat Med 2007;26:596-619 has the same example.
AUCS = np.array(
    [
        [0.91964573, 0.85877617, 0.90386473, 0.97310789, 0.82979066],
        [0.94782609, 0.90531401, 0.92173913, 0.99935588, 0.92995169],
    ]
)
ERROR, COV2 = (0.00101410, 0.00059047), (0.00048396, 0.00020419)  # of each modality
COV1, COV3 = 0.00034661, 0.00023903
PILOT = Components(
    cases=114,
    reader=0.00153499935,
    modality_reader=0.00020040252,
    error=0.00080228827,
    cov1=0.00034661371,
    cov2=0.00034407483,
    cov3=0.00023902837,
)


def van_dyke():
    covariance = np.full((2, 5, 2, 5), COV3)
    for m in range(2):
        covariance[m, :, m, :] = COV2[m]
        for r in range(5):
            covariance[m, r, m, r], covariance[m, r, 1 - m, r] = ERROR[m], COV1
    return analyse_figures("auc", AUCS, covariance, 114, ("spin-echo", "cine"), tuple("12345"))


def test_variance_components_of_van_dyke():
    parts = van_dyke().components
    expected = (0.00153500, 0.00020040, 0.00080229, 0.00034661, 0.00034407, 0.00023903)
    got = (parts.reader, parts.modality_reader, parts.error, parts.cov1, parts.cov2, parts.cov3)
    assert got == pytest.approx(expected, abs=2e-8)


@pytest.mark.parametrize(
    ("name", "statistic", "df", "p", "error", "low", "high"),
    [
        (RANDOM, 4.456, 15.26, 0.0517, 0.02075, -0.00036, 0.08796),
        (FIXED_READERS, 5.47595, None, 0.0193, 0.01872, 0.00711, 0.08049),
        (FIXED_CASES, 8.704, 4, 0.0420, 0.01485, 0.00258, 0.08502),
    ],
)
def test_the_three_analyses_of_van_dyke(name, statistic, df, p, error, low, high):
    got = van_dyke().analyses[name]
    assert got.statistic == pytest.approx(statistic, abs=6e-4)
    assert got.df2 == (None if df is None else pytest.approx(df, abs=0.006))
    assert got.p == pytest.approx(p, abs=6e-5)
    [difference] = got.differences
    assert (difference.of, difference.less, difference.value) == ("cine", "spin-echo", pytest.approx(0.04380032))
    assert (difference.error, difference.low, difference.high) == pytest.approx((error, low, high), abs=6e-6)
    assert difference.p == pytest.approx(got.p)


@pytest.mark.parametrize(
    ("name", "errors", "degrees"),
    [
        (RANDOM, (0.03317360, 0.02156637), (12.74, 12.71)),
        (FIXED_READERS, (0.02428971, 0.01677632), (None, None)),
        (FIXED_CASES, (0.02482994, 0.01615303), (4, 4)),
    ],
)
def test_the_mean_of_each_modality_of_van_dyke(name, errors, degrees):
    for mean, value, error, df in zip(
        van_dyke().analyses[name].means, (0.89703704, 0.94083736), errors, degrees, strict=True
    ):
        assert (mean.value, mean.error) == pytest.approx((value, error), abs=1e-6)
        assert mean.df == (None if df is None else pytest.approx(df, abs=0.01))
    first = van_dyke().analyses[RANDOM].means[0]
    assert (first.low, first.high) == pytest.approx((0.82522360, 0.96885048), abs=2e-6)


# Free-response study of five image processings by Zanca et al. (Med Phys 2009;36:765-775): wAFROC figures of four
# readers, components and analyses as RJafroc 2.1.3 gives them for its dataset04.
WAFROC = np.array(
    [
        [0.77926667, 0.72489167, 0.70362500, 0.80509167],
        [0.78700000, 0.72690000, 0.72261667, 0.80378333],
        [0.72969167, 0.71575833, 0.67230833, 0.77265833],
        [0.81013333, 0.74311667, 0.69435833, 0.82940833],
        [0.74880000, 0.68227500, 0.65517500, 0.77125000],
    ]
)


@pytest.mark.parametrize(
    ("name", "statistic", "df", "p", "error"),
    [
        (RANDOM, 7.80030, 36.7933, 0.000117105, 0.01218567),
        (FIXED_READERS, 15.40303, None, 0.00393432, 0.01734331),
        (FIXED_CASES, 13.65857, 12, 0.000201922, 0.00920879),
    ],
)
def test_five_modalities_of_a_published_free_response_study(name, statistic, df, p, error):
    same_modality, same_reader = np.eye(5, dtype=bool)[:, None, :, None], np.eye(4, dtype=bool)[None, :, None, :]
    covariance = np.where(same_modality, 0.00033615564, 0.00030431124) * np.ones((5, 4, 5, 4))
    covariance = np.where(same_reader, np.where(same_modality, 0.00092808365, 0.00042203598), covariance)
    result = analyse_figures("wafroc", WAFROC, covariance, 200, tuple("12345"), tuple("1345"))
    assert result.components.reader == pytest.approx(0.00220864564, abs=1e-9)
    assert result.components.modality_reader == pytest.approx(-0.00030459978, abs=1e-9)
    got = result.analyses[name]
    assert (got.statistic, got.p) == pytest.approx((statistic, p), rel=1e-4)
    assert got.df2 == (None if df is None else pytest.approx(df, rel=1e-4))
    assert len(got.differences) == 10
    assert {round(each.error, 7) for each in got.differences} == {round(error, 7)}
    last = got.differences[-1]
    assert (last.of, last.less, last.value) == ("5", "4", pytest.approx(-0.05487917, abs=1e-7))
    assert last.p_holm >= last.p


def random_study(seed, *, modalities=2, readers=4, images=30):
    random = np.random.default_rng(seed)
    fractured = np.arange(images) % 3 == 0
    shape = (modalities, readers, images)
    ratings = 1.2 * fractured + random.normal(0, 0.7, images) + random.normal(0, 0.4, (readers, 1)) * fractured
    ratings = ratings + random.normal(0, 0.7, shape) + np.linspace(0, 0.8, modalities)[:, None, None] * fractured
    names = tuple(f"modality {m}" for m in range(modalities)), tuple(f"reader {r}" for r in range(readers))
    return ReaderStudy(*names, tuple(map(str, range(images))), fractured, np.round(ratings, 1))


def dbm(figure):
    """Dorfman-Berbaum-Metz with Hillis' degrees of freedom: a three-way analysis of variance of pseudovalues."""
    cases = figure.cases
    pseudo = cases * figure.values[..., None] - (cases - 1) * figure.without
    pseudo += (figure.values - pseudo.mean(axis=2))[..., None]
    i, j, k = pseudo.shape
    t, r, c = pseudo.mean((1, 2)), pseudo.mean((0, 2)), pseudo.mean((0, 1))
    tr, tc, rc, all_ = pseudo.mean(2), pseudo.mean(1), pseudo.mean(0), pseudo.mean()
    ms_t = j * k * ((t - all_) ** 2).sum() / (i - 1)
    ms_tr = k * ((tr - t[:, None] - r + all_) ** 2).sum() / ((i - 1) * (j - 1))
    ms_tc = j * ((tc - t[:, None] - c + all_) ** 2).sum() / ((i - 1) * (k - 1))
    rest = pseudo - tr[:, :, None] - tc[:, None] - rc + t[:, None, None] + r[None, :, None] + c - all_
    ms_trc = (rest**2).sum() / ((i - 1) * (j - 1) * (k - 1))
    noise = ms_tr + max(ms_tc - ms_trc, 0)
    df = noise**2 / (ms_tr**2 / ((i - 1) * (j - 1)))
    return ms_t / noise, df, f_distribution.sf(ms_t / noise, i - 1, df)


@pytest.mark.parametrize("modalities", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_it_is_dbm(seed, modalities):
    study = random_study(seed, modalities=modalities)
    for figure in figures_of(study, positive_from=0.8):
        got = analyse(figure, study.modalities, study.readers).analyses[RANDOM]
        assert (got.statistic, got.df2, got.p) == pytest.approx(dbm(figure))


@pytest.mark.parametrize("seed", range(3))
def test_fixed_cases_is_the_paired_t_test_of_the_readers(seed):
    study = random_study(seed, readers=6)
    figure = figures_of(study)[0]
    got = analyse(figure, study.modalities, study.readers).analyses[FIXED_CASES]
    test = ttest_rel(figure.values[1], figure.values[0])
    assert (got.statistic, got.p) == pytest.approx((test.statistic**2, test.pvalue))
    interval = test.confidence_interval()
    assert (got.differences[0].low, got.differences[0].high) == pytest.approx((interval.low, interval.high))


def test_fixed_readers_is_the_z_test_of_the_mean_difference():
    study = random_study(7, readers=3)
    figure = figures_of(study)[0]
    result = analyse(figure, study.modalities, study.readers)
    weights = np.array([-1, 1])[:, None] * np.full((2, 3), 1 / 3)
    covariance = jackknife_covariance(figure.without)
    parts = result.components
    assert parts.cov2 > parts.cov3  # else the analysis takes 0 for the difference
    error = np.sqrt(np.einsum("ij,ijkl,kl", weights, covariance, weights))
    got = result.analyses[FIXED_READERS].differences[0]
    assert (got.error, got.p) == pytest.approx((error, 2 * norm.sf(abs(got.value) / error)))
    for reader, each in enumerate(result.analyses[FIXED_READERS].by_reader):
        own = np.array([-1, 1]) @ covariance[:, reader, :, reader] @ np.array([-1, 1])
        assert (each.reader, each.error) == (f"reader {reader}", pytest.approx(np.sqrt(own)))


def test_one_reader_has_the_analysis_of_fixed_readers_only():
    study = random_study(1, readers=1)
    result = analyse(figures_of(study)[0], study.modalities, study.readers)
    assert set(result.analyses) == {FIXED_READERS}
    assert result.components.modality_reader is None
    with pytest.raises(ValueError, match="one reader"):
        power_of(result.components, readers=3, cases=100, effect=0.05)


def test_modalities_that_are_the_same_do_not_differ():
    study = random_study(2)
    study.ratings[1] = study.ratings[0]
    for each in analyse(figures_of(study)[0], study.modalities, study.readers).analyses.values():
        assert each.statistic in (0, None)
        assert (each.differences[0].value, each.differences[0].p) == (0, 1)


def test_readers_who_all_gain_the_same_leave_only_the_images_to_chance():
    values = np.array([[0.7, 0.8, 0.75], [0.8, 0.9, 0.85]])
    covariance = np.full((2, 3, 2, 3), 0.0002)
    for m in range(2):
        covariance[m, :, m, :] = 0.0005
        for r in range(3):
            covariance[m, r, m, r] = 0.001
    result = analyse_figures("auc", values, covariance, 100, ("without", "with"), ("A", "B", "C"))
    got = result.analyses[RANDOM]
    assert got.df2 is None or got.df2 > 1e9
    assert got.p == pytest.approx(2 * norm.sf(0.1 / np.sqrt(2 * 0.0003)))  # readers times (Cov2 - Cov3)
    assert got.differences[0].p == pytest.approx(got.p)
    assert result.analyses[FIXED_CASES].statistic is None


def test_one_modality_is_refused():
    study = random_study(2, modalities=1)
    with pytest.raises(ValueError, match="one modality"):
        analyse(figures_of(study)[0], study.modalities, study.readers)


@pytest.mark.parametrize(
    ("to", "cases", "power"),
    [(RANDOM, 165, 0.80541995), (FIXED_READERS, 131, 0.80091813), (FIXED_CASES, 53, 0.80496663)],
)
def test_power_of_the_published_example(to, cases, power):
    """RJafroc 2.1.3, tests of SsPowerGivenJK with the data of Van Dyke: ten readers, effect 0.043800322."""
    got = power_of(PILOT, readers=10, cases=cases, effect=0.043800322, to=to)
    assert got == pytest.approx(power, abs=1e-6)
    needed = smallest_study(PILOT, readers=10, effect=0.043800322, to=to)
    assert cases - 2 <= needed <= cases


def test_what_makes_a_study_larger():
    base = {"readers": 6, "effect": 0.05}
    needed = smallest_study(PILOT, **base)
    assert power_of(PILOT, cases=needed, **base) >= 0.8 > power_of(PILOT, cases=needed - 1, **base)
    assert smallest_study(PILOT, readers=6, effect=0.04) > needed
    assert smallest_study(PILOT, readers=6, effect=0.05, power=0.9) > needed
    assert smallest_study(PILOT, readers=6, effect=0.05, alpha=0.01) > needed
    assert smallest_study(PILOT, readers=9, effect=0.05) < needed
    assert smallest_study(PILOT, readers=2, effect=0.01) is None  # readers differ too much


@pytest.mark.parametrize("to", [RANDOM, FIXED_READERS, FIXED_CASES])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_a_difference_of_nothing_is_found_as_often_as_the_level_says(to, alpha):
    assert power_of(PILOT, readers=4, cases=50, effect=0.0, alpha=alpha, to=to) == pytest.approx(alpha, abs=1e-6)


def test_power_at_its_limits():
    """One reader does not say how much readers differ; where nothing is left to chance any difference is found."""
    for to in (RANDOM, FIXED_CASES):
        assert np.isnan(power_of(PILOT, readers=1, cases=100, effect=0.05, to=to))
    certain = Components(cases=100, reader=0.1, modality_reader=-0.01, error=0.02, cov1=0.02, cov2=0.01, cov3=0.01)
    for to in (RANDOM, FIXED_CASES, FIXED_READERS):
        assert power_of(certain, readers=2, cases=100, effect=0.001, to=to) == 1.0


@pytest.mark.parametrize("df2", [0.99e9, 1.01e9, 1e12, 1e16, 1e30])
@pytest.mark.parametrize("df1", [1, 3])
def test_the_tail_of_f_goes_over_into_its_limit(df1, df2):
    assert f_tail(2.5, df1, df2) == pytest.approx(chi2.sf(2.5 * df1, df1), rel=1e-4)
