"""Agreement of many readers against published examples, statsmodels, and Krippendorff's coincidences by hand."""

import numpy as np
import pytest
from statsmodels.stats.inter_rater import fleiss_kappa
from support.evaluation_images import dataset, image

from fractura.evaluation.comparison import cohen_kappa
from fractura.evaluation.panel import COEFFICIENTS, NOT_READ, Coefficients, count_categories, panel_of, reader_tests

BOX = [10, 10, 60, 60]


def coefficients(counts):
    return dict(zip(COEFFICIENTS, Coefficients(np.array(counts)).of(np.ones(len(counts))), strict=True))


def test_four_readers_of_twelve_units():
    """Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011 (nominal data, several observers, values missing):
    alpha 0.743. Of the same table Gwet, Handbook of Inter-Rater Reliability, 2014 (cac.raw4raters of his package
    irrCAC): Fleiss' kappa 0.761, AC1 0.775, agreement 0.818."""
    table = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    ratings = np.array([[NOT_READ if cell is None else cell - 1 for cell in row] for row in table])
    got = coefficients(count_categories(ratings, 5))
    expected = {"percent_agreement": 0.818, "fleiss_kappa": 0.761, "krippendorff_alpha": 0.743, "gwet_ac1": 0.775}
    assert {key: round(float(value), 3) for key, value in got.items()} == expected


def test_fleiss_of_fourteen_readers():
    """Wikipedia, Fleiss' kappa, worked example: 14 readers, 10 subjects, 5 categories; kappa 0.210."""
    counts = [
        *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
        *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
    ]
    got = coefficients(counts)
    assert round(float(got["fleiss_kappa"]), 3) == 0.210
    assert got["fleiss_kappa"] == pytest.approx(fleiss_kappa(np.array(counts), method="fleiss"))


@pytest.mark.parametrize("seed", range(5))
def test_fleiss_equals_statsmodels(seed):
    random = np.random.default_rng(seed)
    counts = random.multinomial(5, [0.5, 0.3, 0.2], size=20)
    assert coefficients(counts)["fleiss_kappa"] == pytest.approx(fleiss_kappa(counts, method="fleiss"))


def alpha_of_pairs(ratings):
    """Krippendorff's alpha from its definition: disagreement within units over that of all values."""
    within, values = [], []
    for unit in ratings.T:
        rated = unit[unit != NOT_READ]
        if len(rated) > 1:
            differ = (rated[:, None] != rated[None, :]).sum()
            within.append(differ / (len(rated) - 1))
            values += rated.tolist()
    values = np.array(values)
    expected = (values[:, None] != values[None, :]).sum() / (len(values) * (len(values) - 1))
    return 1 - (sum(within) / len(values)) / expected


def gwet_of_pairs(ratings, categories):
    """AC1 from its definition, one pair of readers of one image after the other."""
    agreed = [
        np.mean([one == other for place, one in enumerate(unit) for other in np.delete(unit, place)])
        for unit in (column[column != NOT_READ] for column in ratings.T)
        if len(unit) > 1
    ]
    shares = [
        np.mean([np.mean(column[column != NOT_READ] == kind) for column in ratings.T if (column != NOT_READ).any()])
        for kind in range(categories)
    ]
    by_chance = sum(share * (1 - share) for share in shares) / (categories - 1)
    return (np.mean(agreed) - by_chance) / (1 - by_chance)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_and_ac1_equal_their_definitions(seed):
    random = np.random.default_rng(seed)
    ratings = random.integers(NOT_READ, 3, (4, 25))
    got = coefficients(count_categories(ratings, 3))
    assert got["krippendorff_alpha"] == pytest.approx(alpha_of_pairs(ratings))
    assert got["gwet_ac1"] == pytest.approx(gwet_of_pairs(ratings, 3))


def test_weights_are_numbers_of_images():
    random = np.random.default_rng(1)
    counts, weights = random.multinomial(3, [0.5, 0.5], size=12), random.integers(0, 3, 12)
    repeated = Coefficients(np.repeat(counts, weights, axis=0))
    np.testing.assert_allclose(Coefficients(counts).of(weights.astype(float)), repeated.of(np.ones(weights.sum())))


def readers(*drawn):
    """By reader, which of the images a, b, c, … have a box; None: not read."""
    return {
        f"reader {number}": dataset(
            *[
                image([BOX] if yes else [], name=name)
                for name, yes in zip("abcdef", row, strict=False)
                if yes is not None
            ]
        )
        for number, row in enumerate(drawn, start=1)
    }


def test_a_panel_by_hand():
    three = readers([1, 1, 0, 0, None], [1, 0, 0, 0, 1], [1, 1, 0, 1, 1])
    panel = panel_of(three, rounds=40, seed=0)
    assert (panel.readers, panel.images) == (("reader 1", "reader 2", "reader 3"), 5)
    assert panel.yes == (1, 1, 1, 1)  # of the four images that all have read
    assert panel.metrics["percent_agreement"].value == pytest.approx((1 + 1 / 3 + 1 + 1 / 3 + 1) / 5)
    assert panel.metrics["gwet_ac1"].low <= panel.metrics["gwet_ac1"].value <= panel.metrics["gwet_ac1"].high
    assert panel.metrics["fleiss_kappa"].count == 5


def test_readers_who_say_one_thing_only():
    panel = panel_of(readers([1, 1], [1, 1]), rounds=5, seed=0)
    assert panel.metrics["percent_agreement"].value == 1
    assert panel.metrics["fleiss_kappa"].value is None
    assert panel.metrics["krippendorff_alpha"].value is None
    assert panel.metrics["gwet_ac1"].value == 1  # the paradox of kappa that AC1 was made for


def test_two_readers_with_equal_margins_have_cohens_kappa():
    first, second = [1, 1, 0, 0, 1, 0], [1, 0, 1, 0, 1, 0]
    panel = panel_of(readers(first, second), rounds=0, seed=0)
    expected = cohen_kappa(np.array(first, bool), np.array(second, bool), np.ones(6))
    assert panel.metrics["fleiss_kappa"].value == pytest.approx(expected)


def test_readers_against_a_reference():
    reference = readers([1, 1, 1, 0, 0, 0])["reader 1"]
    two = readers([1, 1, 1, 0, 1, 0], [1, 0, 0, 0, 0, None])
    sensitivity, specificity = reader_tests(two, reference)
    assert (sensitivity.metric, sensitivity.test.both, sensitivity.test.first, sensitivity.test.second) == (
        *("image_sensitivity", 1, 2, 0),
    )
    assert (specificity.test.both, specificity.test.first, specificity.test.second) == (1, 0, 1)
    assert sensitivity.test.p_exact == 0.5
    assert sensitivity.test.p_holm == 1.0
