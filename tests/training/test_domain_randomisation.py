"""Options that change the style of an image: boxes stay, frames cover none, nothing reveals which images have boxes."""

import numpy as np
import pytest

from fractura.training.augmentation import PRESETS, augment
from fractura.training.domain_randomisation import (
    RandomCollimation,
    RandomJpeg,
    RandomSharpness,
    RandomStamps,
    RandomToneCurve,
)
from fractura.training.transform import LabelledImage

SURE = [
    RandomToneCurve(probability=1, inversion=0),
    RandomSharpness(probability=1),
    RandomJpeg(probability=1),
    RandomCollimation(probability=1),
    RandomStamps(probability=1),
]
NEVER = [type(option)(probability=0) for option in SURE if not isinstance(option, RandomToneCurve)]
NEVER.append(RandomToneCurve(probability=0, inversion=0))


def sample(boxes=((30.0, 20.0, 60.0, 70.0),), width=120, height=100):
    ramp = np.linspace(30, 220, width)[None, :] + 20 * np.sin(np.arange(height) / 3)[:, None]
    image = np.repeat(ramp.round().astype(np.uint8)[:, :, None], 3, axis=2)
    return LabelledImage(image, np.array(boxes, np.float32).reshape(-1, 4), np.zeros(len(boxes), np.int64))


@pytest.mark.parametrize("option", SURE, ids=repr)
def test_grey_levels_change_and_boxes_stay(option):
    before = sample()
    after = augment(before, [option], [7])
    assert after.image.dtype == np.uint8
    assert after.image.shape == before.image.shape
    assert not np.array_equal(after.image, before.image)
    assert np.array_equal(after.boxes, before.boxes)
    assert (after.image == after.image[:, :, :1]).all() or isinstance(option, RandomJpeg)
    assert np.array_equal(augment(before, [option], [7]).image, after.image)
    assert not np.array_equal(augment(before, [option], [8]).image, after.image)


@pytest.mark.parametrize("option", NEVER, ids=repr)
def test_probability_zero_changes_nothing(option):
    assert np.array_equal(augment(sample(), [option], [3]).image, sample().image)


def test_tone_curves_rise_from_black_to_white():
    steps = LabelledImage(
        np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2), np.zeros((0, 4), np.float32), np.zeros(0)
    )
    for seed in range(20):
        levels = augment(steps, [SURE[0]], [seed]).image[0, :, 0].astype(int)
        assert (np.diff(levels) >= 0).all()
        assert levels[0] == 0
        assert levels[-1] == 255


def test_a_negative_is_one():
    after = augment(sample(), [RandomToneCurve(probability=0, inversion=1)], [1])
    assert np.array_equal(after.image, 255 - sample().image)


def test_frames_cover_no_box_and_reach_in_elsewhere():
    covered = 0
    for seed in range(60):
        before = sample(((2.0, 3.0, 40.0, 60.0), (70.0, 30.0, 118.0, 97.0)))
        after = augment(before, [RandomCollimation(probability=1)], [seed])
        changed = (after.image != before.image).any(axis=2)
        for left, top, right, bottom in before.boxes.astype(int):
            assert not changed[top:bottom, left:right].any(), seed
        alone = sample(())
        covered += (augment(alone, [RandomCollimation(probability=1)], [seed]).image != alone.image).any()
    assert covered > 40


def test_blur_softens_and_sharpening_hardens():
    def roughness(image):
        return float(np.abs(np.diff(image[:, :, 0].astype(float), axis=0)).mean())

    found = [
        roughness(augment(sample(), [RandomSharpness(probability=1)], [seed]).image) / roughness(sample().image)
        for seed in range(40)
    ]
    assert min(found) < 0.95
    assert max(found) > 1.05


def test_stamps_do_not_care_where_boxes_are():
    with_boxes, without = sample(), sample(())
    for seed in range(10):
        changed = [
            np.argwhere((augment(each, [SURE[4]], [seed]).image != each.image).any(axis=2))
            for each in (with_boxes, without)
        ]
        assert np.array_equal(*changed)


def test_the_preset_keeps_most_boxes():
    kept = sum(len(augment(sample(), PRESETS["randomised"], [seed]).boxes) for seed in range(60))
    assert kept >= 50
