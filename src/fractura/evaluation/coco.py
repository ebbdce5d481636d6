"""Average precision and recall as COCO defines them, computed by faster-coco-eval.

Source: https://cocodataset.org/#detection-eval. Two loose overlaps, IoU 0.1 and 0.3, stand beside COCO's ten: a box of
0.4 % of a film is drawn with more spread than IoU 0.75 forgives.

Boxes flagged ``difficult`` are COCO's crowd: finding one is neither rewarded nor punished, and a mark that lies mostly
inside one is left out of the count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.boxes import Boxes
from fractura.dataset import Dataset

LOOSE_IOUS = (0.1, 0.3)
COCO_IOUS = tuple(float(iou) for iou in np.linspace(0.5, 0.95, 10))
MAXIMUM_MARKS = (1, 10, 100)
"""Marks per film and class that count, best first."""
_RANGES = ("all", "small", "medium", "large")


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's figures, each in 0..1, or None where no box of that kind is marked on the films.

    Attributes:
        figures: The twelve of COCO (``AP``, ``AP50``, ``AP75``, ``AP_small``, ``AP_medium``, ``AP_large``, ``AR_1``,
            ``AR_10``, ``AR_100``, ``AR_small``, ``AR_medium``, ``AR_large``) and ``AP10``, ``AP30``. Small is
            below 32², large from 96² pixels of the film as displayed.
        by_class: For each class name ``AP``, ``AP50``, ``AP30``, ``AP10``.
    """

    figures: dict[str, float | None]
    by_class: dict[str, dict[str, float | None]]


def average_precision(dataset: Dataset, predictions: Sequence[Boxes]) -> AveragePrecision:
    """COCO's figures of scored boxes, one ``Boxes`` per record of ``dataset`` and in its label order."""
    from faster_coco_eval import COCO
    from faster_coco_eval.core.faster_eval_api import COCOeval_faster

    truth, found = _as_coco(dataset, None), _as_coco(dataset, predictions)
    evaluator = COCOeval_faster(COCO(truth), COCO(found), iouType="bbox")
    parameters = evaluator.params
    parameters.iouThrs = np.array(LOOSE_IOUS + COCO_IOUS)
    parameters.maxDets = list(MAXIMUM_MARKS)
    if list(parameters.areaRngLbl) != list(_RANGES):
        raise RuntimeError(f"faster-coco-eval has other area ranges than COCO: {parameters.areaRngLbl}")
    evaluator.evaluate()
    evaluator.accumulate()
    counts = (len(parameters.iouThrs), len(parameters.recThrs), len(dataset.class_names), len(_RANGES), 3)
    precision = np.asarray(evaluator.eval["precision"], dtype=np.float64).reshape(counts)
    recall = np.asarray(evaluator.eval["recall"], dtype=np.float64).reshape(counts[:1] + counts[2:])
    return AveragePrecision(_figures(precision, recall), _by_class(dataset.class_names, precision))


def _position(iou: float) -> int:
    return int(np.argmin(np.abs(np.array(LOOSE_IOUS + COCO_IOUS) - iou)))


def _mean(values: NDArray[np.float64]) -> float | None:
    """Mean of the cells that are defined; COCO writes -1 into the others."""
    defined = values[values > -1]
    return float(defined.mean()) if defined.size else None


def _figures(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> dict[str, float | None]:
    """The fourteen figures from precision ``(ious, recalls, classes, ranges, marks)`` and recall (no recalls axis)."""
    strict = slice(len(LOOSE_IOUS), None)
    figures = {"AP": _mean(precision[strict, :, :, 0, -1])}
    for name, iou in (("AP50", 0.5), ("AP75", 0.75)):
        figures[name] = _mean(precision[_position(iou), :, :, 0, -1])
    for index, size in enumerate(_RANGES[1:], start=1):
        figures[f"AP_{size}"] = _mean(precision[strict, :, :, index, -1])
    for index, marks in enumerate(MAXIMUM_MARKS):
        figures[f"AR_{marks}"] = _mean(recall[strict, :, 0, index])
    for index, size in enumerate(_RANGES[1:], start=1):
        figures[f"AR_{size}"] = _mean(recall[strict, :, index, -1])
    for name, iou in (("AP30", 0.3), ("AP10", 0.1)):
        figures[name] = _mean(precision[_position(iou), :, :, 0, -1])
    return figures


def _by_class(names: Sequence[str], precision: NDArray[np.float64]) -> dict[str, dict[str, float | None]]:
    strict = slice(len(LOOSE_IOUS), None)
    return {
        name: {
            "AP": _mean(precision[strict, :, label, 0, -1]),
            **{f"AP{iou * 100:.0f}": _mean(precision[_position(iou), :, label, 0, -1]) for iou in (0.5, 0.3, 0.1)},
        }
        for label, name in enumerate(names)
    }


def _as_coco(dataset: Dataset, predictions: Sequence[Boxes] | None) -> dict[str, Any]:
    """The marked boxes, or the predicted ones, as a COCO document; ids from 1, for 0 means "none" to COCO's matcher."""
    annotations: list[dict[str, Any]] = []
    for film, record in enumerate(dataset.records):
        boxes = record.boxes if predictions is None else predictions[film]
        corners = boxes.xyxy.astype(np.float64)
        for row, (left, top, right, bottom) in enumerate(corners.tolist()):
            annotation = {
                "id": len(annotations) + 1,
                "image_id": film + 1,
                "category_id": int(boxes.labels[row]) + 1,
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": int(predictions is None and record.flags[row].difficult),
            }
            if boxes.scores is not None:
                annotation["score"] = float(boxes.scores[row])
            annotations.append(annotation)
    return {
        "images": [
            {"id": film + 1, "width": record.width, "height": record.height, "file_name": record.name}
            for film, record in enumerate(dataset.records)
        ],
        "categories": [{"id": label + 1, "name": name} for label, name in enumerate(dataset.class_names)],
        "annotations": annotations,
    }
