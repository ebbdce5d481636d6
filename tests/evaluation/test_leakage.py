"""Images that had a part in making a model: how many there are, and what is said of them."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.format_images import make_dataset

from fractura.core.errors import DataError
from fractura.core.model_card import ModelCard
from fractura.evaluation.leakage import Leakage, fingerprint_of, refuse_trained_images


@pytest.fixture
def images(tmp_path):
    return make_dataset(tmp_path, 6)


def part(images, start, end):
    return replace(images, records=images.records[start:end])


def card(**more):
    return ModelCard(name="m", architecture={"name": "m"}, class_names=("a",), **more)


def counts(card, images):
    found = Leakage.of(card, images)
    assert found.to_dict() == vars(found)
    return found.images, found.trained, found.validated, found.threshold


def test_images_are_counted_for_each_part_they_had(images):
    """Six images: 0 to 3 were trained on, 3 and 4 chose the state; 2, 3, 4 are measured on."""
    data = {"train": part(images, 0, 4).describe(), "val": part(images, 3, 5).describe()}
    assert counts(card(data=data), part(images, 2, 5)) == (3, 2, 2, 2)
    # Without a card's word of them, the images that chose the state chose the threshold; else those it names.
    other = part(images, 4, 6)
    named = card(data={**data, "threshold": other.describe()}, threshold_data=other.fingerprint())
    assert counts(named, part(images, 2, 5)) == (3, 2, 2, 1)
    # Of these the card has nothing but the fingerprint: other images cannot be told from them.
    assert counts(card(data=data, threshold_data="0" * 64), part(images, 2, 5)) == (3, 2, 2, None)
    assert counts(card(data=data, threshold_data=part(images, 2, 5).fingerprint()), part(images, 2, 5)) == (3, 2, 2, 3)


def test_what_a_card_does_not_tell_is_not_known_and_what_there_was_not_is_none(images):
    assert counts(card(), images) == (6, None, None, None)
    assert counts(card(data={"train": part(images, 0, 1).describe(), "val": None}), images) == (6, 1, 0, 0)


def test_fingerprints_of_parts(images):
    told = card(data={"train": images.describe(), "val": None, "threshold": {"fingerprint": 7}})
    assert fingerprint_of(told, "train") == images.fingerprint()
    assert [fingerprint_of(told, each) for each in ("val", "threshold", "test")] == [None] * 3


def test_no_threshold_is_chosen_on_images_of_the_training(images):
    trained = card(data={"train": part(images, 0, 2).describe()})
    refuse_trained_images(trained, part(images, 2, 6), Path("set"))
    refuse_trained_images(card(), images, Path("set"))
    with pytest.raises(DataError, match="the model was trained on 1 of these 5 images") as caught:
        refuse_trained_images(trained, part(images, 1, 6), Path("set"))
    assert caught.value.file == "set"
    assert "fractura split" in caught.value.hint


TRAINED = "{} of 9 images were trained on: metrics on images that the model has not seen will be worse."
CHOSE = "{} of 9 images chose {}: metrics on other images will be worse. "
UNKNOWN = "Whether any of these images was trained on or chose the model's final state is not known: its card lists no"


@pytest.mark.parametrize(
    ("trained", "validated", "threshold", "own", "calibrated", "said"),
    [
        (0, 0, 0, True, True, []),
        (None, 0, 0, True, True, []),
        (0, None, 0, True, True, []),
        (None, None, None, True, True, [UNKNOWN]),
        (1, 0, 0, True, True, [TRAINED.format(1)]),
        (0, 2, 0, True, True, [CHOSE.format(2, "the model's final state")]),
        (0, 0, 3, True, True, [CHOSE.format(3, "the threshold and the calibration")]),
        (0, 0, 3, True, False, [CHOSE.format(3, "the threshold")]),
        (0, 0, 3, False, True, [CHOSE.format(3, "the calibration")]),
        (0, 0, 3, False, False, []),
        (0, 3, 3, True, True, [CHOSE.format(3, "the threshold and the calibration and the model's final state")]),
        (
            4,
            2,
            3,
            True,
            False,
            [TRAINED.format(4), CHOSE.format(3, "the threshold"), CHOSE.format(2, "the model's final state")],
        ),
    ],
)
def test_what_readers_must_know(trained, validated, threshold, own, calibrated, said):
    leakage = Leakage(images=9, trained=trained, validated=validated, threshold=threshold)
    found = [str(each) for each in leakage.warnings(own_threshold=own, calibrated=calibrated)]
    assert len(found) == len(said)
    assert all(each.startswith(start) for each, start in zip(found, said, strict=True))
