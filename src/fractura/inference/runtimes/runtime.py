"""The interface of every runtime, and the checks that all of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.errors import ModelError
from fractura.core.model_card import ModelCard

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["float32", "bf16"]


class Runtime(Protocol):
    """Runs a detector, whatever library its weights need."""

    @property
    def card(self) -> ModelCard:
        """Class names, threshold and everything else known about the model."""
        ...

    @property
    def device(self) -> str:
        """Where it runs: ``cuda`` or ``cpu``."""
        ...

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """Find all candidates on one image, best first, not cut at any threshold.

        Args:
            image: uint8 ``(h, w, 3)`` RGB, as ``read_radiograph`` gives it.

        Returns:
            Scored boxes in pixels of ``image``; labels are positions in ``card.class_names``.
        """
        ...


def images_at_once(model: Runtime) -> int:
    """How many images ``model`` takes at the same time to advantage: its ``at_once``, or 1 if it has none."""
    number: int = getattr(model, "at_once", 1)
    return number


def refuse_wrong_image(image: NDArray[np.uint8]) -> None:
    """Raise a ValueError unless ``image`` is uint8 ``(h, w, 3)`` with at least one pixel."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ValueError(f"an image is uint8 (h, w, 3), not {image.dtype} {image.shape}")


def checked_boxes(boxes: Boxes, card: ModelCard, source: Path) -> Boxes:
    """What a network gave, best first.

    Raises:
        ModelError: A corner or score is not finite, a score outside 0..1, or a label is not among the class names.
    """
    scores = boxes.scores
    if scores is None:
        raise ModelError("the model gives boxes without scores", file=source)
    if not np.isfinite(boxes.xyxy).all() or not ((scores >= 0) & (scores <= 1)).all():
        raise ModelError(
            "the model gives corners that are not finite or scores outside 0..1",
            file=source,
            hint="its weights are damaged, or training went wrong: train or export it again",
        )
    if ((boxes.labels < 0) | (boxes.labels >= len(card.class_names))).any():
        raise ModelError(
            f"the model gives a label that its card has no class name for (it names {len(card.class_names)})",
            file=source,
            hint="card and weights do not belong together: train or export it again",
        )
    return boxes.select(np.argsort(-scores, kind="stable"))
