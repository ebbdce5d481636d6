"""TensorFlow's augmentation that disturbs pixels or boxes in place: ranges and distribution by its formulas."""

import numpy as np
import pytest
from support.augmentation import Draws, labelled_image

from fractura.training.tensorflow_noise import RandomBlackPatches, RandomJitterBoxes, RandomPatchGaussian

BOX = np.array([100, 200, 180, 240], np.float32)  # 80 wide, 40 high, far from every border
MANY = 2000


def jittered(mode, ratio=0.2, box=BOX):
    x = labelled_image(500, 400, [box] * MANY)
    after = RandomJitterBoxes(ratio=ratio, jitter_mode=mode).apply(x, np.random.default_rng(0))
    assert after.image is x.image
    return after.boxes


@pytest.mark.parametrize(
    ("mode", "low", "high"),
    [
        ("default", -0.1, 0.1), ("expand", 0, 0.1), ("shrink", -0.1, 0),
        ("expand_symmetric", 0, 0.1), ("shrink_symmetric", -0.1, 0),
        ("expand_symmetric_xy", 0, 0.1), ("shrink_symmetric_xy", -0.1, 0),
    ],
)  # fmt: skip
def test_each_side_moves_evenly_within_half_the_ratio(mode, low, high):
    moved = (jittered(mode) - BOX) / np.array([-80, -40, 80, 40])
    assert moved.min() >= low - 1e-5
    assert moved.max() <= high + 1e-5
    assert moved.mean(axis=0) == pytest.approx([(low + high) / 2] * 4, abs=(high - low) / 30)
    assert moved.std(axis=0) == pytest.approx([(high - low) / 12**0.5] * 4, rel=0.05)
    together = np.eye(4)  # which sides move alike: none, opposite ones, or all
    if "symmetric" in mode:
        together = np.ones((4, 4)) if mode.endswith("_xy") else np.tile(np.eye(2), (2, 2))
    assert np.array_equal(np.abs(np.corrcoef(moved.T)) > 0.1, together.astype(bool))


def test_jittered_boxes_stay_on_the_image():
    at_the_corner = np.array([2, 3, 42, 63], np.float32)
    boxes = jittered("expand", 1.0, at_the_corner)
    assert boxes[:, :2].min() == 0
    boxes = jittered("expand_symmetric", 1.0, at_the_corner)
    assert boxes.min() >= 0
    np.testing.assert_allclose((boxes[:, :2] + boxes[:, 2:]) / 2, [[22, 33]] * MANY, rtol=1e-4)


def test_black_patches():
    x = labelled_image(40, 60, grey=True)
    x.image[x.image == 0] = 1
    option = RandomBlackPatches(max_black_patches=3)
    after = option.apply(x, Draws(0.4, 0.25, 0.5, 0.6, 0.5, 0.8, 0.0))  # the second try fails
    black = np.zeros((40, 60), bool)
    black[10:14, 30:34] = True
    black[32:36, 0:4] = True
    assert np.array_equal((after.image == 0).all(axis=2), black)
    assert np.array_equal(after.image[~black], x.image[~black])


def test_how_many_black_patches():
    x = labelled_image(100, 100)
    x.image[:] = 255
    option, generator = RandomBlackPatches(size_to_image_ratio=0.01), np.random.default_rng(0)
    counts = [(option.apply(x, generator).image == 0).all(axis=2).sum() for _ in range(500)]
    assert np.mean(counts) == pytest.approx(5, abs=0.3)
    assert np.var(counts) == pytest.approx(2.5, rel=0.2)


@pytest.mark.parametrize(
    ("size", "y", "x", "rows", "columns"),
    [
        (5, 20, 30, (18, 23), (28, 33)),
        (4, 20, 30, (18, 22), (28, 32)),
        (30, 0, 59, (0, 15), (44, 60)),
        (1, 7, 9, (7, 8), (9, 10)),
    ],
)
def test_noise_inside_the_patch_only(size, y, x, rows, columns):
    class Fixed(Draws):
        def standard_normal(self, shape, dtype):
            return np.ones(shape, dtype)

    sample = labelled_image(40, 60)
    after = RandomPatchGaussian().apply(sample, Fixed(0.5, size, 0.1, y, x)).image
    expected = sample.image.astype(np.float32)
    patch = expected[slice(*rows), slice(*columns)]
    patch[:] = np.minimum(patch + 25.5, 255)
    assert np.abs(after - expected).max() < 1e-3


def test_strength_of_the_noise():
    sample = labelled_image(80, 80)
    sample.image[:] = 128
    option = RandomPatchGaussian(
        min_patch_size=400, max_patch_size=401, min_gaussian_stddev=0.1, max_gaussian_stddev=0.1
    )
    after = option.apply(sample, np.random.default_rng(0)).image - 128
    assert after.std() == pytest.approx(25.5, rel=0.03)
    assert abs(np.corrcoef(after[..., 0].ravel(), after[..., 1].ravel())[0, 1]) < 0.05  # each channel has its own
    assert RandomPatchGaussian(random_coef=0.3).apply(sample, Draws(0.29)) is sample
