"""Readers against readers, and against a model: how far people agree bounds what can be expected of a model.

Each pair is measured on the images that both have read. Boxes flagged difficult count like any other: a reader drew
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset
from fractura.core.errors import DataError
from fractura.evaluation.bootstrap import ROUNDS, metrics_of
from fractura.evaluation.comparison import cohen_kappa
from fractura.evaluation.measures import Floats, Measure, Ratios
from fractura.evaluation.metric_names import Metric
from fractura.evaluation.metric_set import box_ratios, level_ratios
from fractura.evaluation.table import Table, build_table

_SCORE = 1.0
"""The score of a box that a person drew."""
_KEYS = (
    *("f1/iou10", "f1/iou30", "f1/iou50", "box_sensitivity/iou10", "box_sensitivity/iou30", "box_sensitivity/iou50"),
    *("false_positives_per_image/iou30", "image_sensitivity", "image_specificity"),
)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """One reader compared with another.

    Attributes:
        reader: Whose boxes are measured.
        against: Whose boxes are taken as ground truth.
        images: Number of images that both have read.
        metrics: ``kappa`` (Cohen's, of images with and without boxes), F1 and sensitivity of boxes by overlap, false
            positives, and sensitivity and specificity by image.
    """

    reader: str
    against: str
    images: int
    metrics: dict[str, Metric]


class _Kappa:
    """Cohen's kappa of images as a whole."""

    keys = ("kappa",)

    def __init__(self, table: Table, detected: NDArray[np.bool_]) -> None:
        self._first, self._second = table.positive, detected
        self.support: dict[str, Floats] = {}

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        return np.array([cohen_kappa(self._first, self._second, weights)])


def agreements(readers: dict[str, Dataset], *, rounds: int = ROUNDS, seed: int = 0) -> Iterator[Agreement]:
    """Every reader against every other one, in both directions.

    Args:
        readers: By name, what each drew; boxes without scores, classes in the same order. Of a model, the detections
            from its threshold up.
        rounds: Resamples for the intervals; 0 gives none.
        seed: Of the resamples.

    Raises:
        DataError: Two of them have no image in common.
    """
    for against, ground_truth in readers.items():
        for reader, read in readers.items():
            if reader != against:
                yield _agreement(reader, read, against, ground_truth, rounds, seed)


def images_apart(first: Dataset, second: Dataset) -> tuple[int, int]:
    """How many images of each are not in the other, by name.

    Raises:
        DataError: No image is in both.
    """
    here, there = {record.name for record in first}, {record.name for record in second}
    if not here & there:
        raise DataError(
            f"no image name is in both {first.root} and {second.root}",
            hint="readers are measured on the images that both have, under the same file names",
        )
    return len(here - there), len(there - here)


def _agreement(reader: str, read: Dataset, against: str, ground_truth: Dataset, rounds: int, seed: int) -> Agreement:
    images_apart(ground_truth, read)  # refuses those that have nothing in common
    drawn = {record.name: record.boxes for record in read}
    records = tuple(
        replace(record, flags=(BoxFlags(),) * len(record.boxes)) for record in ground_truth if record.name in drawn
    )
    common = replace(ground_truth, records=records)
    detections = [_as_detections(drawn[record.name]) for record in records]
    table = build_table(common, detections)
    ratios = [ratio for ratio in (*box_ratios(table, _SCORE), *level_ratios(table, _SCORE)) if ratio.key in _KEYS]
    measures: Sequence[Measure] = [
        _Kappa(table, np.array([len(each) > 0 for each in detections], dtype=bool)),
        Ratios(ratios),
    ]
    metrics = metrics_of(measures, table.clusters, rounds, seed, {"kappa": len(records)})
    return Agreement(reader=reader, against=against, images=len(records), metrics=metrics)


def _as_detections(boxes: Boxes) -> Boxes:
    return Boxes(boxes.xyxy, boxes.labels, np.full(len(boxes), _SCORE))
