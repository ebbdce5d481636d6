"""Metrics of parts of the images: by body part, view, side, size of the box, and by the columns of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset, Record
from fractura.evaluation.bootstrap import metrics_of
from fractura.evaluation.froc import IGNORED, Matching
from fractura.evaluation.measures import Froc, Ratios
from fractura.evaluation.metric_set import box_ratios, brief_measures, counts_of
from fractura.evaluation.result import Subgroup
from fractura.evaluation.table import Table

SIZES = {"small": (0.0, 0.005), "medium": (0.005, 0.02), "large": (0.02, float("inf"))}
"""Sizes of a box: its share of the image's area, the lower end included."""
_FACTS: dict[str, Callable[[Record], str | None]] = {
    "body part": lambda record: record.body_part,
    "view": lambda record: record.view,
    "laterality": lambda record: record.laterality,
    "device": lambda record: record.device,
}


@dataclass(frozen=True, eq=False)
class ImageGroup:
    """Some of the images of a data set.

    Attributes:
        by: What divides the images.
        name: Which part this is.
        images: bool ``(images,)``.
    """

    by: str
    name: str
    images: NDArray[np.bool_]


def image_groups(dataset: Dataset) -> list[ImageGroup]:
    """The parts that the records themselves tell: images with boxes, and each body part, view and side that is
    named."""
    positive = np.array([not record.is_negative for record in dataset], dtype=bool)
    groups = [ImageGroup("images", "with a fracture", positive)] if positive.any() and not positive.all() else []
    for by, fact in _FACTS.items():
        values = [fact(record) for record in dataset]
        for name in sorted({value for value in values if value is not None}):
            groups.append(ImageGroup(by, name, np.array([value == name for value in values], dtype=bool)))
    return groups


def subgroups_of(
    dataset: Dataset, table: Table, groups: Sequence[ImageGroup], threshold: float, rounds: int, seed: int
) -> tuple[Subgroup, ...]:
    """The metrics of each group of images, then of the boxes of each size.

    Args:
        dataset: The images.
        table: The same, with their detections.
        groups: Parts of the images; empty ones are left out.
        threshold: Score from which a detection counts.
        rounds: Resamples for the intervals; each group is resampled on its own.
        seed: Of the resamples.
    """
    parts = [
        _images(table.select(group.images), group, threshold, rounds, seed) for group in groups if group.images.any()
    ]
    for name, (lowest, highest) in SIZES.items():
        chosen = [_of_size(record, lowest, highest) for record in dataset]
        part = _boxes(table, chosen, name, threshold, rounds, seed)
        if part.boxes:
            parts.append(part)
    return tuple(parts)


def _images(table: Table, group: ImageGroup, threshold: float, rounds: int, seed: int) -> Subgroup:
    return Subgroup(
        by=group.by,
        name=group.name,
        images=table.image_count,
        positive=int(np.count_nonzero(table.positive)),
        negative=int(np.count_nonzero(table.negative)),
        boxes=int(table.boxes.sum()),
        metrics=metrics_of(brief_measures(table, threshold), table.clusters, rounds, seed, counts_of(table)),
    )


def _of_size(record: Record, lowest: float, highest: float) -> NDArray[np.bool_]:
    """Which boxes to be found cover such a share of the image."""
    share = record.boxes.area.astype(np.float64) / (record.width * record.height)
    return np.asarray((share >= lowest) & (share < highest) & ~record.difficult)


def _boxes(
    table: Table, chosen: list[NDArray[np.bool_]], name: str, threshold: float, rounds: int, seed: int
) -> Subgroup:
    """The boxes of one size. Detections on other boxes are left out; false positives are false for boxes of every
    size."""
    starts = np.concatenate([[0], np.cumsum([len(each) for each in chosen])]).astype(np.int64)
    flat = np.concatenate(chosen) if chosen else np.zeros(0, dtype=bool)
    counts = np.array([np.count_nonzero(each) for each in chosen], dtype=np.int64)

    def restricted(matching: Matching) -> Matching:
        found = matching.box >= 0
        other = np.zeros(len(found), dtype=bool)
        other[found] = ~flat[starts[matching.images[found]] + matching.box[found]]
        return replace(matching, outcome=np.where(other, IGNORED, matching.outcome), ground_truths=int(counts.sum()))

    part = replace(
        table,
        boxes=counts[:, None],
        matchings={criterion: restricted(each) for criterion, each in table.matchings.items()},
    )
    wanted = [ratio for ratio in box_ratios(part, threshold) if ratio.key.startswith("box_sensitivity")]
    return Subgroup(
        by="box size",
        name=name,
        images=table.image_count,
        positive=int(np.count_nonzero(counts)),
        negative=int(np.count_nonzero(table.negative)),
        boxes=int(counts.sum()),
        metrics=metrics_of(
            [Froc(part.matchings, counts), Ratios(wanted)], table.clusters, rounds, seed, {"froc": int(counts.sum())}
        ),
    )
