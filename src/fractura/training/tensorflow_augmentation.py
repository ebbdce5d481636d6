"""The augmentation of the TensorFlow Object Detection API, by its own names, on float pixels of 0..255.

Follows tensorflow/models research/object_detection/core/preprocessor.py:1041-1307 (colours), 4095-4270 (square crop)
and the order of builders/preprocessor_builder.py. As there, nothing is rounded between steps. Hue and saturation do not
change grey images, so nothing is computed for them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from fractura.training.transform import AugmentationOption, LabelledImage, Probability

_WHITE = np.float32(255)


class TensorFlowOption(AugmentationOption):
    """A step that follows TensorFlow."""

    takes_floats: ClassVar[bool] = True


class RandomRotation90(TensorFlowOption):
    """A quarter turn counter-clockwise."""

    name: Literal["random_rotation90"] = "random_rotation90"
    probability: Probability = 0.5

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, turned with ``probability``."""
        if generator.random() >= self.probability:
            return sample
        left, top, right, bottom = sample.boxes.T
        boxes = np.stack([top, sample.width - right, bottom, sample.width - left], axis=1).astype(np.float32)
        return replace(sample, image=np.ascontiguousarray(np.rot90(sample.image)), boxes=boxes)


class RandomAdjustBrightness(TensorFlowOption):
    """Adds one number to all pixels.

    Attributes:
        max_delta: Largest change, as a fraction of white.
    """

    name: Literal["random_adjust_brightness"] = "random_adjust_brightness"
    max_delta: NonNegativeFloat = 0.2

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, brighter or darker; boxes stay."""
        delta = np.float32(generator.uniform(-self.max_delta, self.max_delta))
        return _with_pixels(sample, _pixels(sample) + delta)


class RandomAdjustContrast(TensorFlowOption):
    """Stretches each channel about its mean.

    Attributes:
        min_delta: Smallest factor.
        max_delta: Largest factor.
    """

    name: Literal["random_adjust_contrast"] = "random_adjust_contrast"
    min_delta: NonNegativeFloat = 0.8
    max_delta: NonNegativeFloat = 1.25

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with more or less contrast; boxes stay."""
        factor = np.float32(generator.uniform(self.min_delta, self.max_delta))
        pixels = _pixels(sample)
        mean = pixels.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
        return _with_pixels(sample, (pixels - mean) * factor + mean)


class RandomAdjustHue(TensorFlowOption):
    """Turns all colours by one angle.

    Attributes:
        max_delta: Largest turn, as a fraction of the circle.
    """

    name: Literal["random_adjust_hue"] = "random_adjust_hue"
    max_delta: NonNegativeFloat = 0.02

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image in other colours; boxes stay."""
        delta = np.float32(generator.uniform(-self.max_delta, self.max_delta))
        pixels = _pixels(sample)
        if not _is_grey(pixels):
            hue, saturation, value = _hsv(pixels)
            pixels = _rgb((hue + delta) % np.float32(1), saturation, value)
        return _with_pixels(sample, pixels)


class RandomAdjustSaturation(TensorFlowOption):
    """Makes all colours stronger or weaker by one factor.

    Attributes:
        min_delta: Smallest factor.
        max_delta: Largest factor.
    """

    name: Literal["random_adjust_saturation"] = "random_adjust_saturation"
    min_delta: NonNegativeFloat = 0.8
    max_delta: NonNegativeFloat = 1.25

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with other saturation; boxes stay."""
        factor = np.float32(generator.uniform(self.min_delta, self.max_delta))
        pixels = _pixels(sample)
        if not _is_grey(pixels):
            hue, saturation, value = _hsv(pixels)
            pixels = _rgb(hue, np.clip(saturation * factor, 0, 1), value)
        return _with_pixels(sample, pixels)


class RandomDistortColor(TensorFlowOption):
    """Brightness by up to 32 of 255, saturation and contrast by factors of 0.5 to 1.5, hue by up to 0.2 of the circle.

    Attributes:
        color_ordering: 0 changes the contrast last, 1 right after the brightness.
    """

    name: Literal["random_distort_color"] = "random_distort_color"
    color_ordering: Literal[0, 1] = 0

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image in other colours; boxes stay."""
        brightness, hue = RandomAdjustBrightness(max_delta=32 / 255), RandomAdjustHue(max_delta=0.2)
        saturation = RandomAdjustSaturation(min_delta=0.5, max_delta=1.5)
        contrast = RandomAdjustContrast(min_delta=0.5, max_delta=1.5)
        orders = (brightness, saturation, hue, contrast), (brightness, contrast, saturation, hue)
        for step in orders[self.color_ordering]:
            sample = step.apply(sample, generator)
        return sample


class RandomRgbToGray(TensorFlowOption):
    """Takes the colour away."""

    name: Literal["random_rgb_to_gray"] = "random_rgb_to_gray"
    probability: Probability = 0.1

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, grey with ``probability``; boxes stay."""
        if generator.random() > self.probability:
            return sample
        grey = sample.image.astype(np.float32) @ np.array([0.2989, 0.5870, 0.1140], np.float32)
        return replace(sample, image=np.repeat(grey[..., None], 3, axis=2))


class RandomSquareCropByScale(TensorFlowOption):
    """Crops a square around a random centre; the area outside the image is black.

    A box is dropped only if it lies completely outside the square, however little of it is left.

    Attributes:
        max_border: The centre keeps this distance from the image's border, in pixels (less on small images).
        scale_min: Smallest side, as a fraction of the image's longer side.
        scale_max: Largest side.
        num_scales: Number of evenly spaced sides to draw from.
    """

    name: Literal["random_square_crop_by_scale"] = "random_square_crop_by_scale"
    max_border: PositiveInt = 128
    scale_min: PositiveFloat = 0.6
    scale_max: PositiveFloat = 1.3
    num_scales: PositiveInt = 8

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The square."""
        scales = np.linspace(self.scale_min, self.scale_max, self.num_scales, dtype=np.float32)
        side = int(scales[generator.integers(self.num_scales)] * np.float32(max(sample.height, sample.width)))
        down, across = crop_border(self.max_border, sample.height), crop_border(self.max_border, sample.width)
        y = int(generator.integers(down, sample.height - down + 1))
        x = int(generator.integers(across, sample.width - across + 1))
        return square_crop(sample, side, x, y)


def crop_border(border: int, length: int) -> int:
    """Smallest distance of a centre from the border of an image of ``length`` pixels.

    >>> crop_border(128, 1000), crop_border(128, 200)
    (128, 64)
    """
    divisor = 2.0 ** math.ceil(math.log2(2.0 * border / length))
    return border // int(min(max(divisor, 1.0), border))


def square_crop(sample: LabelledImage, side: int, x: int, y: int) -> LabelledImage:
    """The square of ``side`` pixels about ``(x, y)``.

    As in the reference, the last row and column of the image are never included, and if the side is odd the square
    extends one pixel further right and down than the pixels that are copied.
    """
    half = side // 2
    top, left = y - half, x - half
    rows = slice(max(top, 0), min(y + half, sample.height - 1))
    columns = slice(max(left, 0), min(x + half, sample.width - 1))
    cut = sample.image[rows, columns]
    image = np.zeros((side, side, 3), sample.image.dtype)
    first_row, first_column = max(0, -top), max(0, -left)
    image[first_row : first_row + cut.shape[0], first_column : first_column + cut.shape[1]] = cut
    return on_square(sample, image, sample.boxes - np.array([left, top, left, top], np.float32))


def on_square(sample: LabelledImage, square: NDArray[Any], boxes: NDArray[Any]) -> LabelledImage:
    """``sample`` with other pixels: a square that holds a part of it, with the boxes that reach into the square.

    Args:
        sample: The image as it was.
        square: ``(side, side, 3)``.
        boxes: Those of ``sample``, ``(n, 4)``, in pixels of the square.
    """
    side = len(square)
    left, top, right, bottom = boxes.T
    inside = (left < side) & (top < side) & (right > 0) & (bottom > 0)
    clipped, dropped = np.clip(boxes, 0, side).astype(np.float32), sample.dropped + int((~inside).sum())
    return replace(sample, image=square, boxes=clipped, dropped=dropped).keep(inside)


def _pixels(sample: LabelledImage) -> NDArray[np.float32]:
    """float32 of 0..1."""
    pixels: NDArray[np.float32] = sample.image.astype(np.float32) / _WHITE
    return pixels


def _with_pixels(sample: LabelledImage, pixels: NDArray[np.float32]) -> LabelledImage:
    return replace(sample, image=np.clip(pixels * _WHITE, 0, _WHITE))


def _is_grey(pixels: NDArray[np.float32]) -> bool:
    red = pixels[..., 0]
    return bool(np.array_equal(red, pixels[..., 1]) and np.array_equal(red, pixels[..., 2]))


def _hsv(pixels: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Hue, saturation and value ``(height, width)`` of 0..1 each, as ``tf.image.rgb_to_hsv``."""
    red, green, blue = (pixels[..., channel] for channel in range(3))
    value = pixels.max(axis=-1)
    spread = value - pixels.min(axis=-1)
    saturation = np.divide(spread, value, out=np.zeros_like(value), where=value > 0)
    share = np.divide(np.float32(1 / 6), spread, out=np.zeros_like(value), where=spread > 0)
    hue = np.where(
        red == value,
        share * (green - blue),
        np.where(green == value, share * (blue - red) + np.float32(2 / 6), share * (red - green) + np.float32(4 / 6)),
    )
    hue = np.where(spread > 0, hue, np.float32(0))
    return np.where(hue < 0, hue + np.float32(1), hue), saturation, value


def _rgb(hue: NDArray[Any], saturation: NDArray[Any], value: NDArray[Any]) -> NDArray[np.float32]:
    """The inverse of ``_hsv``, as ``tf.image.hsv_to_rgb``."""
    angle = hue * np.float32(6)
    strength = np.stack([np.abs(angle - 3) - 1, 2 - np.abs(angle - 2), 2 - np.abs(angle - 4)], axis=-1).clip(0, 1)
    pixels: NDArray[np.float32] = (((strength - 1) * saturation[..., None] + 1) * value[..., None]).astype(np.float32)
    return pixels
