from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from support.augmentation import labelled_image

from fractura.training.augmentation import (
    PRESETS,
    LabelledImage,
    NamedOption,
    RandomAffine,
    RandomCropAroundBox,
    RandomExposure,
    RandomHorizontalFlip,
    RandomNoise,
    RandomVerticalFlip,
    apply_affine,
    augment,
)

SIDE = 120


def image_with(box, shape="ellipse", width=SIDE, height=100):
    """Black image, white rectangle or ellipse that fills ``box`` exactly."""
    left, top, right, bottom = box
    ys, xs = np.mgrid[0:height, 0:width] + 0.5
    if shape == "rectangle":
        inside = (xs > left) & (xs < right) & (ys > top) & (ys < bottom)
    else:
        across, down = (
            (xs - (left + right) / 2) / ((right - left) / 2),
            (ys - (top + bottom) / 2) / ((bottom - top) / 2),
        )
        inside = across**2 + down**2 <= 1
    image = np.repeat((inside * np.uint8(255))[:, :, None], 3, axis=2)
    return LabelledImage(image, np.array([box], dtype=np.float32), np.array([3], dtype=np.int64))


def bright_box(image, level=128):
    ys, xs = np.nonzero(image[:, :, 0] >= level)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], dtype=float)


TIGHT_CROP = RandomCropAroundBox(probability=1, size=(0.1, 0.3))
"""Smaller than the box: grows to it."""

OPTIONS = [
    RandomHorizontalFlip(probability=1),
    RandomVerticalFlip(probability=1),
    RandomAffine(rotation_degrees=0),
    RandomAffine(rotation_degrees=40),
    RandomAffine(rotation_degrees=180, scale=(0.5, 2)),
    RandomCropAroundBox(probability=1),
    TIGHT_CROP,
]


@pytest.mark.parametrize("option", OPTIONS, ids=repr)
def test_the_box_goes_where_the_pixels_go(option):
    seen = 0
    for seed in range(40):
        before = image_with((50, 30, 80, 52))
        after = augment(before, [option], [seed])
        assert len(after.boxes) + after.dropped == 1
        if not len(after.boxes):
            continue
        box = after.boxes[0]
        inner = (box[:2] > 1).all() and box[2] < after.width - 1 and box[3] < after.height - 1
        found = bright_box(after.image)
        assert (found[:2] >= box[:2] - 1.3).all(), (seed, found, box)
        assert (found[2:] <= box[2:] + 1.3).all(), (seed, found, box)
        if inner:  # nothing cut off: the box is tight too
            assert np.abs(found - box).max() <= 1.6, (seed, found, box)
            seen += 1
        assert after.labels.tolist() == [3]
    if option != TIGHT_CROP:
        assert seen >= 10


@pytest.mark.parametrize("option", OPTIONS[:3], ids=repr)
def test_unrotated_rectangles_stay_exact(option):
    for seed in range(20):
        after = augment(image_with((50, 30, 80, 52), "rectangle"), [option], [seed])
        assert np.abs(bright_box(after.image) - after.boxes[0]).max() <= 1.01


def test_rotated_boxes_are_tighter_than_their_corners():
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([65.0, 41.0])
    after = apply_affine(image_with((50, 30, 80, 52)), turn, centre - turn @ centre, 0.4)
    width, height = after.boxes[0, 2:] - after.boxes[0, :2]
    assert width == pytest.approx(2 * np.hypot(15 * np.cos(angle), 11 * np.sin(angle)), abs=1e-4)
    assert height == pytest.approx(2 * np.hypot(15 * np.sin(angle), 11 * np.cos(angle)), abs=1e-4)
    assert width < 30 * np.cos(angle) + 22 * np.sin(angle) - 4


def test_quarter_turn_is_exact():
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])
    before = image_with((40, 20, 60, 30), "rectangle", 100, 100)
    after = apply_affine(before, quarter, np.array([100.0, 0.0]), 0.4)
    assert after.boxes[0].tolist() == [70, 40, 80, 60]
    assert np.array_equal(after.image, np.rot90(before.image, -1))


@pytest.mark.parametrize("option", [kind() for kind in get_args(get_args(NamedOption)[0])], ids=lambda o: o.name)
def test_weights_stay_with_their_boxes(option):
    grid = [(x, y, x + 9, y + 9) for x in range(0, 60, 10) for y in range(0, 40, 10)]
    before = labelled_image(40, 60, grid)
    before = replace(before, weights=before.labels.astype(np.float32) / 10)
    for seed in range(5):
        after = augment(before, [option], [seed])
        assert after.weights.tolist() == (after.labels.astype(np.float32) / 10).tolist()
        assert len(after.boxes) + after.dropped == len(grid)


def test_what_lies_outside_is_black():
    after = apply_affine(image_with((0, 0, 120, 100), "rectangle"), np.eye(2), np.array([30.0, 0.0]), 0.1)
    assert (after.image[:, :29] == 0).all()
    assert (after.image[:, 31:] == 255).all()
    assert after.boxes[0].tolist() == [30, 0, 120, 100]


@pytest.mark.parametrize(
    ("shift", "kept"),
    [((-60, 0), 1), ((-62, 0), 0), ((0, -200), 0), ((500, 500), 0), ((0, 0), 1)],
)
def test_boxes_that_leave_are_dropped_and_counted(shift, kept):
    after = apply_affine(image_with((50, 30, 70, 52)), np.eye(2), np.array(shift, dtype=float), 0.5)
    assert (len(after.boxes), len(after.labels), after.dropped) == (kept, kept, 1 - kept)


def test_boxes_that_collapse_are_dropped():
    after = apply_affine(image_with((50, 30, 70, 52)), np.eye(2) * 0.05, np.zeros(2), 0.0)
    assert (len(after.boxes), after.dropped) == (0, 1)


def test_crop_keeps_its_box_whole_and_cuts_negatives_too():
    sizes = set()
    for seed in range(50):
        after = augment(image_with((50, 30, 80, 52)), [RandomCropAroundBox(probability=1)], [seed])
        assert (after.boxes[0, 2:] - after.boxes[0, :2]).tolist() == [30, 22]
        empty = LabelledImage(image_with((50, 30, 80, 52)).image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
        cut = augment(empty, [RandomCropAroundBox(probability=1)], [seed])
        assert len(cut.boxes) == cut.dropped == 0
        assert cut.image.shape == after.image.shape
        sizes.add(cut.image.shape)
    assert len(sizes) > 20


def test_exposure_keeps_order_of_grey_levels_and_boxes():
    image = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    radiograph = LabelledImage(image, np.array([[1, 0, 9, 1]], np.float32), np.zeros(1, np.int64))
    changed = 0
    for seed in range(20):
        after = augment(radiograph, [RandomExposure()], [seed])
        assert (np.diff(after.image[0, :, 0].astype(int)) >= 0).all()
        assert np.array_equal(after.boxes, radiograph.boxes)
        changed += not np.array_equal(after.image, image)
    assert changed == 20
    assert np.array_equal(augment(radiograph, [RandomExposure(brightness=0, contrast=1, gamma=1)], [1]).image, image)


def test_noise_is_the_same_in_all_channels():
    radiograph = LabelledImage(np.full((50, 50, 3), 128, np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    after = augment(radiograph, [RandomNoise(probability=1, deviation=20)], [4])
    assert 1 < after.image.std() < 25
    assert (after.image == after.image[:, :, :1]).all()


def test_same_seed_same_image_other_seed_other_image():
    radiograph = image_with((50, 30, 80, 52))
    options = (*PRESETS["image_with_crops"], RandomNoise(probability=1))
    first, again, other = (augment(radiograph, options, seed) for seed in ([7, 3, 1], [7, 3, 1], [7, 3, 2]))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.boxes, again.boxes)
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("option", [*OPTIONS, RandomExposure(), RandomNoise(probability=1)], ids=repr)
def test_images_without_boxes_and_inputs_are_left_whole(option):
    radiograph = image_with((50, 30, 80, 52))
    image, boxes = radiograph.image.copy(), radiograph.boxes.copy()
    augment(radiograph, [option], [0])
    assert np.array_equal(radiograph.image, image)
    assert np.array_equal(radiograph.boxes, boxes)
    empty = LabelledImage(image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    after = augment(empty, [option], [0])
    assert after.boxes.shape == (0, 4)
    assert after.dropped == 0
