"""Measure detections against what people drew: average precision, FROC, sensitivity, AUC, calibration, with
intervals."""

from fractura.evaluation.classes import align_classes
from fractura.evaluation.evaluate import evaluate
from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_POSITIVES_PER_IMAGE,
    MAIN_CRITERION,
    Metric,
    metric_text,
)
from fractura.evaluation.result import Curves, Evaluation, Intervals, Outcome, Subgroup
from fractura.evaluation.subgroups import ImageGroup, image_groups

__all__ = [
    "CRITERIA",
    "CRITERION_TEXT",
    "FALSE_POSITIVES_PER_IMAGE",
    "MAIN_CRITERION",
    "Curves",
    "Evaluation",
    "ImageGroup",
    "Intervals",
    "Metric",
    "Outcome",
    "Subgroup",
    "align_classes",
    "evaluate",
    "image_groups",
    "metric_text",
]
