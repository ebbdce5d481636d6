"""Comparing an exported file with PyTorch, on real images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.errors import ModelError
from fractura.imaging.reader import read_radiograph
from fractura.inference.runtimes.runtime import Runtime

MINIMUM_IOU = 0.99
MAXIMUM_SCORE_DIFFERENCE = 1e-3
MAXIMUM_UNMATCHED = 0.01
"""Share of boxes that may be unmatched: if two scores nearly tie, suppression may keep the other box."""
MINIMUM_SCORE = 0.05
"""Weaker candidates are not compared, because near ties among them decide which box survives suppression. The best one
of each image is always compared; otherwise a model without confident detections would agree with everything."""


@dataclass(frozen=True)
class Parity:
    """How well two runtimes of one model agree.

    >>> Parity(images=8, boxes=200, unmatched=1, minimum_iou=0.999, maximum_score_difference=1e-5).holds
    True

    Attributes:
        images: Number of images compared.
        boxes: Number of boxes compared: those of both runtimes that score at least ``MINIMUM_SCORE``, and the best of
            each image.
        unmatched: Number of boxes that only one runtime has (IoU below ``MINIMUM_IOU``, or another class).
        minimum_iou: Lowest IoU of matched boxes; 1 if there are none.
        maximum_score_difference: Largest score difference of matched boxes.
    """

    images: int
    boxes: int
    unmatched: int
    minimum_iou: float
    maximum_score_difference: float

    @property
    def holds(self) -> bool:
        """True if the runtimes agree within the limits."""
        return (
            self.images > 0
            and self.unmatched <= MAXIMUM_UNMATCHED * self.boxes
            and self.maximum_score_difference <= MAXIMUM_SCORE_DIFFERENCE
        )

    def require(self, what: str, output: Path, *, half: bool = False) -> None:
        """Refuse an export that disagrees with PyTorch.

        Args:
            what: What was exported, for the message.
            output: Where it would have been written.
            half: Its weights were rounded to half precision.

        Raises:
            ModelError: The parity does not hold.
        """
        if self.holds:
            return
        advice = (
            "rounding decides near ties of a model that is not confident yet: train it longer, or export without --half"
            if half
            else "please report this with the model's card.json"
        )
        raise ModelError(
            f"{what} disagrees with PyTorch: {self.unmatched} of {self.boxes} boxes are unmatched, scores differ by up "
            f"to {self.maximum_score_difference:.2g} (allowed: {MAXIMUM_SCORE_DIFFERENCE})",
            file=output,
            hint=f"nothing was written; {advice}",
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, including ``holds``."""
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
            overlap, difference = _best_matches(strong, theirs)
            matched = overlap >= MINIMUM_IOU
            boxes += len(strong)
            unmatched += int((~matched).sum())
            if matched.any():
                worst_iou = min(worst_iou, float(overlap[matched].min()))
                worst_score = max(worst_score, float(difference[matched].max()))
    return Parity(len(images), boxes, unmatched, worst_iou, worst_score)


def _best_matches(ours: Boxes, theirs: Boxes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """IoU with, and score difference to, the best overlapping box of the same class: float32 ``(n,)`` each."""
    if not len(ours) or not len(theirs):
        return np.zeros(len(ours), np.float32), np.zeros(len(ours), np.float32)
    assert ours.scores is not None
    assert theirs.scores is not None
    overlap = np.where(ours.labels[:, None] == theirs.labels[None, :], ours.iou(theirs), 0.0)
    match = overlap.argmax(axis=1)
    return overlap[np.arange(len(ours)), match], np.abs(ours.scores - theirs.scores[match])
