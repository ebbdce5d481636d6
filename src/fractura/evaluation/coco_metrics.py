"""COCO's average precision and recall at given image weights.

Follows cocoapi PythonAPI/pycocotools/cocoeval.py:315-420 (``accumulate``). The tests hold it against pycocotools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.coco_matching import IOUS, LOOSE_IOUS, MOST_DETECTIONS, RANGES, RIGHT, WRONG
from fractura.evaluation.measures import Floats, Integers, Running
from fractura.evaluation.metric_names import COCO_KEYS
from fractura.evaluation.table import Table

RECALLS = np.linspace(0, 1, 101)
_STRICT = slice(len(LOOSE_IOUS), None)
_SINGLE = {"AP50": 0.5, "AP75": 0.75, "AP30": 0.3, "AP10": 0.1}
_BY_CLASS = ("AP", "AP50", "AP30", "AP10")
_AT_MOST = (1, 10, MOST_DETECTIONS)
_EPSILON = np.spacing(1)
_ALL = 0


class AveragePrecision:
    """COCO's twelve metrics with ``AP30`` and ``AP10``, and four of each class where there are several.

    Args:
        table: Images and detections.
        brief: Only ``AP50``, ``AP30`` and ``AP10``.
    """

    def __init__(self, table: Table, *, brief: bool = False) -> None:
        self._brief = brief
        classes = table.class_names
        self._class_names = classes
        self.keys: tuple[str, ...] = ("AP50", "AP30", "AP10") if brief else COCO_KEYS
        if len(classes) > 1 and not brief:
            self.keys += tuple(f"{key}/{name}" for name in classes for key in _BY_CLASS)
        ious = [_position(0.1), _position(0.3), _position(0.5)] if brief else list(range(len(IOUS)))
        detections = next(iter(table.matchings.values()))
        self._cells: list[_Cell] = []
        for label in range(len(classes)):
            chosen = np.flatnonzero((detections.labels == label) & (table.coco.rank < MOST_DETECTIONS))
            order = chosen[np.argsort(-detections.scores[chosen], kind="stable")]
            for area in range(1 if brief else len(RANGES)):
                strict_only = [iou for iou in ious if area == _ALL or iou >= len(LOOSE_IOUS)]
                self._cells.append(_Cell(table, detections.images, order, label, area, strict_only))

        self._ground_truths = table.coco.ground_truths

    @property
    def support(self) -> Mapping[str, Integers]:
        """See ``Measure``."""
        boxes = {f"_{name}": self._ground_truths[:, :, area].sum(axis=1) for area, name in enumerate(RANGES)}
        support = {key: boxes.get(key[2:], boxes["_all"]) for key in self.keys}
        for label, name in enumerate(self._class_names):
            support |= {f"{key}/{name}": self._ground_truths[:, label, _ALL] for key in _BY_CLASS}
        return support

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        precision, recall = self._arrays(weights)
        single = {key: _mean(precision[_position(iou), _ALL]) for key, iou in _SINGLE.items()}
        if self._brief:
            return np.array([single[key] for key in self.keys])
        metrics = {"AP": _mean(precision[_STRICT, _ALL]), **single}
        for area, name in enumerate(RANGES):
            metrics[f"AP_{name}"] = _mean(precision[_STRICT, area])
            metrics[f"AR_{name}"] = _mean(recall[_STRICT, area, :, -1])
        for place, most in enumerate(_AT_MOST):
            metrics[f"AR_{most}"] = _mean(recall[_STRICT, _ALL, :, place])
        values = [metrics[key] for key in COCO_KEYS]
        if len(self.keys) > len(values):
            for label in range(precision.shape[2]):
                own = precision[:, _ALL, label]
                values += [_mean(own[_STRICT]), *(own[_position(iou)] for iou in (0.5, 0.3, 0.1))]
        return np.array(values)

    def curves(self, weights: Floats) -> dict[str, Floats]:
        """Precision at ``RECALLS``, mean over the classes, for IoU 0.1, 0.3 and 0.5: ``(101,)`` each."""
        curves = {}
        for key, iou in (("iou10", 0.1), ("iou30", 0.3), ("iou50", 0.5)):
            of_class = [cell.curve(weights, _position(iou)) for cell in self._cells if cell.area == _ALL]
            defined = [curve for curve in of_class if curve is not None]
            if defined:
                curves[key] = np.mean(defined, axis=0)
        return curves

    def _arrays(self, weights: Floats) -> tuple[Floats, Floats]:
        """Precision ``(ious, ranges, classes)`` and recall ``(ious, ranges, classes, at most)``, NaN if not defined."""
        precision = np.full((len(IOUS), len(RANGES), len(self._class_names)), np.nan)
        recall = np.full((*precision.shape, len(_AT_MOST)), np.nan)
        for cell in self._cells:
            cell.measure(weights, precision[:, cell.area, cell.label], recall[:, cell.area, cell.label])
        return precision, recall


def _position(iou: float) -> int:
    return int(np.argmin(np.abs(np.array(IOUS) - iou)))


def _mean(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


class _Cell:
    """One class and range of size: precision along the detections, by overlap.

    Precision matters only where a detection is right. How many detections are wrong up to there is the number of all
    detections of the range so far, which all overlaps share, less those that are right or ignored, which are few.
    """

    def __init__(self, table: Table, images: Integers, order: Integers, label: int, area: int, ious: list[int]) -> None:
        self.label, self.area, self._ious = label, area, ious
        self._ground_truths = table.coco.ground_truths[:, label, area].astype(np.float64)
        inside = table.coco.in_range[area, order]
        listed = np.flatnonzero(inside)
        # Of the detections that overlap no box nothing but the range matters: all below looks at the few others only.
        number = np.full(len(table.coco.rank), -1)
        number[table.coco.touching] = np.arange(len(table.coco.touching))
        near = np.flatnonzero(number[order] >= 0)
        outcome = table.coco.outcome[:, area, number[order[near]]]
        ranks = table.coco.rank[order[near]] if area == _ALL else None
        self._right = [
            _Right(images[order[near]], near, outcome[iou], inside[near], ranks, table.image_count) for iou in ious
        ]
        ends = [np.searchsorted(listed, right.places) for right in self._right]
        self._detections = Running(images[order[listed]], np.concatenate(ends), table.image_count)

    def measure(self, weights: Floats, precision: Floats, recall: Floats) -> None:
        """Write precision ``(ious,)`` and recall ``(ious, at most)``; left as they are without boxes to be found."""
        ground_truths = float(self._ground_truths @ weights)
        if not ground_truths:
            return
        for iou, right, detections in self._by_overlap(weights):
            precision[iou] = right.precision(weights, detections, ground_truths).sum() / len(RECALLS)
            recall[iou] = right.of_best(weights) / ground_truths

    def curve(self, weights: Floats, iou: int) -> Floats | None:
        """Precision at ``RECALLS`` for one overlap; None without boxes to be found."""
        ground_truths = float(self._ground_truths @ weights)
        right, detections = next(
            (right, detections) for each, right, detections in self._by_overlap(weights) if each == iou
        )
        return right.precision(weights, detections, ground_truths) if ground_truths else None

    def _by_overlap(self, weights: Floats) -> Iterator[tuple[int, _Right, Floats]]:
        """Each overlap with its right detections, and the sum of all listed detections above each of them."""
        detections, start = self._detections.of(weights), 0
        for iou, right in zip(self._ious, self._right, strict=True):
            yield iou, right, detections[start : start + len(right.places)]
            start += len(right.places)


class _Right:
    """The right detections of one class, range and overlap.

    Args:
        images: Image of each detection that overlaps a box, best first.
        places: Where in the list of all detections of the class each stands.
        outcome: What became of each.
        inside: Whether each is itself in the range.
        ranks: Place of each on its image; None where only recall of all detections is asked for.
        count: Number of images.

    Attributes:
        places: Where in the list of all detections of the class the right ones stand.
    """

    def __init__(
        self,
        images: Integers,
        places: Integers,
        outcome: NDArray[np.int8],
        inside: NDArray[np.bool_],
        ranks: Integers | None,
        count: int,
    ) -> None:
        right = np.flatnonzero(outcome == RIGHT)
        self.places = places[right]
        self._images = images[right]
        self._images_of_best = None if ranks is None else [self._images[ranks[right] < most] for most in _AT_MOST[:-1]]
        # A right detection whose own area is outside the range is not in the list of detections of the range.
        not_wrong = np.flatnonzero(inside & (outcome != WRONG))
        self._not_wrong = Running(images[not_wrong], np.searchsorted(not_wrong, right), count)

    def of_best(self, weights: Floats) -> Floats:
        """Sum of weights of the right detections among the best of each image, for each of ``_AT_MOST``."""
        fewer = self._images_of_best or [self._images[:0]] * (len(_AT_MOST) - 1)
        return np.array([weights[images].sum() for images in (*fewer, self._images)])

    def precision(self, weights: Floats, detections: Floats, ground_truths: float) -> Floats:
        """Precision at ``RECALLS``, made to fall only, as COCO does.

        Args:
            weights: Of the images.
            detections: Sum of all listed detections above each right one.
            ground truth: Boxes to be found.
        """
        right = np.cumsum(weights[self._images])
        wrong = detections - self._not_wrong.of(weights)
        precision = right / (right + wrong + _EPSILON)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        return np.asarray(np.append(falling, 0.0)[np.searchsorted(right / ground_truths, RECALLS, side="left")])
