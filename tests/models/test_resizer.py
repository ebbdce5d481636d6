"""From image to canvas: TensorFlow's old bilinear by its formula, Pillow's by Pillow, sizes by TensorFlow's rule."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from fractura.models.resizer import (
    FixedShapeResizer,
    KeepAspectRatioResizer,
    antialiased,
    legacy_bilinear,
    resize,
)

SIZES = [  # image (height, width), canvas (height, width)
    ((7, 11), (3, 4)),
    ((7, 11), (21, 40)),
    ((5, 9), (5, 9)),
    ((1, 1), (4, 3)),
    ((1, 13), (6, 5)),
    ((13, 1), (5, 6)),
    ((40, 30), (16, 60)),
    ((300, 200), (64, 48)),
]


def radiograph(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_the_formula(image, height, width):
    """tf.compat.v1.image.resize_bilinear(align_corners=False, half_pixel_centers=False), pixel by pixel."""
    rows, columns, _ = image.shape
    out = np.zeros((height, width, 3))
    for y in range(height):
        for x in range(width):
            source_y, source_x = y * rows / height, x * columns / width
            top, left = math.floor(source_y), math.floor(source_x)
            bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            down, across = source_y - top, source_x - left
            upper = image[top, left] * (1 - across) + image[top, right] * across
            lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
            out[y, x] = upper * (1 - down) + lower * down
    return out


@pytest.mark.parametrize(("size", "canvas"), SIZES)
def test_legacy_bilinear_is_its_formula(size, canvas):
    image = radiograph(*size).astype(np.float32)
    resized = legacy_bilinear(torch.from_numpy(image), *canvas).numpy()
    assert resized.shape == (*canvas, 3)
    assert np.abs(resized - by_the_formula(image.astype(np.float64), *canvas)).max() < 0.02, "float32 coordinates"


@pytest.mark.parametrize(("size", "canvas"), SIZES)
def test_antialiased_is_what_pillow_does(size, canvas):
    image = radiograph(*size)
    resized = antialiased(torch.from_numpy(image).float(), *canvas).numpy()
    pillow = np.asarray(Image.fromarray(image).resize(canvas[::-1], Image.Resampling.BILINEAR), dtype=np.float32)
    assert np.abs(resized - pillow).max() <= 1.01, "Pillow rounds to whole grey levels after each of the two passes"
    assert np.abs(resized - pillow).mean() <= 0.5


def test_a_thin_line_survives_only_with_antialiasing():
    image = np.zeros((320, 320, 3), np.uint8)
    image[:, 161] = 255
    lines = [
        resize(torch.from_numpy(image), FixedShapeResizer(height=32, width=32, antialias=antialias))[0].max().item()
        for antialias in (False, True)
    ]
    assert lines[0] == 0
    assert lines[1] > 10


@pytest.mark.parametrize("antialias", [False, True])
def test_a_image_of_the_canvas_size_is_not_touched(antialias):
    image = torch.from_numpy(radiograph(24, 40))
    canvas, window = resize(image, FixedShapeResizer(height=24, width=40, antialias=antialias))
    assert torch.equal(canvas, image.permute(2, 0, 1).float())
    assert window == (24, 40)


@pytest.mark.parametrize("antialias", [False, True])
def test_a_grey_image_stays_grey(antialias):
    image = torch.full((31, 57, 3), 137, dtype=torch.uint8)
    canvas, window = resize(image, FixedShapeResizer(height=20, width=90, antialias=antialias))
    assert canvas.shape == (3, 20, 90)
    assert canvas.dtype == torch.float32
    assert window == (20, 90)
    assert (canvas - 137).abs().max() < 1e-3


@pytest.mark.parametrize(
    ("image_size", "minimum", "maximum", "expected"),
    [
        ((480, 640), 600, 1024, (600, 800)),
        ((640, 480), 600, 1024, (800, 600)),
        ((500, 500), 600, 1024, (600, 600)),  # square: the long side stays free
        ((100, 400), 600, 1024, (256, 1024)),  # the long side decides
        ((400, 100), 600, 1024, (1024, 256)),
        ((3000, 2000), 600, 1024, (900, 600)),
        ((373, 454), 640, 640, (526, 640)),
        ((1, 5000), 64, 96, (1, 96)),  # an image this thin would round to no pixel at all
        ((5000, 1), 64, 96, (96, 1)),
    ],
)
@pytest.mark.parametrize("pad", [False, True])
def test_sizes_that_keep_the_aspect_ratio(image_size, minimum, maximum, expected, pad):
    resizer = KeepAspectRatioResizer(min_dimension=minimum, max_dimension=maximum, pad_to_max_dimension=pad)
    assert resizer.resized_size(*image_size) == expected
    assert resizer.canvas_size(*image_size) == ((maximum, maximum) if pad else expected)


@pytest.mark.parametrize("antialias", [False, True])
def test_padding_is_black_at_bottom_and_right(antialias):
    image = torch.full((20, 10, 3), 200, dtype=torch.uint8)
    resizer = KeepAspectRatioResizer(min_dimension=40, max_dimension=64, pad_to_max_dimension=True, antialias=antialias)
    canvas, window = resize(image, resizer)
    assert window == (64, 32)
    assert canvas.shape == (3, 64, 64)
    assert (canvas[:, :, :32] - 200).abs().max() < 1e-3
    assert (canvas[:, :, 32:] == 0).all()


def test_settings_are_closed():
    with pytest.raises(ValidationError):
        FixedShapeResizer(height=0, width=5)
    with pytest.raises(ValidationError):
        FixedShapeResizer(height=5, width=5, antialiased=True)


def size_in_tensorflow(height, width, low, high):
    """``_compute_new_dynamic_size`` of the reference's preprocessor.py, operation by operation in float32."""
    sides = np.float32([height, width])
    larger = np.round(sides * (np.float32(low) / sides.min()))
    smaller = np.round(sides * (np.float32(high) / sides.max()))
    return tuple((smaller if larger.max() > high else larger).clip(1).astype(int).tolist())


@pytest.mark.parametrize(("low", "high"), [(640, 640), (1024, 1024), (800, 1333), (600, 1024)])
def test_kept_aspect_ratios_are_rounded_as_in_tensorflow(low, high):
    """In float64 one size in 30,000 is another."""
    resizer = KeepAspectRatioResizer(min_dimension=low, max_dimension=high)
    for height, width in np.random.default_rng(low).integers(16, 4000, (20_000, 2)).tolist():
        assert resizer.resized_size(height, width) == size_in_tensorflow(height, width, low, high), (height, width)
