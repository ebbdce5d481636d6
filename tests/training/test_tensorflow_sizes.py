"""TensorFlow's augmentation that changes sizes: by its formulas everywhere, beside TensorFlow's own operations."""

import numpy as np
import pytest
from pydantic import ValidationError
from support.augmentation import Draws, labelled_image

from fractura.training.tensorflow_sizes import (
    RandomAbsolutePadImage,
    RandomImageScale,
    RandomPadImage,
    RandomScaleCropAndPadToSquare,
    resize_bilinear,
)


def test_scale_of_image_and_boxes():
    x = labelled_image(40, 60, [[6, 8, 30, 20]])
    scaled = RandomImageScale().apply(x, Draws(0.517))
    assert scaled.image.shape == (20, 31, 3)  # 20.68 and 31.02, cut off
    np.testing.assert_allclose(scaled.boxes, [[6 * 31 / 60, 8 / 2, 30 * 31 / 60, 10]], rtol=1e-6)
    corners = np.ix_([0, -1], [0, -1])
    assert np.array_equal(scaled.image[corners], x.image[corners].astype(np.float32))


def test_scales_are_even_between_their_limits():
    generator, x = np.random.default_rng(0), labelled_image(100, 10)
    heights = [RandomImageScale().apply(x, generator).image.shape[0] for _ in range(400)]
    assert (min(heights), max(heights)) >= (50, 195)
    assert max(heights) < 200
    assert np.mean(heights) == pytest.approx(125, abs=8)


@pytest.mark.parametrize(
    ("option", "draws", "size", "place"),
    [
        (RandomPadImage(), (50, 70, 3, 4), (50, 70), (3, 4)),
        (RandomPadImage(), (40, 60), (40, 60), (0, 0)),  # no room: no place to draw
        (RandomPadImage(min_image_height=45, min_image_width=50), (45, 60, 4), (45, 60), (4, 0)),
        (RandomPadImage(max_image_height=0, max_image_width=90), (89, 28), (40, 89), (0, 28)),
        (RandomPadImage(min_image_height=70, min_image_width=70, max_image_height=50, max_image_width=50), (9,),
         (50, 60), (9, 0)),
        (RandomAbsolutePadImage(max_height_padding=5), (44, 60, 2), (44, 60), (2, 0)),
        (RandomAbsolutePadImage(max_width_padding=5), (40, 64, 3), (40, 64), (0, 3)),
    ],
)  # fmt: skip
def test_padding(option, draws, size, place):
    x = labelled_image(40, 60, [[6, 8, 30, 20]])
    padded = option.apply(x, Draws(*draws))
    top, left = place
    assert padded.image.shape == (*size, 3)
    assert np.array_equal(padded.image[top : top + 40, left : left + 60], x.image.astype(np.float32))
    assert padded.boxes.tolist() == [[6 + left, 8 + top, 30 + left, 20 + top]]
    around = np.ones(size, bool)
    around[top : top + 40, left : left + 60] = False
    assert np.abs(padded.image[around] - x.image.mean(axis=(0, 1))).max(initial=0) < 1e-3


def test_colour_of_the_padding():
    x = labelled_image(40, 60)
    padded = RandomPadImage(pad_color=(1, 2, 3)).apply(x, Draws(50, 70, 0, 0))
    assert padded.image[-1, -1].tolist() == [1, 2, 3]
    assert (padded.image[:40, 60:] == (1, 2, 3)).all()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"pad_color": (1, 2)}, "three numbers"),
        ({"min_image_height": 3}, "min_image_height and min_image_width"),
        ({"max_image_width": 3}, "max_image_height and max_image_width"),
    ],
)
def test_padding_that_tensorflow_refuses(values, said):
    with pytest.raises(ValidationError, match=said):
        RandomPadImage(**values)


def test_square_larger_than_the_image_is_padded_at_the_right_and_below():
    x = labelled_image(40, 60, [[6, 8, 30, 20]])
    square = RandomScaleCropAndPadToSquare(output_size=120).apply(x, Draws(0.5, 0.9, 0.9))
    assert square.image.shape == (120, 120, 3)
    assert np.array_equal(square.image[:40, :60], x.image.astype(np.float32))
    assert not square.image[40:].any()
    assert not square.image[:, 60:].any()
    assert square.boxes.tolist() == [[6, 8, 30, 20]]


def test_square_smaller_than_the_scaled_image_is_cut_out_of_it():
    x = labelled_image(40, 60, [[0, 0, 12, 10], [12, 10, 30, 20], [50, 30, 60, 40]])
    square = RandomScaleCropAndPadToSquare(output_size=30).apply(x, Draws(2.0, 0.5, 0.5))  # 60 x 40, cut at (15, 5)
    assert np.array_equal(square.image, x.image[5:35, 15:45].astype(np.float32))
    assert square.boxes.tolist() == [[0, 5, 15, 15]]
    assert (square.labels.tolist(), square.dropped) == ([1], 2)


@pytest.mark.slow
@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("size", [(20, 33), (80, 61), (40, 60), (1, 1), (7, 200)])
def test_resizing_is_tensorflows(tensorflow, size, align_corners):
    image = labelled_image(40, 60).image.astype(np.float32)
    theirs = tensorflow.compat.v1.image.resize_images(image, size, align_corners=align_corners).numpy()
    assert np.abs(resize_bilinear(image, *size, align_corners=align_corners) - theirs).max() < 2e-3


@pytest.mark.slow
def test_padding_is_tensorflows(tensorflow):
    x = labelled_image(40, 60)
    image, ones = x.image.astype(np.float32), np.ones_like(x.image, np.float32)
    pad = tensorflow.image.pad_to_bounding_box
    colour = tensorflow.reduce_mean(image, axis=[0, 1])
    theirs = pad(image, 3, 4, 50, 70) + (1 - pad(ones, 3, 4, 50, 70)) * colour
    assert np.abs(RandomPadImage().apply(x, Draws(50, 70, 3, 4)).image - theirs).max() < 1e-3
