"""Which metrics an evaluation has: the measures of a table of images and detections."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fractura.core.calibrator import Calibrator
from fractura.evaluation.calibration import bins_of, calibration_detections, calibration_images
from fractura.evaluation.coco_metrics import AveragePrecision
from fractura.evaluation.froc import FALSE_POSITIVE, TRUE_POSITIVE, Matching
from fractura.evaluation.image_measures import Graded, LikelihoodRatios, RocPoints
from fractura.evaluation.measures import Auc, CalibrationError, Floats, Froc, Integers, Measure, Ratio, Ratios
from fractura.evaluation.metric_names import COCO_KEYS, MAIN_CRITERION
from fractura.evaluation.table import Table

_OF_BOTH = ("youden", "lr_positive", "lr_negative", "ppv_at_prevalence", "npv_at_prevalence")
"""What is measured on positive and negative images together."""


def all_measures(
    table: Table, threshold: float, calibrator: Calibrator | None, prevalence: float | None = None
) -> list[Measure]:
    """The measures of every metric.

    Args:
        table: Images and detections.
        threshold: Score from which a detection counts in the metrics at one operating point.
        calibrator: Makes probabilities of scores before their calibration is measured.
        prevalence: Share of images that are fractured where the model is to be used, for predictive values there.
    """
    return [
        AveragePrecision(table),
        Froc(table.matchings, table.boxes.sum(axis=1)),
        Ratios([*box_ratios(table, threshold), *_class_ratios(table, threshold), *level_ratios(table, threshold)]),
        *_aucs(table),
        *_clinical(table, threshold, prevalence),
        *_calibration(table, calibrator),
    ]


def brief_measures(table: Table, threshold: float) -> list[Measure]:
    """The measures of the metrics that subgroups and comparisons show."""
    return [
        AveragePrecision(table, brief=True),
        Froc(table.matchings, table.boxes.sum(axis=1)),
        Ratios([*box_ratios(table, threshold), *level_ratios(table, threshold)]),
        *_aucs(table),
    ]


def counts_of(table: Table) -> dict[str, int]:
    """What metrics that are not ratios were measured on, by the first part of their key."""
    boxes = int(table.boxes.sum())
    counts = dict.fromkeys((*COCO_KEYS, "froc"), boxes)
    for level in table.levels:
        _, _, positive, negative = groups_of(table, level)
        both = int(np.count_nonzero(positive | negative))
        counts |= dict.fromkeys((f"{level}_auc", *(f"{level}_{name}" for name in _OF_BOTH)), both)
        counts[f"{level}_sensitivity_at_specificity"] = int(np.count_nonzero(positive))
    return counts | {
        "image_ece": len(calibration_images(table)[0]),
        "detection_ece": len(calibration_detections(table)[0]),
    }


def box_ratios(table: Table, threshold: float) -> Iterator[Ratio]:
    """Sensitivity, precision, F1 and false positives at the threshold."""
    images = table.image_count
    boxes = table.boxes.sum(axis=1).astype(np.float64)
    for criterion, matching in table.matchings.items():
        found, false = (
            _counted(matching, threshold, TRUE_POSITIVE, images),
            _counted(matching, threshold, FALSE_POSITIVE, images),
        )
        yield Ratio(f"box_sensitivity/{criterion}", found, boxes)
        yield Ratio(f"precision/{criterion}", found, found + false)
        yield Ratio(f"f1/{criterion}", 2 * found, found + false + boxes, "mean")
        yield Ratio(f"false_positives_per_image/{criterion}", false, np.ones(images), "rate")
    # On an image without boxes no detection can be found or left out: all that count are false, by every criterion.
    negative = table.negative.astype(np.float64)
    yield Ratio("false_positives_per_normal_image", false * negative, negative, "rate")


def _class_ratios(table: Table, threshold: float) -> Iterator[Ratio]:
    if len(table.class_names) < 2:
        return
    matching = table.matchings[MAIN_CRITERION]
    for label, name in enumerate(table.class_names):
        found = _counted(matching, threshold, TRUE_POSITIVE, table.image_count, matching.labels == label)
        yield Ratio(f"box_sensitivity/{MAIN_CRITERION}/{name}", found, table.boxes[:, label].astype(np.float64))


def _counted(
    matching: Matching, threshold: float, outcome: int, images: int, among: NDArray[np.bool_] | bool = True
) -> Floats:
    """Detections of one outcome from the threshold up, per image: ``(images,)``."""
    chosen = (matching.outcome == outcome) & (matching.scores >= np.float32(threshold)) & among
    return np.bincount(matching.images[chosen], minlength=images).astype(np.float64)


def groups_of(table: Table, level: str) -> tuple[Integers, NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]:
    """Studies or patients (or images): an image of each, the best score of its images, whether it is positive,
    negative.

    Positive is what has a positive image, negative what has only negative ones.
    """
    _, first, group = np.unique(table.levels[level], return_index=True, return_inverse=True)
    scores = np.zeros(len(first), dtype=np.float32)
    np.maximum.at(scores, group, table.scores)
    positive = np.bincount(group, table.positive, len(first)) > 0
    negative = np.bincount(group, ~table.negative, len(first)) == 0
    return first.astype(np.int64), scores, positive, negative


def graded(table: Table, level: str) -> Graded:
    """The images, studies or patients of a table with their scores."""
    first, scores, positive, negative = groups_of(table, level)
    return Graded(scores, positive, negative, first, table.image_count)


def _clinical(table: Table, threshold: float, prevalence: float | None) -> Iterator[Measure]:
    for level in table.levels:
        yield LikelihoodRatios(level, graded(table, level), threshold, prevalence)
        yield RocPoints(level, graded(table, level))


def _aucs(table: Table) -> Iterator[Auc]:
    for level in table.levels:
        first, scores, positive, negative = groups_of(table, level)
        yield Auc(f"{level}_auc", scores, positive, negative, first, table.image_count)


def level_ratios(table: Table, threshold: float) -> Iterator[Ratio]:
    """Sensitivity, specificity and predictive values of images, studies and patients at the threshold."""
    for level in table.levels:
        first, scores, positive, negative = groups_of(table, level)
        detected = scores >= np.float32(threshold)

        def on_images(chosen: NDArray[np.bool_], first: Integers = first) -> Floats:
            return np.bincount(first[chosen], minlength=table.image_count).astype(np.float64)

        yield Ratio(f"{level}_sensitivity", on_images(positive & detected), on_images(positive))
        yield Ratio(f"{level}_specificity", on_images(negative & ~detected), on_images(negative))
        yield Ratio(f"{level}_ppv", on_images(positive & detected), on_images((positive | negative) & detected))
        yield Ratio(f"{level}_npv", on_images(negative & ~detected), on_images((positive | negative) & ~detected))


def stated_and_right(table: Table, calibrator: Calibrator | None) -> dict[str, tuple[Floats, Floats, Integers]]:
    """For ``image`` and ``detection``: the probabilities (or scores) stated, what is right (0 or 1), and the image of
    each."""
    image_scores, positive, images = calibration_images(table)
    detection_scores, right, images_of_detections = calibration_detections(table)
    return {
        "image": (image_scores if calibrator is None else calibrator.images(image_scores), positive, images),
        "detection": (
            detection_scores if calibrator is None else calibrator.detections(detection_scores),
            right,
            images_of_detections,
        ),
    }


def _calibration(table: Table, calibrator: Calibrator | None) -> Iterator[Measure]:
    for what, (stated, right, images) in stated_and_right(table, calibrator).items():
        count = np.bincount(images, minlength=table.image_count).astype(np.float64)
        error = np.bincount(images, (stated - right) ** 2, table.image_count).astype(np.float64)
        yield Ratios([Ratio(f"{what}_brier", error, count, "mean")])
        yield CalibrationError(f"{what}_ece", stated, right, bins_of(stated), images, table.image_count)
