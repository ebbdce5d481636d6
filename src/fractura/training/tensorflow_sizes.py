"""The augmentation of the TensorFlow Object Detection API that changes an image's size, by its own names.

Follows tensorflow/models research/object_detection/core/preprocessor.py:976-1030, 1837-2080 and 4273-4402, the defaults
of protos/preprocessor.proto, and the resizing of TensorFlow 1 (``tf.compat.v1.image.resize_images``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator, model_validator

from fractura.training.tensorflow_augmentation import TensorFlowOption, on_square
from fractura.training.transform import LabelledImage


class RandomImageScale(TensorFlowOption):
    """Enlarges or shrinks the image.

    Attributes:
        min_scale_ratio: Smallest factor on both sides.
        max_scale_ratio: Largest factor.
    """

    name: Literal["random_image_scale"] = "random_image_scale"
    min_scale_ratio: PositiveFloat = 0.5
    max_scale_ratio: PositiveFloat = 2.0

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image in another size."""
        factor = np.float32(generator.uniform(self.min_scale_ratio, self.max_scale_ratio))
        height, width = (max(1, int(np.float32(side) * factor)) for side in (sample.height, sample.width))
        across, down = width / sample.width, height / sample.height
        boxes = (sample.boxes * np.array([across, down, across, down])).astype(np.float32)
        return replace(sample, image=resize_bilinear(sample.image, height, width, align_corners=True), boxes=boxes)


class _Padding(TensorFlowOption):
    """Puts the image at a random place of a larger canvas.

    Attributes:
        pad_color: Of the canvas, red, green and blue of 0..255; empty is the image's mean colour.
    """

    pad_color: tuple[NonNegativeFloat, ...] = ()

    @field_validator("pad_color")
    @classmethod
    def _is_a_colour(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if len(value) not in (0, 3):
            raise ValueError("pad_color needs three numbers: red, green and blue")
        return value

    def pad(
        self, sample: LabelledImage, smallest: tuple[int, int], largest: tuple[int, int], generator: np.random.Generator
    ) -> LabelledImage:
        """The image on a canvas of a random size (height, width) from ``smallest`` to below ``largest``."""
        sides = sample.height, sample.width
        low, high = np.maximum(smallest, sides), np.maximum(largest, sides)
        height, width = (
            int(generator.integers(few, many)) if many > few else int(many) for few, many in zip(low, high, strict=True)
        )
        top, left = (
            int(generator.integers(target - side)) if target > side else 0
            for target, side in zip((height, width), sides, strict=True)
        )
        pixels = sample.image.astype(np.float32)
        colour = np.array(self.pad_color, np.float32) if self.pad_color else pixels.mean(axis=(0, 1), dtype=np.float64)
        image = np.broadcast_to(colour.astype(np.float32), (height, width, 3)).copy()
        image[top : top + sample.height, left : left + sample.width] = pixels
        return replace(sample, image=image, boxes=sample.boxes + np.array([left, top, left, top], np.float32))


class RandomPadImage(_Padding):
    """Pads the image to a random size, by default up to twice its own.

    Attributes:
        min_image_height: Smallest height of the result; None, or less than the image's, is the image's.
        min_image_width: Smallest width.
        max_image_height: The result is less high than this, or as high as the image; None is twice the image's height.
        max_image_width: Largest width.
    """

    name: Literal["random_pad_image"] = "random_pad_image"
    min_image_height: NonNegativeInt | None = None
    min_image_width: NonNegativeInt | None = None
    max_image_height: NonNegativeInt | None = None
    max_image_width: NonNegativeInt | None = None

    @model_validator(mode="after")
    def _both_sides_or_none(self) -> RandomPadImage:
        for limit in ("min_image", "max_image"):
            if (getattr(self, f"{limit}_height") is None) != (getattr(self, f"{limit}_width") is None):
                raise ValueError(f"{limit}_height and {limit}_width must both be there, or neither")
        return self

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image on its canvas."""
        largest = 2 * sample.height, 2 * sample.width
        if self.max_image_height is not None and self.max_image_width is not None:
            largest = self.max_image_height, self.max_image_width
        return self.pad(sample, (self.min_image_height or 0, self.min_image_width or 0), largest, generator)


class RandomAbsolutePadImage(_Padding):
    """Pads the image by a few pixels.

    Attributes:
        max_height_padding: Fewer rows than this are added; 0 is 1.
        max_width_padding: Fewer columns than this are added.
    """

    name: Literal["random_absolute_pad_image"] = "random_absolute_pad_image"
    max_height_padding: NonNegativeInt = 0
    max_width_padding: NonNegativeInt = 0

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image on its canvas."""
        height, width = sample.height, sample.width
        largest = height + (self.max_height_padding or 1), width + (self.max_width_padding or 1)
        return self.pad(sample, (height, width), largest, generator)


class RandomScaleCropAndPadToSquare(TensorFlowOption):
    """Scales the image, cuts a square out of it where it is larger, and pads with black where it is smaller.

    Attributes:
        output_size: Side of the square, in pixels.
        scale_min: Smallest length of the image's longer side, as a fraction of ``output_size``.
        scale_max: Largest length.
    """

    name: Literal["random_scale_crop_and_pad_to_square"] = "random_scale_crop_and_pad_to_square"
    output_size: PositiveInt = 512
    scale_min: PositiveFloat = 0.1
    scale_max: PositiveFloat = 2.0

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The square."""
        side, longer = self.output_size, max(sample.height, sample.width)
        scale = np.float32(generator.uniform(self.scale_min, self.scale_max))
        height, width = (
            max(1, int(scale * np.float32(side) * (np.float32(length) / np.float32(longer))))
            for length in (sample.height, sample.width)
        )
        top, left = (int(max(0, length - side) * np.float32(generator.random())) for length in (height, width))
        cut = resize_bilinear(sample.image, height, width)[top : top + side, left : left + side]
        image = np.zeros((side, side, 3), np.float32)
        image[: cut.shape[0], : cut.shape[1]] = cut
        across, down = width / sample.width, height / sample.height
        moved = sample.boxes * np.array([across, down, across, down]) - np.array([left, top, left, top])
        return on_square(sample, image, moved)


def resize_bilinear(
    image: NDArray[Any], height: int, width: int, *, align_corners: bool = False
) -> NDArray[np.float32]:
    """Bilinear resizing without smoothing, as in TensorFlow 1.

    >>> resize_bilinear(np.array([[[0.0], [3.0]]]), 1, 4)[0, :, 0].tolist()
    [0.0, 1.5, 3.0, 3.0]
    >>> resize_bilinear(np.array([[[0.0], [3.0]]]), 1, 4, align_corners=True)[0, :, 0].tolist()
    [0.0, 1.0, 2.0, 3.0]

    Args:
        image: ``(height, width, channels)``.
        height: Of the result, in pixels.
        width: Of the result.
        align_corners: The centres of the corner pixels stay in place; otherwise the corner at the top left does.
    """
    resized: NDArray[np.float32] = image.astype(np.float32)
    for axis, target in ((1, width), (0, height)):
        lower, upper, share = _neighbours(resized.shape[axis], target, align_corners)
        first, second = resized.take(lower, axis), resized.take(upper, axis)
        resized = first + (second - first) * share.reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
    return resized


def _neighbours(
    length: int, target: int, align_corners: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """For each new pixel the two old ones that it lies between, and how far it is towards the second."""
    corners = align_corners and target > 1
    scale = np.float32(length - 1) / np.float32(target - 1) if corners else np.float32(length) / np.float32(target)
    places = np.arange(target, dtype=np.float32) * scale
    lower = np.minimum(places.astype(np.int64), length - 1)
    return lower, np.minimum(lower + 1, length - 1), (places - lower).astype(np.float32)
