"""``evaluate``: every metric of a set of detections, its interval, its curves, and what became of every image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.calibrator import Calibrator
from fractura.core.dataset import Dataset
from fractura.evaluation.bootstrap import LEVEL, METHOD, UNITS, metrics_of
from fractura.evaluation.curves import curves_of
from fractura.evaluation.messages import Message
from fractura.evaluation.metric_set import all_measures, counts_of
from fractura.evaluation.outcomes import outcomes_of
from fractura.evaluation.result import Evaluation, Intervals
from fractura.evaluation.subgroups import ImageGroup, subgroups_of
from fractura.evaluation.table import Table, build_table
from fractura.quality.splits import refuse_wrong_split


def evaluate(
    dataset: Dataset,
    predictions: Sequence[Boxes],
    *,
    threshold: float = 0.5,
    rounds: int = 0,
    seed: int = 0,
    groups: Sequence[ImageGroup] = (),
    calibrator: Calibrator | None = None,
    prevalence: float | None = None,
    details: bool = True,
) -> Evaluation:
    """Measure detections against the boxes that people drew.

    Args:
        dataset: Images with their boxes.
        predictions: One scored ``Boxes`` per record, in the same order, labels as in ``dataset.class_names``; all
            candidates, not cut at a threshold: AP, FROC and AUC need the low scores.
        threshold: Score from which a detection counts in the metrics at one operating point.
        rounds: Resamples for the intervals; 0 gives none.
        seed: Of the resamples.
        groups: Parts of the images to be measured on their own, see ``image_groups``.
        calibrator: The model's calibration; without it, raw scores are held against what is observed.
        prevalence: Share of images that are fractured where the model is to be used, above 0 and below 1: predictive
            values and the decision curve are given for it; by default for that of these images.
        details: With subgroups and the outcome of every image.

    Raises:
        ValueError: Not one ``Boxes`` per image, detections without scores, scores that are not finite and in 0..1, a
            corner that is not finite, a label outside the class names, or a prevalence that is not between 0 and 1.
        DataError: Images of the train split are among them (see ``refuse_wrong_split``).

    Examples:
        >>> from pathlib import Path
        >>> from fractura.core.dataset import Record
        >>> wrist = Record(image=Path("wrist.png"), width=100, height=100, boxes=Boxes([[10, 10, 50, 50]], [0]))
        >>> normal = Record(image=Path("normal.png"), width=100, height=100, boxes=Boxes([], []))
        >>> found = [Boxes([[12, 10, 50, 50]], [0], [0.9]), Boxes([[5, 5, 20, 20]], [0], [0.3])]
        >>> evaluation = evaluate(Dataset(class_names=("fracture",), records=(wrist, normal)), found)
        >>> evaluation.value("box_sensitivity/iou30"), evaluation.value("image_auc")
        (1.0, 1.0)
    """
    refuse_wrong_split(dataset, "evaluate")
    refuse_wrong_detections(dataset, predictions)
    if prevalence is not None and not 0 < prevalence < 1:
        raise ValueError(f"a prevalence lies between 0 and 1, not at {prevalence}")
    table = build_table(dataset, predictions)
    measures = all_measures(table, threshold, calibrator, prevalence)
    matching = next(iter(table.matchings.values()))
    levels = {level: len(np.unique(numbers)) for level, numbers in table.levels.items()}
    return Evaluation(
        images=len(dataset),
        positive=int(np.count_nonzero(table.positive)),
        negative=int(np.count_nonzero(table.negative)),
        boxes=matching.ground_truths,
        difficult=sum(int(np.count_nonzero(record.difficult)) for record in dataset.records),
        detections=len(matching.scores),
        patients=levels.get("patient"),
        studies=levels.get("study"),
        class_names=dataset.class_names,
        threshold=float(threshold),
        calibrated=calibrator is not None,
        intervals=_intervals(table, levels[table.unit], rounds, seed) if rounds and len(dataset) else None,
        metrics=metrics_of(measures, table.clusters, rounds, seed, counts_of(table)),
        subgroups=subgroups_of(dataset, table, groups, threshold, rounds, seed) if details else (),
        curves=curves_of(table, calibrator, rounds=rounds if details else 0, seed=seed, prevalence=prevalence),
        prevalence=prevalence,
        outcomes=outcomes_of(dataset, predictions, table, threshold) if details else (),
        notes=_notes(table),
    )


def refuse_wrong_detections(dataset: Dataset, predictions: Sequence[Boxes]) -> None:
    """See that there is one valid, scored ``Boxes`` per image; else a ValueError."""
    if len(predictions) != len(dataset):
        raise ValueError(f"{len(dataset)} images need as many predictions, got {len(predictions)}")
    for record, detections in zip(dataset.records, predictions, strict=True):
        if detections.scores is None:
            raise ValueError(f"{record.name}: detections to be evaluated need scores")
        if not np.isfinite(detections.xyxy).all() or not ((detections.scores >= 0) & (detections.scores <= 1)).all():
            raise ValueError(f"{record.name}: a detection has a corner that is not finite or a score outside 0..1")
        labels = np.concatenate([detections.labels, record.boxes.labels])
        if not ((labels >= 0) & (labels < len(dataset.class_names))).all():
            raise ValueError(f"{record.name}: a label is outside the {len(dataset.class_names)} class names")


def _intervals(table: Table, clusters: int, rounds: int, seed: int) -> Intervals:
    text = METHOD.format(rounds=rounds, clusters=clusters, units=UNITS[table.unit])
    return Intervals(rounds=rounds, seed=seed, level=LEVEL, unit=table.unit, clusters=clusters, method=text)


def _notes(table: Table) -> tuple[Message, ...]:
    images, matching = table.image_count, next(iter(table.matchings.values()))
    notes = []
    if not images:
        notes.append(Message("there are no images: nothing is defined"))
    elif not matching.ground_truths:
        notes.append(Message("there is no box to be found: AP, sensitivity and FROC are not defined"))
    if images and not table.negative.any():
        notes.append(
            Message(
                "every image has a box: specificity, image AUC and false positives per normal image are not defined"
            )
        )
    if images and not len(matching.scores):
        notes.append(Message("the model detected nothing at all, at any score"))
    neither = int(np.count_nonzero(~table.positive & ~table.negative))
    if neither:
        notes.append(
            Message(
                "images with difficult boxes only, which count as neither positive nor negative: {images}",
                {"images": neither},
            )
        )
    if images and table.unit == "image":
        notes.append(
            Message("no image's patient is known: images count as independent, which makes intervals too narrow")
        )
    return tuple(notes)
