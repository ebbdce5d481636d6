"""From scores to probabilities: rising curves that a model's card holds, fitted by ``fractura calibrate``.

A probability holds where fractures are as frequent as on the images it was fitted on. The curves never fall, so that
ranks stay as they are; thresholds are compared with scores, never with probabilities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fractura.core.errors import ModelError
from fractura.core.model_card import ModelCard

Floats = NDArray[np.float64]
_SMALLEST = 1e-6
"""Scores this near to 0 and 1 are moved here before their logarithm is taken."""


@dataclass(frozen=True)
class Calibrator:
    """Two rising curves from scores to probabilities: of a detection to lie on a fracture, of an image to show one.

    Attributes:
        method: ``temperature``: the log-odds of the score divided by one number; ``isotonic``: the best rising
            staircase, drawn through.
        detection: ``{"temperature": t}``, or the corners of the curve ``{"x": […], "y": […]}``.
        image: The same for images.
    """

    method: str
    detection: dict[str, Any]
    image: dict[str, Any]

    @classmethod
    def from_card(cls, card: ModelCard, views: Sequence[str]) -> Calibrator | None:
        """The calibration of a model; None if it has none, or none for images examined in this way.

        Args:
            card: Of the model.
            views: How images are examined; the calibration is for those on the card.

        Raises:
            ModelError: The card's calibration is not one.
        """
        document = card.calibration
        if document is None or tuple(views) != card.views:
            return None
        try:
            calibrator = cls(document["method"], dict(document["detection"]), dict(document["image"]))
            ends = [
                _apply(calibrator.method, curve, [0.0, 0.5, 1.0]) for curve in (calibrator.detection, calibrator.image)
            ]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"the calibration on the model card cannot be read ({type(error).__name__}: {error})",
                place="calibration",
                hint="make it again: fractura calibrate MODEL VAL",
            ) from error
        if not all((np.diff(end) >= 0).all() and end[0] >= 0 and end[-1] <= 1 for end in ends):
            raise ModelError("the calibration on the model card falls or leaves 0..1", place="calibration")
        return calibrator

    def to_dict(self) -> dict[str, Any]:
        """What ``ModelCard.calibration`` holds."""
        return {"method": self.method, "detection": self.detection, "image": self.image}

    def detections(self, scores: ArrayLike) -> Floats:
        """The probability of each detection to lie on a fracture (IoU 0.3), ``(n,)`` in 0..1."""
        return _apply(self.method, self.detection, scores)

    def images(self, scores: ArrayLike) -> Floats:
        """The probability of each image to show a fracture, from image scores, ``(n,)`` in 0..1."""
        return _apply(self.method, self.image, scores)


def _apply(method: str, curve: Mapping[str, Any], scores: ArrayLike) -> Floats:
    values = np.asarray(scores, dtype=np.float64)
    if method == "temperature":
        temperature = float(curve["temperature"])
        if not temperature > 0:
            raise ValueError(f"the temperature must be above 0, not {temperature}")
        return np.asarray(1 / (1 + np.exp(-log_odds(values) / temperature)))
    if method == "isotonic":
        return np.asarray(np.interp(values, curve["x"], curve["y"]), dtype=np.float64)
    raise ValueError(f"there is no method {method!r}")


def log_odds(scores: Floats) -> Floats:
    """The logarithm of score to 1 - score; finite, at the ends too."""
    inside = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(np.log(inside / (1 - inside)))
