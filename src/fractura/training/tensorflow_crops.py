"""The crops of the TensorFlow Object Detection API, by its own names.

Follows tensorflow/models research/object_detection/core/preprocessor.py:1410-1835 and 3526-3663, the defaults of
protos/preprocessor.proto, and TensorFlow's kernel core/kernels/image/sample_distorted_bounding_box_op.cc.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, NonNegativeFloat

from fractura.training.tensorflow_augmentation import TensorFlowOption
from fractura.training.transform import LabelledImage, Probability

_ATTEMPTS = 100


class CropOperation(BaseModel):
    """Limits of a random crop; the defaults are those of an operation of ``ssd_random_crop``.

    Attributes:
        min_object_covered: At least one box must be inside by this share of its area.
        min_aspect_ratio: Smallest width over height.
        max_aspect_ratio: Largest width over height.
        min_area: Smallest area, as a fraction of the image's.
        max_area: Largest area.
        overlap_thresh: A box of which less than this share is inside is dropped.
        clip_boxes: Cut boxes at the border of the crop.
        random_coef: Chance of leaving the image as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_object_covered: NonNegativeFloat = 0.0
    min_aspect_ratio: NonNegativeFloat = 0.0
    max_aspect_ratio: NonNegativeFloat = 0.0
    min_area: NonNegativeFloat = 0.0
    max_area: NonNegativeFloat = 0.0
    overlap_thresh: NonNegativeFloat = 0.0
    clip_boxes: bool = True
    random_coef: Probability = 0.0

    def crop(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image cropped, or as it is if no crop within the limits is found in 100 attempts."""
        if self.random_coef > 0 and generator.random() <= self.random_coef:
            return sample
        return crop_to(sample, self.window(sample, generator), self.overlap_thresh, self.clip_boxes)

    def window(self, sample: LabelledImage, generator: np.random.Generator) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of a crop, in pixels."""
        limits = np.array([sample.width, sample.height] * 2, np.float32)
        objects = np.clip(sample.boxes, 0, limits).astype(np.int64)  # the kernel works on whole pixels
        if not len(objects):
            objects = limits.astype(np.int64)[None]
        low, high = np.float32(self.min_aspect_ratio), np.float32(self.max_aspect_ratio)
        for _ in range(_ATTEMPTS):
            ratio = np.float32(generator.random()) * (high - low) + low
            found = self._rectangle(sample.width, sample.height, ratio, generator)
            if found is not None and _covers(found, objects, self.min_object_covered):
                return found
        return 0, 0, sample.width, sample.height

    def _rectangle(
        self, width: int, height: int, ratio: np.float32, generator: np.random.Generator
    ) -> tuple[int, int, int, int] | None:
        if self.max_area <= 0 or ratio <= 0 or self.min_area > self.max_area:
            return None
        smallest, largest = (np.float32(share) * width * height for share in (self.min_area, self.max_area))
        tallest = _rounded(np.sqrt(largest / ratio))
        if _rounded(tallest * ratio) > width:
            tallest = int((width + 0.5 - 1e-7) / ratio)
            if _rounded(tallest * ratio) > width:
                tallest -= 1
        tallest = min(tallest, height)
        down = min(_rounded(np.sqrt(smallest / ratio)), tallest)
        if down < tallest:
            down += int(generator.integers(tallest - down + 1))
        across = _rounded(down * ratio)
        if across * down < smallest:  # rounding must not make the area too small, nor too large
            down += 1
            across = _rounded(down * ratio)
        if across * down > largest:
            down -= 1
            across = _rounded(down * ratio)
        if not smallest <= across * down <= largest or not 0 < across <= width or not 0 < down <= height:
            return None
        # The kernel never takes the last place of all.
        top = int(generator.integers(height - down)) if down < height else 0
        left = int(generator.integers(width - across)) if across < width else 0
        return left, top, left + across, top + down


class RandomCropImage(CropOperation, TensorFlowOption):
    """A random crop within limits on area, aspect ratio and how much of a box must be inside."""

    name: Literal["random_crop_image"] = "random_crop_image"
    min_object_covered: NonNegativeFloat = 1.0
    min_aspect_ratio: NonNegativeFloat = 0.75
    max_aspect_ratio: NonNegativeFloat = 1.33
    min_area: NonNegativeFloat = 0.1
    max_area: NonNegativeFloat = 1.0
    overlap_thresh: NonNegativeFloat = 0.3

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, cropped."""
        return self.crop(sample, generator)


_SSD = tuple(
    CropOperation(
        min_object_covered=share,
        min_aspect_ratio=0.5,
        max_aspect_ratio=2.0,
        min_area=0.1,
        max_area=1.0,
        overlap_thresh=share,
        random_coef=0.15,
    )
    for share in (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
)
"""Those of the paper on SSD."""


class SsdRandomCrop(TensorFlowOption):
    """One of several random crops.

    Attributes:
        operations: To draw from evenly; none stands for the seven of the paper on SSD.
    """

    name: Literal["ssd_random_crop"] = "ssd_random_crop"
    operations: tuple[CropOperation, ...] = ()

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, cropped."""
        operations = self.operations or _SSD
        return operations[int(generator.integers(len(operations)))].crop(sample, generator)


def crop_to(
    sample: LabelledImage, window: tuple[int, int, int, int], overlap_thresh: float, clip_boxes: bool
) -> LabelledImage:
    """The part of the image in ``window``, with the boxes of which at least ``overlap_thresh`` is in it."""
    left, top, right, bottom = window
    boxes = sample.boxes
    inside = np.minimum(boxes[:, 2:], (right, bottom)) - np.maximum(boxes[:, :2], (left, top))
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    shared = np.prod(np.maximum(inside, 0), axis=1)
    kept = (inside > 0).all(axis=1) & (area > 0) & (shared >= overlap_thresh * area)
    moved = boxes - np.array([left, top, left, top], np.float32)
    if clip_boxes:
        moved = np.clip(moved, 0, np.array([right - left, bottom - top] * 2, np.float32))
    whole = replace(
        sample,
        image=np.ascontiguousarray(sample.image[top:bottom, left:right]),
        boxes=moved.astype(np.float32),
        dropped=sample.dropped + int((~kept).sum()),
    )
    return whole.keep(kept)


def _rounded(value: Any) -> int:
    """To the nearest whole number, to an even one from the middle (C's lrintf)."""
    return int(np.rint(np.float32(value)))


def _covers(window: tuple[int, int, int, int], objects: NDArray[np.int64], share: float) -> bool:
    """Whether one of the objects that have pixels is inside by ``share`` of its area."""
    area = np.prod(objects[:, 2:] - objects[:, :2], axis=1)
    inside = np.minimum(objects[:, 2:], window[2:]) - np.maximum(objects[:, :2], window[:2])
    shared = np.prod(np.maximum(inside, 0), axis=1)
    real = area >= 1
    return bool((shared[real] / area[real] >= np.float32(share)).any())
