"""The augmentation of the TensorFlow Object Detection API that disturbs pixels or boxes in place, by its own names.

Follows tensorflow/models research/object_detection/core/preprocessor.py:1310-1408, 2544-2630 and 2793-2906,
utils/patch_ops.py, and the defaults of protos/preprocessor.proto.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveInt

from fractura.training.tensorflow_augmentation import TensorFlowOption
from fractura.training.transform import LabelledImage, Probability

JitterMode = Literal[
    "default", "expand", "shrink", "expand_symmetric", "shrink_symmetric", "expand_symmetric_xy", "shrink_symmetric_xy"
]


class RandomJitterBoxes(TensorFlowOption):
    """Moves the sides of the boxes; pixels stay.

    Attributes:
        ratio: Each side is moved by up to half of this fraction of the box's height or width.
        jitter_mode: ``expand`` only outwards, ``shrink`` only inwards; with ``_symmetric`` opposite sides move alike,
            so that the centre stays, with ``_xy`` height and width change by the same factor.
    """

    name: Literal["random_jitter_boxes"] = "random_jitter_boxes"
    ratio: NonNegativeFloat = 0.05
    jitter_mode: JitterMode = "default"

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The same image with other boxes, cut at its border."""
        low = 0.0 if self.jitter_mode.startswith("expand") else -self.ratio
        high = 0.0 if self.jitter_mode.startswith("shrink") else self.ratio
        whole = np.array([sample.width, sample.height], np.float32)
        boxes = sample.boxes
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        size = np.maximum(np.abs(boxes[:, 2:] - boxes[:, :2]), 1e-6 * whole)
        if "symmetric" in self.jitter_mode:
            factors = 1 + generator.uniform(low, high, (len(boxes), 2))[:, ::-1]  # TensorFlow draws the height first
            most = np.abs(np.minimum(2 * centre / size, 2 * (whole - centre) / size))
            if self.jitter_mode.endswith("_xy"):
                factors = np.broadcast_to(factors[:, 1:], factors.shape)
                most = np.broadcast_to(most.min(axis=1, keepdims=True), most.shape)
            near = far = np.clip(factors, -most, most)
        else:
            draws = 1 + generator.uniform(low, high, (len(boxes), 4))  # top, left, bottom, right
            near, far = draws[:, 1::-1], draws[:, :1:-1]
        moved = np.concatenate([centre - size * near / 2, centre + size * far / 2], axis=1)
        return replace(sample, boxes=np.clip(moved, 0, np.tile(whole, 2)).astype(np.float32))


class RandomBlackPatches(TensorFlowOption):
    """Covers squares of the image with black.

    Attributes:
        max_black_patches: How often it tries.
        probability: Of a square at each try.
        size_to_image_ratio: Side of the squares, as a fraction of the image's shorter side.
    """

    name: Literal["random_black_patches"] = "random_black_patches"
    max_black_patches: NonNegativeInt = 10
    probability: Probability = 0.5
    size_to_image_ratio: Probability = 0.1

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with black squares; boxes stay."""
        side = int(np.float32(min(sample.height, sample.width)) * np.float32(self.size_to_image_ratio))
        image = sample.image.copy()
        for _ in range(self.max_black_patches):
            if generator.random() > self.probability:
                continue
            top, left = (
                int(np.float32(generator.uniform(0, 1 - self.size_to_image_ratio)) * length)
                for length in (sample.height, sample.width)
            )
            image[top : top + side, left : left + side] = 0
        return replace(sample, image=image)


class RandomPatchGaussian(TensorFlowOption):
    """Adds normal noise inside one square, which may reach beyond the image.

    Attributes:
        random_coef: Chance of leaving the image as it is.
        min_patch_size: Smallest side of the square, in pixels.
        max_patch_size: The side is less than this.
        min_gaussian_stddev: Smallest standard deviation of the noise, as a fraction of white.
        max_gaussian_stddev: Largest standard deviation.
    """

    name: Literal["random_patch_gaussian"] = "random_patch_gaussian"
    random_coef: Probability = 0.0
    min_patch_size: PositiveInt = 1
    max_patch_size: PositiveInt = 250
    min_gaussian_stddev: NonNegativeFloat = 0.0
    max_gaussian_stddev: NonNegativeFloat = 1.0

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with noise; boxes stay."""
        if generator.random() < self.random_coef:
            return sample
        size = int(generator.integers(self.min_patch_size, max(self.max_patch_size, self.min_patch_size + 1)))
        deviation = np.float32(generator.uniform(self.min_gaussian_stddev, self.max_gaussian_stddev))
        y, x = int(generator.integers(sample.height)), int(generator.integers(sample.width))
        rows = slice(max(0, y - size // 2), y + (size + 1) // 2)
        columns = slice(max(0, x - size // 2), x + (size + 1) // 2)
        image = sample.image.astype(np.float32)
        patch = image[rows, columns] / np.float32(255)
        noise = generator.standard_normal(patch.shape, dtype=np.float32) * deviation
        image[rows, columns] = np.clip(patch + noise, 0, 1) * np.float32(255)
        return replace(sample, image=image)
