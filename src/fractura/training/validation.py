"""Validation during training: the averaged weights, measured with ``fractura.evaluation``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.evaluation import MAIN_CRITERION, Evaluation, evaluate
from fractura.evaluation.documents import SummaryDocument
from fractura.evaluation.metric_names import COCO_KEYS
from fractura.evaluation.threshold import Aim, Choice, choose_threshold
from fractura.models.detector import Detector
from fractura.training.data import Batch, PlainImages, Problem, build_loader, read_labelled_image

_AT_ONCE = 8
"""Batch size of detection on a GPU; a CPU gains nothing from more than one."""


@dataclass(frozen=True)
class Validation:
    """The result of one validation.

    Attributes:
        metrics: Flat JSON values: COCO's metrics, ``image_auc``, ``threshold``, counts.
        evaluation: ``Evaluation.summary`` of the same, at the chosen threshold.
        choice: The threshold that serves the aim best.
        problems: Images that could not be read and are not counted.
        shown: Some images for pictures: position and detections.
    """

    metrics: dict[str, Any]
    evaluation: SummaryDocument
    choice: Choice
    problems: tuple[Problem, ...]
    shown: tuple[tuple[int, Boxes], ...]


def validate(
    detector: Detector, data: Dataset, accelerator: Accelerator, *, workers: int, aim: Aim, pictures: int = 4
) -> Validation | None:
    """Detect on every image of ``data``, each process on its share, and measure.

    Args:
        detector: With the averaged weights.
        data: Images to validate on.
        accelerator: Device and processes.
        workers: Number of processes that read images.
        aim: What the threshold is chosen for.
        pictures: Number of images to return in ``shown``.

    Returns:
        The result on the main process, None on the others.

    Raises:
        DataError: No image could be read.
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
        raise DataError("none of the images to validate on can be read", hint=problems[0].text if problems else None)
    places = sorted(found)
    measured = replace(data, records=tuple(data.records[place] for place in places))
    detections = [found[place] for place in places]
    choice = choose_threshold(measured, detections, aim)
    evaluation = evaluate(measured, detections, threshold=choice.threshold, details=False)
    positive = [place for place in places if not data.records[place].is_negative]
    shown = [*positive, *(place for place in places if data.records[place].is_negative)][:pictures]
    return Validation(
        metrics=_metrics(evaluation),
        evaluation=evaluation.summary(),
        choice=choice,
        problems=tuple(problems),
        shown=tuple((place, found[place]) for place in shown),
    )


def draw_shown(validation: Validation, data: Dataset) -> list[NDArray[np.uint8]]:
    """The images in ``validation.shown`` with detections and ground truth drawn: uint8 ``(height, width, 3)`` each."""
    from fractura.inference.render import draw_boxes

    pictures = []
    for place, found in validation.shown:
        record = data.records[place]
        kept = found.above(validation.choice.threshold)
        picture = draw_boxes(read_labelled_image(record).image, kept, data.class_names, ground_truth=record.boxes)
        pictures.append(np.asarray(picture))
    return pictures


def _detect(
    detector: Detector, data: Dataset, places: range, device: torch.device, workers: int
) -> tuple[dict[int, Boxes], list[Problem]]:
    at_once = _AT_ONCE if device.type == "cuda" else 1
    groups = [list(places[i : i + at_once]) for i in range(0, len(places), at_once)]
    loader = build_loader(PlainImages(data), groups, workers=workers, pin_memory=device.type == "cuda")
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


def _metrics(evaluation: Evaluation) -> dict[str, Any]:
    return {
        **{key: evaluation.value(key) for key in (*COCO_KEYS, "image_auc")},
        "threshold": evaluation.threshold,
        "sensitivity": evaluation.value(f"box_sensitivity/{MAIN_CRITERION}"),
        "precision": evaluation.value(f"precision/{MAIN_CRITERION}"),
        "false_positives_per_image": evaluation.value(f"false_positives_per_image/{MAIN_CRITERION}"),
    }


def is_better(now: Mapping[str, Any], best: Mapping[str, Any] | None) -> bool:
    """True if ``now`` beats ``best`` in AP at IoU 0.5, then 0.5:0.95, then 0.3, then image AUC.

    A complete tie is not better, except that images without any box cannot rank weights: the later ones then count as
    better.

    >>> is_better({"AP50": 0.5, "AP": 0.2}, {"AP50": 0.5, "AP": 0.1})
    True
    """
    return best is None or now["AP50"] is None or list(_rank(now)) > list(_rank(best))


def _rank(metrics: Mapping[str, Any]) -> Iterator[float]:
    for name in ("AP50", "AP", "AP30", "image_auc"):
        value = metrics.get(name)
        # Rounded: smaller differences are summation noise and must not count as a gain.
        yield -1.0 if value is None else round(float(value), 6)
