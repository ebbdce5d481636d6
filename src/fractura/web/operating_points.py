"""What was measured of a model at its thresholds, from its card: the numbers next to the page's slider."""

from __future__ import annotations

from pydantic import ValidationError

from fractura.core.model_card import ModelCard
from fractura.evaluation import MAIN_CRITERION
from fractura.web.schemas import OperatingPoint

_MOST_POINTS = 200
_COLUMNS = ("threshold", "sensitivity", "false_positives_per_image")


def operating_points(card: ModelCard) -> list[OperatingPoint]:
    """The points of the card's FROC curve, ascending by threshold, thinned out; none without a curve of numbers."""
    curve = _at(card.metrics, "validation", "curves", "froc", MAIN_CRITERION)
    if not isinstance(curve, dict) or not all(isinstance(curve.get(name), list) for name in _COLUMNS):
        return []
    rows = zip(*(curve[name] for name in _COLUMNS), strict=False)
    try:
        points = [OperatingPoint(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]
    except ValidationError:
        return []
    points.sort(key=lambda point: point.threshold)
    step = max(1, -(-len(points) // _MOST_POINTS))
    return points[::step]


def validation_images(card: ModelCard) -> int | None:
    """Number of images that the metrics were measured on."""
    images = _at(card.metrics, "validation", "images")
    return images if isinstance(images, int) else None


def _at(document: object, *path: str) -> object:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document
