"""What became of every image at the threshold: missed boxes and false positives, for pictures of the worst."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation.froc import FALSE_POSITIVE, IOU_OF, TRUE_POSITIVE, fits, scores_of
from fractura.evaluation.metric_names import MAIN_CRITERION
from fractura.evaluation.result import Outcome
from fractura.evaluation.table import Table


def outcomes_of(dataset: Dataset, predictions: Sequence[Boxes], table: Table, threshold: float) -> tuple[Outcome, ...]:
    """One ``Outcome`` per image, by ``MAIN_CRITERION``."""
    matching = table.matchings[MAIN_CRITERION]
    outcomes = []
    start = 0
    for image, (record, detections) in enumerate(zip(dataset.records, predictions, strict=True)):
        here = slice(start, start + len(detections))
        start += len(detections)
        scores, fate = scores_of(detections), matching.outcome[here]
        order = np.argsort(-scores, kind="stable")
        order = order[scores[order] >= np.float32(threshold)]
        found = matching.box[here][order][fate[order] == TRUE_POSITIVE]
        missed = np.setdiff1d(np.flatnonzero(~record.difficult), found)
        right = fits(record.boxes, detections, detections.iou(record.boxes), IOU_OF[MAIN_CRITERION])[:, missed]
        best = np.where(right, scores[:, None], 0.0).max(axis=0, initial=0.0)
        outcomes.append(
            Outcome(
                record=record,
                detections=detections.select(order),
                image_score=float(table.scores[image]),
                positive=True if table.positive[image] else (False if table.negative[image] else None),
                missed=tuple(missed.tolist()),
                false=tuple(np.flatnonzero(fate[order] == FALSE_POSITIVE).tolist()),
                missed_scores=tuple(best.tolist()),
            )
        )
    return tuple(outcomes)
