"""``Table``: films and marks of one evaluation, matched once, from which every figure and resample is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.evaluation.coco_matching import CocoMatching, match_coco
from fractura.evaluation.froc import Matching, film_scores, match_by_criteria
from fractura.evaluation.metric_names import CRITERIA

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Table:
    """What became of every mark on every film.

    Attributes:
        class_names: In label order.
        levels: ``film``, and ``study`` and ``patient`` where known: int64 ``(films,)``, the number of the study or
            patient that a film belongs to; a film without one is one of its own.
        positive: bool ``(films,)``: has a box to be found.
        negative: bool ``(films,)``: has no box at all.
        scores: float32 ``(films,)``: the film's score.
        boxes: int64 ``(films, classes)``: boxes to be found.
        matchings: By each of ``CRITERIA``; marks in the order of the films.
        coco: By COCO's rule, the same marks.
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
    def film_count(self) -> int:
        """Number of films."""
        return len(self.positive)

    @property
    def unit(self) -> str:
        """What is resampled: the widest level known, for films of one patient are not independent."""
        return next(level for level in ("patient", "study", "film") if level in self.levels)

    @property
    def clusters(self) -> Integers:
        """int64 ``(films,)``: number of the patient (study, film) that each film is resampled with, from 0."""
        return np.unique(self.levels[self.unit], return_inverse=True)[1].astype(np.int64)

    def select(self, films: NDArray[np.bool_]) -> Table:
        """The table of some films only."""
        first = next(iter(self.matchings.values()))
        kept = films[first.films]
        number = np.cumsum(films) - 1
        return replace(
            self,
            levels={level: numbers[films] for level, numbers in self.levels.items()},
            positive=self.positive[films],
            negative=self.negative[films],
            scores=self.scores[films],
            boxes=self.boxes[films],
            matchings={
                criterion: replace(
                    each,
                    scores=each.scores[kept],
                    outcome=each.outcome[kept],
                    box=each.box[kept],
                    films=number[each.films[kept]],
                    labels=each.labels[kept],
                    truths=int(self.boxes[films].sum()),
                    film_count=int(np.count_nonzero(films)),
                )
                for criterion, each in self.matchings.items()
            },
            coco=self.coco.select(kept, films),
        )


def build_table(dataset: Dataset, predictions: Sequence[Boxes]) -> Table:
    """Match the marks of every film, one scored ``Boxes`` per record, labels in the data set's order."""
    records = dataset.records
    boxes = np.zeros((len(records), len(dataset.class_names)), dtype=np.int64)
    for film, record in enumerate(records):
        np.add.at(boxes[film], record.boxes.labels[~record.difficult], 1)
    return Table(
        class_names=dataset.class_names,
        levels=_levels(records),
        positive=boxes.sum(axis=1) > 0,
        negative=np.array([record.is_negative for record in records], dtype=bool),
        scores=film_scores(predictions),
        boxes=boxes,
        matchings=dict(zip(CRITERIA, match_by_criteria(dataset, predictions, CRITERIA), strict=True)),
        coco=match_coco(dataset, predictions),
    )


def _levels(records: Sequence[Record]) -> dict[str, Integers]:
    levels = {"film": np.arange(len(records))}
    for level in ("study", "patient"):
        names = [getattr(record, level) for record in records]
        if any(name is not None for name in names):
            # A film whose patient is not known stands alone; its key is a number and can be no patient's name.
            keys: dict[str | int, int] = {}
            levels[level] = np.array(
                [keys.setdefault(film if name is None else name, len(keys)) for film, name in enumerate(names)],
                dtype=np.int64,
            )
    return levels
