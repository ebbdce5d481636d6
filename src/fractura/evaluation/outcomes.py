"""What became of every film at the threshold: missed boxes and false marks, for pictures of the worst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation.froc import FALSE, FOUND, IOU_OF, lies_right, scores_of
from fractura.evaluation.metric_names import MAIN_CRITERION
from fractura.evaluation.result import Outcome
from fractura.evaluation.table import Table


def outcomes_of(dataset: Dataset, predictions: Sequence[Boxes], table: Table, threshold: float) -> tuple[Outcome, ...]:
    """One ``Outcome`` per film, by ``MAIN_CRITERION``."""
    matching = table.matchings[MAIN_CRITERION]
    outcomes = []
    start = 0
    for film, (record, marks) in enumerate(zip(dataset.records, predictions, strict=True)):
        here = slice(start, start + len(marks))
        start += len(marks)
        scores, fate = scores_of(marks), matching.outcome[here]
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= np.float32(threshold)]
        found = matching.box[here][order][fate[order] == FOUND]
        missed = np.setdiff1d(np.flatnonzero(~record.difficult), found)
        right = lies_right(record.boxes, marks, marks.iou(record.boxes), IOU_OF[MAIN_CRITERION])[:, missed]
        best = np.where(right, scores[:, None], 0.0).max(axis=0, initial=0.0)
        outcomes.append(
            Outcome(
                record=record,
                marks=marks.select(order),
                film_score=float(table.scores[film]),
                positive=True if table.positive[film] else (False if table.negative[film] else None),
                missed=tuple(missed.tolist()),
                false=tuple(np.flatnonzero(fate[order] == FALSE).tolist()),
                missed_scores=tuple(best.tolist()),
            )
        )
    return tuple(outcomes)
