"""COCO's average precision and recall at given image weights, with two loose overlaps besides COCO's ten.

Follows cocoapi PythonAPI/pycocotools/cocoeval.py:315-420 (``accumulate``); https://cocodataset.org/#detection-eval.
``coco_matching`` says why this is not left to pycocotools, and the tests hold it against pycocotools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation.coco_matching import IOUS, LOOSE_IOUS, MOST_DETECTIONS, RANGES
from fractura.evaluation.froc import FALSE_POSITIVE, TRUE_POSITIVE
from fractura.evaluation.measures import CumulativeWeights, Floats, Integers
from fractura.evaluation.metric_names import COCO_KEYS
from fractura.evaluation.table import Table, build_table

RECALLS = np.linspace(0, 1, 101)
_STRICT = slice(len(LOOSE_IOUS), None)
_SINGLE = {"AP50": 0.5, "AP75": 0.75, "AP30": 0.3, "AP10": 0.1}
_BY_CLASS = ("AP", "AP50", "AP30", "AP10")
_AT_MOST = (1, 10, MOST_DETECTIONS)
_EPSILON = np.spacing(1)
_ALL = 0


def average_precision(dataset: Dataset, predictions: Sequence[Boxes]) -> dict[str, float | None]:
    """COCO's metrics of scored boxes.

    Args:
        dataset: Images with their boxes.
        predictions: One scored ``Boxes`` per record, labels in the data set's order, not cut at a threshold.

    Returns:
        Each in 0..1, or None where no box of that kind is annotated on the images: the twelve of COCO (``AP``,
        ``AP50``, ``AP75``, ``AP_small``, ``AP_medium``, ``AP_large``, ``AR_1``, ``AR_10``, ``AR_100``, ``AR_small``,
        ``AR_medium``, ``AR_large``), ``AP30`` and ``AP10``; of several classes also ``AP/<class>`` and so on.

    Examples:
        >>> from pathlib import Path
        >>> from fractura.core.dataset import Record
        >>> wrist = Record(image=Path("wrist.png"), width=100, height=100, boxes=Boxes([[10, 10, 50, 50]], [0]))
        >>> found = Boxes([[12, 10, 50, 50]], [0], [0.9])
        >>> metrics = average_precision(Dataset(class_names=("fracture",), records=(wrist,)), [found])
        >>> round(metrics["AP50"], 2), round(metrics["AP"], 2), metrics["AP_large"]
        (1.0, 1.0, None)
    """
    measure = AveragePrecision(build_table(dataset, predictions))
    values = measure.of(np.ones(len(dataset)))
    return {key: None if np.isnan(value) else float(value) for key, value in zip(measure.keys, values, strict=True)}


class AveragePrecision:
    """COCO's twelve metrics with ``AP30`` and ``AP10``, and four of each class if there are several.

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
        self._parts: list[_PrecisionRecall] = []
        for label in range(len(classes)):
            chosen = np.flatnonzero((detections.labels == label) & (table.coco.rank < MOST_DETECTIONS))
            order = chosen[np.argsort(-detections.scores[chosen], kind="stable")]
            for area in range(1 if brief else len(RANGES)):
                strict_only = [iou for iou in ious if area == _ALL or iou >= len(LOOSE_IOUS)]
                self._parts.append(_PrecisionRecall(table, detections.images, order, label, area, strict_only))

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
            of_class = [part.curve(weights, _position(iou)) for part in self._parts if part.area == _ALL]
            defined = [curve for curve in of_class if curve is not None]
            if defined:
                curves[key] = np.mean(defined, axis=0)
        return curves

    def _arrays(self, weights: Floats) -> tuple[Floats, Floats]:
        """Precision ``(ious, ranges, classes)`` and recall ``(ious, ranges, classes, at most)``, NaN if not defined."""
        precision = np.full((len(IOUS), len(RANGES), len(self._class_names)), np.nan)
        recall = np.full((*precision.shape, len(_AT_MOST)), np.nan)
        for part in self._parts:
            part.measure(
                weights,
                precision[:, part.area, part.label],
                recall[:, part.area, part.label],
            )
        return precision, recall


def _position(iou: float) -> int:
    return int(np.argmin(np.abs(np.array(IOUS) - iou)))


def _mean(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


class _PrecisionRecall:
    """Precision and recall of one class in one range of size, by overlap.

    Precision matters only at the true positives. The number of false positives up to there is that of all detections
    of the range so far, which all overlaps have in common, less the true and the ignored ones, which are few.
    """

    def __init__(self, table: Table, images: Integers, order: Integers, label: int, area: int, ious: list[int]) -> None:
        self.label, self.area, self._ious = label, area, ious
        self._ground_truths = table.coco.ground_truths[:, label, area].astype(np.float64)
        inside = table.coco.in_range[area, order]
        listed = np.flatnonzero(inside)
        # For detections that overlap no box nothing but the range matters: what follows is about the few others.
        number = np.full(len(table.coco.rank), -1)
        number[table.coco.overlapping] = np.arange(len(table.coco.overlapping))
        near = np.flatnonzero(number[order] >= 0)
        outcome = table.coco.outcome[:, area, number[order[near]]]
        ranks = table.coco.rank[order[near]] if area == _ALL else None
        self._true_positives = [
            _TruePositives(images[order[near]], near, outcome[iou], inside[near], ranks, table.image_count)
            for iou in ious
        ]
        ends = [np.searchsorted(listed, found.places) for found in self._true_positives]
        self._detections = CumulativeWeights(images[order[listed]], np.concatenate(ends), table.image_count)

    def measure(self, weights: Floats, precision: Floats, recall: Floats) -> None:
        """Write precision ``(ious,)`` and recall ``(ious, at most)``; left as they are without boxes to be found."""
        ground_truths = float(self._ground_truths @ weights)
        if not ground_truths:
            return
        for iou, found, detections in self._by_overlap(weights):
            precision[iou] = found.precision(weights, detections, ground_truths).sum() / len(RECALLS)
            recall[iou] = found.of_best(weights) / ground_truths

    def curve(self, weights: Floats, iou: int) -> Floats | None:
        """Precision at ``RECALLS`` for one overlap; None without boxes to be found."""
        ground_truths = float(self._ground_truths @ weights)
        found, detections = next(
            (found, detections) for each, found, detections in self._by_overlap(weights) if each == iou
        )
        return found.precision(weights, detections, ground_truths) if ground_truths else None

    def _by_overlap(self, weights: Floats) -> Iterator[tuple[int, _TruePositives, Floats]]:
        """Each overlap with its true positives, and the sum of all listed detections above each of them."""
        detections, start = self._detections.of(weights), 0
        for iou, found in zip(self._ious, self._true_positives, strict=True):
            yield iou, found, detections[start : start + len(found.places)]
            start += len(found.places)


class _TruePositives:
    """The true positives of one class, range and overlap.

    Args:
        images: Image of each detection that overlaps a box, best first.
        places: Where each is in the list of all detections of the class.
        outcome: What became of each.
        inside: Whether each is itself in the range.
        ranks: Place of each on its image; None where only recall of all detections is asked for.
        count: Number of images.

    Attributes:
        places: Where the true positives are in the list of all detections of the class.
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
        found = np.flatnonzero(outcome == TRUE_POSITIVE)
        self.places = places[found]
        self._images = images[found]
        self._images_of_best = None if ranks is None else [self._images[ranks[found] < most] for most in _AT_MOST[:-1]]
        # A true positive whose own area is outside the range is not in the list of detections of the range.
        not_false = np.flatnonzero(inside & (outcome != FALSE_POSITIVE))
        self._not_false = CumulativeWeights(images[not_false], np.searchsorted(not_false, found), count)

    def of_best(self, weights: Floats) -> Floats:
        """Sum of weights of the true positives among the best of each image, for each of ``_AT_MOST``."""
        fewer = self._images_of_best or [self._images[:0]] * (len(_AT_MOST) - 1)
        return np.array([weights[images].sum() for images in (*fewer, self._images)])

    def precision(self, weights: Floats, detections: Floats, ground_truths: float) -> Floats:
        """Precision at ``RECALLS``, made non-increasing, as COCO does.

        Args:
            weights: Of the images.
            detections: Sum of all listed detections above each true positive.
            ground_truths: Sum of weights of the boxes to be found.
        """
        true_positives = np.cumsum(weights[self._images])
        false_positives = detections - self._not_false.of(weights)
        precision = true_positives / (true_positives + false_positives + _EPSILON)
        falling = np.maximum.accumulate(precision[::-1])[::-1]
        reached = np.searchsorted(true_positives / ground_truths, RECALLS, side="left")
        return np.asarray(np.append(falling, 0.0)[reached])
