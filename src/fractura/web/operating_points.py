"""What was measured of a model at its thresholds, from its card: for the metrics beside the page's slider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fractura.core.model_card import ModelCard
from fractura.evaluation import MAIN_CRITERION

_MOST_POINTS = 200


@dataclass(frozen=True)
class OperatingPoint:
    """Measured on the validation images: share of fractures found and false positives per image at a threshold."""

    threshold: float
    sensitivity: float
    false_positives_per_image: float


def operating_points(card: ModelCard) -> list[OperatingPoint]:
    """The points of the card's FROC curve, ascending by threshold, thinned out; none if the card has no curve."""
    curve = _at(card.metrics, "validation", "curves", "froc", MAIN_CRITERION)
    if not isinstance(curve, dict):
        return []
    columns = [curve.get(name) for name in ("threshold", "sensitivity", "false_positives_per_image")]
    if not all(isinstance(column, list) for column in columns):
        return []
    points = sorted(
        (OperatingPoint(*map(float, point)) for point in zip(*columns, strict=False)),  # type: ignore[arg-type]
        key=lambda point: point.threshold,
    )
    step = max(1, -(-len(points) // _MOST_POINTS))
    return points[::step]


def validation_images(card: ModelCard) -> int | None:
    """Images that the metrics were measured on."""
    images = _at(card.metrics, "validation", "images")
    return images if isinstance(images, int) else None


def _at(document: Any, *path: str) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document
