"""Does an exported file find what PyTorch finds, on real images?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractura.core.boxes import Boxes
from fractura.imaging.reader import read_radiograph
from fractura.inference.runtimes.runtime import Runtime

MINIMUM_IOU = 0.99
MAXIMUM_SCORE_DIFFERENCE = 1e-3
MAXIMUM_UNMATCHED = 0.01
"""Share of boxes that may lack a twin: of a hundred near ones, two scores may tie and suppression keep the other."""
MINIMUM_SCORE = 0.05
"""Weaker candidates are not compared: near ties among them decide which of two boxes survives suppression. The best one
of each image is compared whatever its score, else a model that is sure of nothing would agree with everything."""


@dataclass(frozen=True)
class Parity:
    """How well two runtimes of one model agree.

    Attributes:
        images: Images compared.
        boxes: Boxes compared, those of both runtimes with a score of at least ``MINIMUM_SCORE``, and the best of each
            image in any case.
        unmatched: Boxes of one runtime that the other has not (IoU under ``MINIMUM_IOU`` or another class).
        minimum_iou: Worst IoU among matched boxes; 1 where there is none.
        maximum_score_difference: Largest difference among matched boxes.
    """

    images: int
    boxes: int
    unmatched: int
    minimum_iou: float
    maximum_score_difference: float

    @property
    def holds(self) -> bool:
        """True if the boxes have their twins, within the limits."""
        return (
            self.images > 0
            and self.unmatched <= MAXIMUM_UNMATCHED * self.boxes
            and self.maximum_score_difference <= MAXIMUM_SCORE_DIFFERENCE
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, ``holds`` included."""
        return {**asdict(self), "holds": self.holds}


def compare(first: Runtime, second: Runtime, images: Sequence[Path]) -> Parity:
    """Run both on ``images`` and compare box by box, in both directions."""
    boxes = unmatched = 0
    worst_iou, worst_score = 1.0, 0.0
    for image in images:
        pixels = read_radiograph(image).pixels
        found = first.detect(pixels), second.detect(pixels)
        for ours, theirs in (found, found[::-1]):
            assert ours.scores is not None
            strong = ours.above(min(MINIMUM_SCORE, float(ours.scores.max(initial=0.0))))
            overlap, difference = _best_twins(strong, theirs)
            matched = overlap >= MINIMUM_IOU
            boxes += len(strong)
            unmatched += int((~matched).sum())
            if matched.any():
                worst_iou = min(worst_iou, float(overlap[matched].min()))
                worst_score = max(worst_score, float(difference[matched].max()))
    return Parity(len(images), boxes, unmatched, worst_iou, worst_score)


def _best_twins(ours: Boxes, theirs: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """IoU with, and score difference to, the best overlapping box of the same class: float32 ``(n,)`` each."""
    if not len(ours) or not len(theirs):
        return np.zeros(len(ours), np.float32), np.zeros(len(ours), np.float32)
    assert ours.scores is not None
    assert theirs.scores is not None
    overlap = np.where(ours.labels[:, None] == theirs.labels[None, :], ours.iou(theirs), 0.0)
    twin = overlap.argmax(axis=1)
    return overlap[np.arange(len(ours)), twin], np.abs(ours.scores - theirs.scores[twin])
