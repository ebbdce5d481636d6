"""From scores to probabilities."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from support.evaluation_images import dataset, detections, image, random_case

from fractura.core.errors import DataError, ModelError
from fractura.core.model_card import ModelCard
from fractura.evaluation import evaluate
from fractura.evaluation.calibration import (
    Calibrator,
    _fit_isotonic,
    bins_of,
    calibration_detections,
    cross_fitted_errors,
    fit_calibrator,
    reliability,
    wilson,
)
from fractura.evaluation.table import build_table

BOX = [10, 10, 60, 60]
FAR = (100, 100, 150, 150)


def boastful(images=400, seed=0):
    """Detections that are right half as often as their score says."""
    random = np.random.default_rng(seed)
    records, predictions = [], []
    for index in range(images):
        score = random.uniform(0.1, 1)
        right = random.random() < score / 2
        records.append(image([BOX] if right else [], name=str(index)))
        predictions.append(detections((*BOX, score)))
    return dataset(*records), predictions


def card(calibration):
    return ModelCard(name="a", architecture={"name": "b"}, class_names=("c",), calibration=calibration)


@pytest.mark.parametrize("method", ["isotonic", "temperature"])
def test_it_mends_what_boasts_on_other_images(method):
    calibrator = fit_calibrator(build_table(*boastful(seed=1)), method)
    raw = evaluate(*boastful(seed=2), details=False)
    mended = evaluate(*boastful(seed=2), calibrator=calibrator, details=False)
    assert (raw.calibrated, mended.calibrated) == (False, True)
    for key in ("detection_ece", "image_ece", "detection_brier", "image_brier"):
        assert mended.value(key) < raw.value(key), key
    assert mended.value("AP50") == raw.value("AP50")
    if method == "isotonic":
        assert calibrator.detections([0.8])[0] == pytest.approx(0.4, abs=0.1)
        assert mended.value("detection_ece") < 0.5 * raw.value("detection_ece")


@pytest.mark.parametrize("method", ["isotonic", "temperature"])
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 50), scores=st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_it_never_falls_and_stays_inside(method, seed, scores):
    calibrator = fit_calibrator(build_table(*random_case(seed % 5, images=30)), method)
    for apply in (calibrator.detections, calibrator.images):
        values = apply(np.sort(scores))
        assert (np.diff(values) >= -1e-12).all()
        assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize("method", ["isotonic", "temperature"])
def test_it_goes_through_the_card(method):
    calibrator = fit_calibrator(build_table(*boastful()), method)
    again = Calibrator.from_card(ModelCard.from_json(card(calibrator.to_dict()).to_json()), ("whole",))
    scores = np.linspace(0, 1, 50)
    assert again.detections(scores).tolist() == calibrator.detections(scores).tolist()
    assert again.images(scores).tolist() == calibrator.images(scores).tolist()
    assert Calibrator.from_card(card(None), ("whole",)) is None
    assert Calibrator.from_card(card(calibrator.to_dict()), ("whole", "flipped")) is None
    json.dumps(calibrator.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    "broken",
    [
        {"method": "isotonic"},
        {"method": "magic", "detection": {}, "image": {}},
        {"method": "temperature", "detection": {"temperature": 0}, "image": {"temperature": 1}},
        {"method": "temperature", "detection": {"temperature": -2}, "image": {"temperature": 1}},
        {"method": "isotonic", "detection": {"x": [0, 1], "y": [1, 0]}, "image": {"x": [0, 1], "y": [0, 1]}},
        {"method": "isotonic", "detection": {"x": [0, 1], "y": [0, 2]}, "image": {"x": [0, 1], "y": [0, 1]}},
        {"method": "isotonic", "detection": {"x": [0, 1], "y": [0]}, "image": {"x": [0, 1], "y": [0, 1]}},
    ],
)
def test_a_broken_card_is_an_error(broken):
    with pytest.raises(ModelError, match="calibration"):
        Calibrator.from_card(card(broken), ("whole",))


@pytest.mark.parametrize("seed", range(20))
def test_isotonic_equals_scikit_learn(seed):
    draw = np.random.default_rng(seed)
    number = draw.integers(1, 60)
    scores = np.round(draw.random(number), draw.integers(1, 6))  # some of them equal
    right = (draw.random(number) < scores).astype(np.float64)
    edge = 1 / (number + 2)
    wanted = IsotonicRegression(y_min=edge, y_max=1 - edge).fit(scores, right)
    found = _fit_isotonic(scores, right)
    np.testing.assert_array_equal(found["x"], wanted.X_thresholds_)
    np.testing.assert_allclose(found["y"], wanted.y_thresholds_, rtol=1e-12)


def test_isotonic_says_neither_never_nor_always():
    data = dataset(image([BOX]), image(name="b"))
    calibrator = fit_calibrator(build_table(data, [detections((*BOX, 0.9)), detections((*FAR, 0.1))]), "isotonic")
    assert calibrator.images([0, 1]).tolist() == [0.25, 0.75]


@pytest.mark.parametrize("method", ["isotonic", "temperature"])
def test_what_it_is_worth_on_other_images(method):
    errors = cross_fitted_errors(build_table(*boastful(seed=1)), method)
    for before, after in errors.values():
        assert 0 < after < before
    # scores that know nothing: fitted on the images themselves nothing seems wrong, on others the ground truth comes
    # out
    random = np.random.default_rng(0)
    blind = [detections((*BOX, score)) for score in random.random(60)]
    data = dataset(*[image([BOX] if index % 2 else [], name=str(index)) for index in range(60)])
    table = build_table(data, blind)
    seeming = evaluate(data, blind, calibrator=fit_calibrator(table, "isotonic"), details=False).value("image_ece")
    assert seeming < 0.01 < cross_fitted_errors(table, "isotonic")["image"][1]
    with pytest.raises(DataError):
        cross_fitted_errors(build_table(dataset(image([BOX])), [detections((*BOX, 0.5))]), method)


@pytest.mark.parametrize("found", [detections(), detections((*BOX, 0.9))])
def test_one_kind_of_image_or_detection_is_not_enough(found):
    with pytest.raises(DataError, match="needs both"):
        fit_calibrator(build_table(dataset(image([BOX])), [found]), "isotonic")


def test_bins_hold_about_as_many_each_and_equal_values_share_one():
    bins = bins_of(np.arange(100) / 100)
    assert np.bincount(bins).tolist() == [10] * 10
    ties = np.array([0.0] * 50 + [0.5, 0.6])
    assert len(set(bins_of(ties)[:50])) == 1
    assert bins_of(np.zeros(0)).tolist() == []


def test_reliability_by_hand():
    curve = reliability(np.array([0.2] * 4 + [0.8] * 4), np.array([0, 0, 0, 1, 1, 1, 1, 0], dtype=float))
    assert curve["score"] == pytest.approx([0.2, 0.8])
    assert curve["observed"] == [0.25, 0.75]
    assert curve["count"] == [4, 4]
    assert curve["low"][0] < 0.25 < curve["high"][0]


def test_wilson_by_hand():
    # 5 of 10: 0.2366 to 0.7634 (Newcombe, Stat. Med. 1998;17:857-872, method 3)
    low, high = wilson(np.array([0.5]), np.array([10.0]))
    assert (low[0], high[0]) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))


def test_faint_and_left_out_detections_do_not_count():
    data = dataset(image([BOX, FAR], difficult=[False, True]))
    scores, right, images = calibration_detections(
        build_table(data, [detections((*BOX, 0.9), (*FAR, 0.8), (0, 0, 5, 5, 0.01))])
    )
    assert (scores.tolist(), right.tolist(), images.tolist()) == ([pytest.approx(0.9)], [1], [0])
