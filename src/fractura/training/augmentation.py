"""Augmentation of images: a list of named options, each of which maps an image with its boxes to another.

An option draws random numbers only from the generator that it is given, so that every process prepares the same image.
Pixels are resampled once, bilinearly; the area outside the image is black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from fractura.training.domain_randomisation import (
    RandomCollimation,
    RandomJpeg,
    RandomSharpness,
    RandomStamps,
    RandomToneCurve,
)
from fractura.training.tensorflow_augmentation import (
    RandomAdjustBrightness,
    RandomAdjustContrast,
    RandomAdjustHue,
    RandomAdjustSaturation,
    RandomDistortColor,
    RandomRgbToGray,
    RandomRotation90,
    RandomSquareCropByScale,
)
from fractura.training.tensorflow_crops import RandomCropImage, SsdRandomCrop
from fractura.training.tensorflow_noise import RandomBlackPatches, RandomJitterBoxes, RandomPatchGaussian
from fractura.training.tensorflow_sizes import (
    RandomAbsolutePadImage,
    RandomImageScale,
    RandomPadImage,
    RandomScaleCropAndPadToSquare,
)
from fractura.training.transform import AugmentationOption, LabelledImage, Probability

MINIMUM_SIDE = 2.0
"""Pixels; a box whose shorter side becomes smaller than this shows nothing any more and is dropped."""


class RandomHorizontalFlip(AugmentationOption):
    """Left becomes right (a left hand becomes a right hand)."""

    takes_floats: ClassVar[bool] = True

    name: Literal["random_horizontal_flip"] = "random_horizontal_flip"
    probability: Probability = 0.5

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, mirrored with ``probability``."""
        if generator.random() >= self.probability:
            return sample
        boxes = sample.boxes.copy()
        boxes[:, [0, 2]] = sample.width - sample.boxes[:, [2, 0]]
        return replace(sample, image=np.ascontiguousarray(sample.image[:, ::-1]), boxes=boxes)


class RandomVerticalFlip(AugmentationOption):
    """Top becomes bottom; images are rarely read upside down, so no preset contains it."""

    takes_floats: ClassVar[bool] = True

    name: Literal["random_vertical_flip"] = "random_vertical_flip"
    probability: Probability = 0.5

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, flipped with ``probability``."""
        if generator.random() >= self.probability:
            return sample
        boxes = sample.boxes.copy()
        boxes[:, [1, 3]] = sample.height - sample.boxes[:, [3, 1]]
        return replace(sample, image=np.ascontiguousarray(sample.image[::-1]), boxes=boxes)


class RandomAffine(AugmentationOption):
    """Scale, stretch, rotate and shift in one bilinear resample about the image's centre; the size stays.

    A rotated box becomes the box around the rotated ellipse that it held, not around its rotated corners: fractures
    seldom fill the corners of their box, and boxes around corners grow with every degree.

    Attributes:
        probability: Of doing anything at all.
        scale: Smallest and largest zoom; drawn evenly on the logarithm.
        aspect_ratio: Largest stretch of one side against the other (1 = none).
        rotation_degrees: Largest turn to either side.
        translation: Largest shift, as a fraction of each side.
        minimum_visible: A box of which less than this fraction is left on the image is dropped.
    """

    name: Literal["random_affine"] = "random_affine"
    probability: Probability = 1.0
    scale: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (0.8, 1.25)
    aspect_ratio: Annotated[float, Field(ge=1)] = 1.1
    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 10.0
    translation: Annotated[float, Field(ge=0, lt=1)] = 0.08
    minimum_visible: Probability = 0.4

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image after one random affine map."""
        draws = generator.random(6)  # always six, so that settings do not shift the later draws
        if draws[0] >= self.probability:
            return sample
        low, high = math.log(self.scale[0]), math.log(self.scale[1])
        zoom = math.exp(low + (high - low) * draws[1])
        stretch = math.exp((2 * draws[2] - 1) * math.log(self.aspect_ratio) / 2)
        angle = math.radians((2 * draws[3] - 1) * self.rotation_degrees)
        turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        matrix = turn @ np.diag([zoom * stretch, zoom / stretch])
        centre = np.array([sample.width, sample.height]) / 2
        shift = (2 * draws[4:6] - 1) * self.translation * 2 * centre
        return apply_affine(sample, matrix, centre + shift - matrix @ centre, self.minimum_visible)


class RandomCropAroundBox(AugmentationOption):
    """Crop the image around one of its boxes, so that small fractures of large images keep their detail.

    An image without boxes is cropped at a random place in the same way: the crop must not reveal which is which.

    Attributes:
        probability: Of cutting.
        size: Smallest and largest side of the cut, as a fraction of the image's sides.
        minimum_visible: A box of which less than this fraction is left is dropped.
    """

    name: Literal["random_crop_around_box"] = "random_crop_around_box"
    probability: Probability = 0.5
    size: tuple[Probability, Probability] = (0.4, 0.9)
    minimum_visible: Probability = 0.4

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, cut with ``probability``."""
        chance, fraction, choice, across, down = generator.random(5)
        if chance >= self.probability:
            return sample
        fraction = self.size[0] + (self.size[1] - self.size[0]) * fraction
        whole = np.array([sample.width, sample.height])
        side = np.clip(np.ceil(fraction * whole).astype(int), 1, whole)
        first, last = np.zeros(2), (whole - side).astype(float)
        if len(sample.boxes):
            box = sample.boxes[int(choice * len(sample.boxes))].astype(float)
            side = np.clip(np.maximum(side, np.ceil(box[2:] - box[:2]).astype(int) + 1), 1, whole)
            last = (whole - side).astype(float)
            first = np.clip(box[2:] - side, 0, last)
            last = np.clip(box[:2], first, last)
        left, top = np.floor(first + (last - first) * [across, down]).astype(int)
        image = np.ascontiguousarray(sample.image[top : top + side[1], left : left + side[0]])
        moved = sample.boxes - np.array([left, top, left, top], dtype=np.float32)
        return keep_visible(replace(sample, image=image), moved, self.minimum_visible)


class RandomExposure(AugmentationOption):
    """Brightness, contrast and gamma through one table of 256 grey levels, as other devices and windows would differ.

    Attributes:
        brightness: Largest change, as a fraction of the range from black to white.
        contrast: Largest factor about mid-grey, and one over it (1 = none).
        gamma: Largest exponent, and one over it (1 = none).
    """

    name: Literal["random_exposure"] = "random_exposure"
    probability: Probability = 1.0
    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.1
    contrast: Annotated[float, Field(ge=1)] = 1.25
    gamma: Annotated[float, Field(ge=1)] = 1.25

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with other grey levels; boxes stay."""
        chance, *others = generator.random(4)
        if chance >= self.probability:
            return sample
        brightness, contrast, gamma = (2 * draw - 1 for draw in others)
        levels = (np.arange(256) / 255) ** self.gamma**gamma
        levels = (levels - 0.5) * self.contrast**contrast + 0.5 + brightness * self.brightness
        table = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
        return replace(sample, image=table[sample.image])


class RandomNoise(AugmentationOption):
    """Grain: normal noise, the same in all three channels.

    Attributes:
        deviation: Largest standard deviation, in grey levels; each image draws its own between 0 and this.
    """

    name: Literal["random_noise"] = "random_noise"
    probability: Probability = 0.5
    deviation: Annotated[float, Field(ge=0, le=128)] = 6.0

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with grain; boxes stay."""
        chance, strength = generator.random(2)
        if chance >= self.probability:
            return sample
        grain = generator.standard_normal(sample.image.shape[:2], dtype=np.float32)
        noisy = np.rint(sample.image + (np.float32(strength * self.deviation) * grain)[:, :, None])
        return replace(sample, image=np.clip(noisy, 0, 255).astype(np.uint8))


NamedOption = Annotated[
    RandomHorizontalFlip
    | RandomVerticalFlip
    | RandomAffine
    | RandomCropAroundBox
    | RandomExposure
    | RandomNoise
    | RandomToneCurve
    | RandomSharpness
    | RandomJpeg
    | RandomCollimation
    | RandomStamps
    | RandomRotation90
    | RandomAdjustBrightness
    | RandomAdjustContrast
    | RandomAdjustHue
    | RandomAdjustSaturation
    | RandomDistortColor
    | RandomRgbToGray
    | RandomSquareCropByScale
    | RandomCropImage
    | SsdRandomCrop
    | RandomImageScale
    | RandomPadImage
    | RandomAbsolutePadImage
    | RandomScaleCropAndPadToSquare
    | RandomJitterBoxes
    | RandomBlackPatches
    | RandomPatchGaussian,
    Field(discriminator="name"),
]
"""Any option; its ``name`` says which."""

PRESETS: dict[str, tuple[AugmentationOption, ...]] = {
    "none": (),
    "flip": (RandomHorizontalFlip(),),
    "image": (RandomHorizontalFlip(), RandomAffine(), RandomExposure()),
    "image_with_crops": (RandomHorizontalFlip(), RandomCropAroundBox(), RandomAffine(), RandomExposure()),
    "randomised": (
        RandomHorizontalFlip(),
        RandomAffine(scale=(0.75, 1.4), aspect_ratio=1.3, rotation_degrees=15.0),
        RandomToneCurve(),
        RandomExposure(brightness=0.2, contrast=1.5, gamma=1.8),
        RandomSharpness(),
        RandomCollimation(),
        RandomStamps(),
        RandomNoise(deviation=8.0),
        RandomJpeg(),
    ),
}
"""Lists of options with a name of their own."""


def augment(sample: LabelledImage, options: Sequence[AugmentationOption], seed: Sequence[int]) -> LabelledImage:
    """Run ``sample`` through ``options`` in order.

    Args:
        sample: The image as read, with its boxes.
        options: What to do, in order.
        seed: Numbers ≥ 0 that name this showing of the image (run seed, place in the stream of images); the same
            numbers produce the same image.
    """
    generator = np.random.default_rng(list(seed))
    for option in options:
        sample = option.apply(sample if option.takes_floats else sample.rounded(), generator)
    return sample


def apply_affine(
    sample: LabelledImage, matrix: NDArray[Any], offset: NDArray[Any], minimum_visible: float
) -> LabelledImage:
    """Move pixels and boxes by ``new = matrix @ old + offset``; coordinates (x, y) in pixels, edges at whole numbers.

    Args:
        sample: The image.
        matrix: ``(2, 2)``, invertible.
        offset: ``(2,)``.
        minimum_visible: Fraction of a box's area that must be left on the image for it to stay.
    """
    inverse = np.linalg.inv(matrix)
    back = np.column_stack([inverse, -inverse @ offset])
    # Pillow maps the centre of each new pixel (x + 0.5) back to the old image: edges at whole numbers, as boxes have
    # it.
    image = Image.fromarray(sample.image).transform(
        (sample.width, sample.height),
        Image.Transform.AFFINE,
        tuple(back.ravel()),
        resample=Image.Resampling.BILINEAR,
        fillcolor=(0, 0, 0),
    )
    corners = sample.boxes.astype(np.float64).reshape(-1, 2, 2)
    centre = corners.mean(axis=1) @ matrix.T + offset
    half = (corners[:, 1] - corners[:, 0]) / 2
    # An ellipse with half axes h reaches sqrt(sum_j (M_ij h_j)²) along axis i after the map M.
    reach = np.sqrt((half**2) @ (matrix**2).T)
    moved = np.concatenate([centre - reach, centre + reach], axis=1).astype(np.float32)
    return keep_visible(replace(sample, image=np.asarray(image)), moved, minimum_visible)


def keep_visible(sample: LabelledImage, boxes: NDArray[np.float32], minimum_visible: float) -> LabelledImage:
    """``sample`` with the ``boxes`` cut to it; those of which too little is left are dropped and counted."""
    limits = np.array([sample.width, sample.height, sample.width, sample.height], dtype=np.float32)
    cut = np.clip(boxes, 0, limits)
    sides = cut[:, 2:] - cut[:, :2]
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    enough = sides.prod(axis=1) >= minimum_visible * whole
    kept = enough & (sides.min(axis=1, initial=np.inf) >= MINIMUM_SIDE)
    return replace(sample, boxes=cut, dropped=sample.dropped + int((~kept).sum())).keep(kept)
