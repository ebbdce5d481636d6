"""``Table``: images and detections of one evaluation, matched once, from which every metric and resample is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.evaluation.coco_matching import CocoMatching, match_coco
from fractura.evaluation.froc import Matching, image_scores, match_by_criteria
from fractura.evaluation.metric_names import CRITERIA

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """What became of every detection on every image.

    Attributes:
        class_names: In label order.
        levels: ``image``, and ``study`` and ``patient`` where known: int64 ``(images,)``, the number of the study or
            patient that an image belongs to; an image without one is one of its own.
        positive: bool ``(images,)``: has a box to be found.
        negative: bool ``(images,)``: has no box at all.
        scores: float32 ``(images,)``: the image's score.
        boxes: int64 ``(images, classes)``: boxes to be found.
        matchings: By each of ``CRITERIA``; detections in the order of the images.
        coco: By COCO's rule, the same detections.
    """

    class_names: tuple[str, ...]
    levels: dict[str, Integers]
    positive: NDArray[np.bool_]
    negative: NDArray[np.bool_]
    scores: NDArray[np.float32]
    boxes: Integers
    matchings: dict[str, Matching]
    coco: CocoMatching

    @property
    def image_count(self) -> int:
        """Number of images."""
        return len(self.positive)

    @property
    def unit(self) -> str:
        """What is resampled: the widest level known, for images of one patient are not independent."""
        return next(level for level in ("patient", "study", "image") if level in self.levels)

    @property
    def clusters(self) -> Integers:
        """int64 ``(images,)``: number of the patient (study, image) that each image is resampled with, from 0."""
        return np.unique(self.levels[self.unit], return_inverse=True)[1].astype(np.int64)

    def select(self, images: NDArray[np.bool_]) -> Table:
        """The table of some images only."""
        first = next(iter(self.matchings.values()))
        kept = images[first.images]
        number = np.cumsum(images) - 1
        return replace(
            self,
            levels={level: numbers[images] for level, numbers in self.levels.items()},
            positive=self.positive[images],
            negative=self.negative[images],
            scores=self.scores[images],
            boxes=self.boxes[images],
            matchings={
                criterion: replace(
                    each,
                    scores=each.scores[kept],
                    outcome=each.outcome[kept],
                    box=each.box[kept],
                    images=number[each.images[kept]],
                    labels=each.labels[kept],
                    ground_truths=int(self.boxes[images].sum()),
                    image_count=int(np.count_nonzero(images)),
                )
                for criterion, each in self.matchings.items()
            },
            coco=self.coco.select(kept, images),
        )


def build_table(dataset: Dataset, predictions: Sequence[Boxes]) -> Table:
    """Match the detections of every image, one scored ``Boxes`` per record, labels in the data set's order."""
    records = dataset.records
    boxes = np.zeros((len(records), len(dataset.class_names)), dtype=np.int64)
    for image, record in enumerate(records):
        np.add.at(boxes[image], record.boxes.labels[~record.difficult], 1)
    return Table(
        class_names=dataset.class_names,
        levels=_levels(records),
        positive=boxes.sum(axis=1) > 0,
        negative=np.array([record.is_negative for record in records], dtype=bool),
        scores=image_scores(predictions),
        boxes=boxes,
        matchings=dict(zip(CRITERIA, match_by_criteria(dataset, predictions, CRITERIA), strict=True)),
        coco=match_coco(dataset, predictions),
    )


def _levels(records: Sequence[Record]) -> dict[str, Integers]:
    levels = {"image": np.arange(len(records))}
    for level in ("study", "patient"):
        names = [getattr(record, level) for record in records]
        if any(name is not None for name in names):
            # An image whose patient is not known is a cluster of its own; its key, a number, is never a patient's name.
            keys: dict[str | int, int] = {}
            levels[level] = np.array(
                [keys.setdefault(image if name is None else name, len(keys)) for image, name in enumerate(names)],
                dtype=np.int64,
            )
    return levels
