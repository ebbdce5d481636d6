"""Validation during training: the averaged weights on the films to validate on, through ``fractura.evaluation``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object

from fractura.boxes import Boxes
from fractura.dataset import Dataset
from fractura.detectors.detector import Detector
from fractura.errors import DataError
from fractura.evaluation import evaluate
from fractura.evaluation.froc import match_marks
from fractura.training.loader import Batch, PlainFilms, Problem, build_loader

_AT_ONCE = 8
"""Films detected at once on a GPU; a CPU gains nothing from more than one."""
THRESHOLD_IOU = 0.3
"""Overlap at which the card's threshold is chosen: fractures are elongated, IoU 0.5 is a matter of drawing style."""
LOWEST_THRESHOLD = 0.05
"""A model that finds something only below this score has not learnt yet; its threshold would be noise."""


@dataclass(frozen=True)
class Validation:
    """One validation.

    Attributes:
        figures: Flat JSON values: COCO's figures, ``film_auc``, ``threshold``, counts.
        evaluation: ``Evaluation.to_dict`` of the same, at ``threshold``.
        threshold: Score with the best F1 at ``THRESHOLD_IOU``.
        problems: Films that could not be read and are not counted.
        shown: Some films with their marks, for pictures: positions and boxes.
    """

    figures: dict[str, Any]
    evaluation: dict[str, Any]
    threshold: float
    problems: tuple[Problem, ...]
    shown: tuple[tuple[int, Boxes], ...]


def validate(
    detector: Detector, data: Dataset, accelerator: Accelerator, *, workers: int, pictures: int = 4
) -> Validation | None:
    """Detect on every film of ``data``, each process its share, and measure.

    Args:
        detector: The averaged weights.
        data: Films to validate on.
        accelerator: Device and processes.
        workers: Processes that read films.
        pictures: How many films to hand back in ``shown``.

    Returns:
        The figures on the main process, None on the others.

    Raises:
        DataError: No film could be read.
    """
    if accelerator.num_processes > 1:
        broadcast(list(detector.state_dict().values()), from_process=0)  # batch statistics differ between processes
    mine = range(accelerator.process_index, len(data), accelerator.num_processes)
    found, problems = _detect(detector, data, mine, accelerator.device, workers)
    if accelerator.num_processes > 1:
        found = dict(gather_object(list(found.items())))
        problems = gather_object(problems)
    if not accelerator.is_main_process:
        return None
    if not found:
        raise DataError("none of the films to validate on can be read", hint=problems[0].text if problems else None)
    places = sorted(found)
    measured = replace(data, records=tuple(data.records[place] for place in places))
    marks = [found[place] for place in places]
    threshold = best_threshold(measured, marks)
    evaluation = evaluate(measured, marks, threshold=threshold).to_dict()
    positive = [place for place in places if not data.records[place].is_negative]
    shown = [*positive, *(place for place in places if data.records[place].is_negative)][:pictures]
    return Validation(
        _figures(evaluation), evaluation, threshold, tuple(problems), tuple((place, found[place]) for place in shown)
    )


def _detect(
    detector: Detector, data: Dataset, places: range, device: torch.device, workers: int
) -> tuple[dict[int, Boxes], list[Problem]]:
    at_once = _AT_ONCE if device.type == "cuda" else 1
    groups = [list(places[i : i + at_once]) for i in range(0, len(places), at_once)]
    loader = build_loader(PlainFilms(data), groups, workers=workers, pin_memory=device.type == "cuda")
    found: dict[int, Boxes] = {}
    problems: list[Problem] = []
    for batch in loader:
        problems += batch.problems
        if len(batch):
            found.update(zip(batch.places, _detect_batch(detector, batch.to(device)), strict=True))
    return found, problems


def _detect_batch(detector: Detector, batch: Batch) -> list[Boxes]:
    try:
        return detector.detect(batch.images)
    except torch.OutOfMemoryError:
        if len(batch) == 1:
            raise
    torch.cuda.empty_cache()
    return [boxes for image in batch.images for boxes in detector.detect([image])]


def best_threshold(data: Dataset, marks: list[Boxes], iou: float = THRESHOLD_IOU) -> float:
    """The score at which sensitivity and precision are best together (F1).

    Scores under ``LOWEST_THRESHOLD`` do not come into question; 0.5 where nothing is found above it.
    """
    matching = match_marks(data, [found.above(LOWEST_THRESHOLD) for found in marks], iou)
    scores, found, false = matching.curve()
    if not len(scores) or not matching.truths:
        return 0.5
    f1 = 2 * found / (found + false + matching.truths)
    best = int(np.argmax(f1))
    return float(scores[best]) if f1[best] > 0 else 0.5


def _figures(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    strict = evaluation["at_threshold"]["0.3"]
    return {
        **evaluation["average_precision"]["figures"],
        "film_auc": evaluation["film_level"]["auc"],
        "threshold": evaluation["threshold"],
        "sensitivity": strict["sensitivity"],
        "precision": strict["precision"],
        "false_marks_per_film": strict["false_marks_per_film"],
    }


def is_better(now: Mapping[str, Any], best: Mapping[str, Any] | None) -> bool:
    """True if ``now`` beats ``best``: AP at IoU 0.5, then 0.5:0.95, then 0.3, then film AUC; a full tie does not.

    On films without any box nothing tells two sets of weights apart: the later ones count as better.
    """
    return best is None or now["AP50"] is None or list(_rank(now)) > list(_rank(best))


def _rank(figures: Mapping[str, Any]) -> Iterator[float]:
    for name in ("AP50", "AP", "AP30", "film_auc"):
        value = figures.get(name)
        # Rounded: differences below this are noise of summation, and must not pass for a gain.
        yield -1.0 if value is None else round(float(value), 6)
