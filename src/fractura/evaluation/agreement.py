"""Readers against readers, and against a model: how far people agree bounds what a model can be asked for.

Each pair is measured on the images that both have read. Boxes flagged difficult are boxes here: a reader drew them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset
from fractura.core.errors import DataError
from fractura.evaluation.bootstrap import ROUNDS, metrics_of
from fractura.evaluation.comparison import cohen_kappa
from fractura.evaluation.measures import Floats, Measure, Ratios
from fractura.evaluation.metric_names import Metric
from fractura.evaluation.metric_set import box_ratios, level_ratios
from fractura.evaluation.table import Table, build_table

_EVERY = 1.0
"""The score of a box that a person drew."""
_KEYS = (
    *("f1/iou10", "f1/iou30", "f1/iou50", "box_sensitivity/iou10", "box_sensitivity/iou30", "box_sensitivity/iou50"),
    *("false_positives_per_image/iou30", "image_sensitivity", "image_specificity"),
)


@dataclass(frozen=True)
class Agreement:
    """One reader held against another.

    Attributes:
        reader: Whose boxes are measured.
        against: Whose boxes are taken as right.
        images: Images that both have read.
        metrics: ``kappa`` (Cohen's, of images with and without boxes), F1 and sensitivity of boxes by overlap, false
            detections, and sensitivity and specificity by image.
    """

    reader: str
    against: str
    images: int
    metrics: dict[str, Metric]


class _Kappa:
    """Cohen's kappa of images as a whole."""

    keys = ("kappa",)

    def __init__(self, table: Table, detected: np.ndarray) -> None:
        self._first, self._second = table.positive, detected
        self.support: dict[str, Floats] = {}

    def of(self, weights: Floats) -> Floats:
        """See ``Measure``."""
        return np.array([cohen_kappa(self._first, self._second, weights)])


def agreements(readers: dict[str, Dataset], *, rounds: int = ROUNDS, seed: int = 0) -> Iterator[Agreement]:
    """Every reader against every other one, both ways.

    Args:
        readers: By name, what each drew; boxes without scores, classes in the same order. A model's detections are cut
            at its threshold.
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
    ratios = [ratio for ratio in (*box_ratios(table, _EVERY), *level_ratios(table, _EVERY)) if ratio.key in _KEYS]
    measures: Sequence[Measure] = [
        _Kappa(table, np.array([len(each) > 0 for each in detections], dtype=bool)),
        Ratios(ratios),
    ]
    metrics = metrics_of(measures, table.clusters, rounds, seed, {"kappa": len(records)})
    return Agreement(reader, against, len(records), metrics)


def _as_detections(boxes: Boxes) -> Boxes:
    return Boxes(boxes.xyxy, boxes.labels, np.full(len(boxes), _EVERY))
