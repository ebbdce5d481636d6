"""The value that augmentation works on, an image with its boxes, and the interface of one step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, eq=False)
class LabelledImage:
    """An image with its boxes, in augmentation.

    >>> LabelledImage(np.zeros((40, 30, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64)).width
    30

    Attributes:
        image: uint8 ``(height, width, 3)``; float32 of 0..255 after TensorFlow's options, which do not round.
        boxes: float32 ``(n, 4)`` xyxy in pixels of ``image``.
        labels: int64 ``(n,)``.
        dropped: Number of boxes that left the image or collapsed so far.
        weights: float32 ``(n,)``: see ``Target``; None is 1 for all.
    """

    image: NDArray[Any]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    dropped: int = 0
    weights: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        count = len(self.boxes)
        if len(self.labels) != count or (self.weights is not None and len(self.weights) != count):
            raise ValueError("each box needs a label and a weight: see LabelledImage.keep")

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.image.shape[0])

    def keep(self, kept: NDArray[Any] | slice) -> LabelledImage:
        """The same image with some of its boxes, by mask, positions or slice; they are not counted as dropped."""
        weights = None if self.weights is None else self.weights[kept]
        return replace(self, boxes=self.boxes[kept], labels=self.labels[kept], weights=weights)

    def rounded(self) -> LabelledImage:
        """The same image with uint8 pixels."""
        if self.image.dtype == np.uint8:
            return self
        return replace(self, image=np.rint(self.image).clip(0, 255).astype(np.uint8))


class AugmentationOption(BaseModel, ABC):
    """One step of augmentation; its fields are its settings.

    Attributes:
        takes_floats: True if it accepts float pixels; otherwise they are rounded first.
    """

    takes_floats: ClassVar[bool] = False

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image after this step."""
