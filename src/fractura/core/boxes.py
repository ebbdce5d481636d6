"""``Boxes``: the one value type for boxes that every format, detector and metric shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.setflags(write=False)
    return array


@dataclass(frozen=True, eq=False)
class Boxes:
    """Axis-aligned boxes on one image. Immutable: the arrays are read-only copies.

    Attributes:
        xyxy: float32 ``(n, 4)``: left, top, right, bottom, in pixels of the displayed image (EXIF orientation
            applied), as Pascal VOC writes them: no half-pixel shift, no ±1.
        labels: int64 ``(n,)``: positions in the class names of the data set or model, from 0.
        scores: float32 ``(n,)`` in 0..1, or None for boxes drawn by people.
    """

    xyxy: NDArray[np.float32]
    labels: NDArray[np.int64]
    scores: NDArray[np.float32] | None = None

    def __init__(self, xyxy: ArrayLike, labels: ArrayLike, scores: ArrayLike | None = None) -> None:
        corners = np.array(xyxy, dtype=np.float32).reshape(-1, 4)
        classes = np.array(labels, dtype=np.int64).reshape(-1)
        certainty = None if scores is None else np.array(scores, dtype=np.float32).reshape(-1)
        if len(classes) != len(corners) or (certainty is not None and len(certainty) != len(corners)):
            raise ValueError(
                f"{len(corners)} boxes need as many labels and scores, got {len(classes)} labels"
                + ("" if certainty is None else f" and {len(certainty)} scores")
            )
        object.__setattr__(self, "xyxy", _frozen(corners))
        object.__setattr__(self, "labels", _frozen(classes))
        object.__setattr__(self, "scores", None if certainty is None else _frozen(certainty))

    @classmethod
    def empty(cls, *, scored: bool = False) -> Boxes:
        """No boxes; with ``scored`` the (empty) scores are there."""
        return cls([], [], [] if scored else None)

    def __len__(self) -> int:
        return len(self.xyxy)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Boxes):
            return NotImplemented
        return (
            np.array_equal(self.xyxy, other.xyxy)
            and np.array_equal(self.labels, other.labels)
            and (self.scores is None) == (other.scores is None)
            and (self.scores is None or other.scores is None or np.array_equal(self.scores, other.scores))
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def width(self) -> NDArray[np.float32]:
        """float32 ``(n,)``, pixels."""
        return self.xyxy[:, 2] - self.xyxy[:, 0]

    @property
    def height(self) -> NDArray[np.float32]:
        """float32 ``(n,)``, pixels."""
        return self.xyxy[:, 3] - self.xyxy[:, 1]

    @property
    def area(self) -> NDArray[np.float32]:
        """float32 ``(n,)``, square pixels; 0 where a box is turned inside out."""
        area: NDArray[np.float32] = np.maximum(self.width, 0) * np.maximum(self.height, 0)
        return area

    def select(self, index: ArrayLike) -> Boxes:
        """The boxes at ``index``: a boolean mask ``(n,)`` or integer positions."""
        chosen = np.asarray(index)
        if chosen.dtype != np.bool_:
            chosen = chosen.astype(np.int64)
        return Boxes(self.xyxy[chosen], self.labels[chosen], None if self.scores is None else self.scores[chosen])

    def above(self, threshold: float) -> Boxes:
        """The boxes whose score is at least ``threshold``; boxes without scores are all kept."""
        return self if self.scores is None else self.select(self.scores >= threshold)

    def with_area(self) -> Boxes:
        """Those that are wider and higher than nothing; inside out is less.

        Examples:
            >>> len(Boxes([[0, 0, 9, 9], [5, 5, 5, 9], [9, 9, 1, 1]], [0, 0, 0]).with_area())
            1
        """
        return self.select((self.width > 0) & (self.height > 0))

    def clip(self, width: float, height: float) -> Boxes:
        """The boxes cut to the image ``[0, width] x [0, height]``; none is dropped."""
        limits = np.array([width, height, width, height], dtype=np.float32)
        return Boxes(np.clip(self.xyxy, 0, limits), self.labels, self.scores)

    def scale(self, horizontal: float, vertical: float) -> Boxes:
        """The boxes on an image resized by these factors."""
        factors = np.array([horizontal, vertical, horizontal, vertical], dtype=np.float32)
        return Boxes(self.xyxy * factors, self.labels, self.scores)

    def iou(self, other: Boxes) -> NDArray[np.float32]:
        """Intersection over union with every box of ``other``: float32 ``(n, m)``; 0 where the union is empty."""
        return pairwise_iou(self.xyxy, other.xyxy)


def pairwise_iou(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of ``(n, 4)`` and ``(m, 4)`` xyxy boxes: float32 ``(n, m)``."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    overlap = np.prod(np.maximum(bottom_right - top_left, 0), axis=2)
    areas = [np.prod(np.maximum(b[:, 2:] - b[:, :2], 0), axis=1) for b in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - overlap
    iou: NDArray[np.float32] = np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)
    return iou
