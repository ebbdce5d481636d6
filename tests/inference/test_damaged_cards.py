"""Cards that are valid and hold nonsense where anything may stand: what is shown of them is left out, not a crash."""

import pytest
from support.tiny_models import CARD

from fractura.core.calibrator import Calibrator
from fractura.core.errors import ModelError
from fractura.core.model_card import read_card, write_card
from fractura.evaluation import MAIN_CRITERION
from fractura.inference.answer import measured_sensitivity
from fractura.inference.domain import Domain
from fractura.inference.settings import DetectionSettings
from fractura.web.operating_points import operating_points

DIGESTS = {"image_digests": "aa bb", "fingerprint": "f"}


def card(**changes):
    return CARD.model_copy(update=changes)


@pytest.mark.parametrize(
    ("start", "digests"),
    [("x", "aa bb"), ([], "aa bb"), ({}, "aa bb"), ({"image_digests": "cc"}, "aa bb cc"), (None, "aa bb")],
)
def test_what_it_started_from(start, digests):
    assert card(data={"train": DIGESTS, "start": start}).trained_on["image_digests"] == digests


@pytest.mark.parametrize(
    ("value", "wanted"), [("x", None), (None, None), ([], None), (10**400, None), (0.5, 0.5), (1, 1.0)]
)
def test_the_measured_sensitivity(value, wanted):
    measured = {"threshold": 0.4, "metrics": {"image_sensitivity": {"value": value, "low": "x", "count": "many"}}}
    found = measured_sensitivity(card(metrics={"validation": measured}), DetectionSettings.of(CARD))
    assert found == (None if wanted is None else {"value": wanted, "low": None, "high": None, "images": 0})


@pytest.mark.parametrize(("threshold", "points"), [(0.5, 1), ("WRIST", 0), (None, 0), ([], 0)])
def test_operating_points(threshold, points):
    curve = {"threshold": [threshold], "sensitivity": [0.9], "false_positives_per_image": [0.1]}
    metrics = {"validation": {"curves": {"froc": {MAIN_CRITERION: curve}}}}
    assert len(operating_points(card(metrics=metrics))) == points


def test_numbers_beyond_those_of_the_computer():
    huge = 10**400
    calibration = {"method": "temperature", "detection": {"temperature": huge}, "image": {"temperature": 1}}
    with pytest.raises(ModelError, match="the calibration on the model card cannot be read"):
        Calibrator.from_card(card(calibration=calibration), CARD.views)
    with pytest.raises(ModelError, match="the domain on the model card cannot be read"):
        Domain.from_card(card(domain={"body_parts": [], "mean": [huge], "whitening": [[1]], "threshold": 1}))


def test_half_a_character_comes_back(tmp_path):
    write_card(card(versions={"fractura": "a\ud800"}), tmp_path)
    assert read_card(tmp_path).versions == {"fractura": "a\ud800"}
