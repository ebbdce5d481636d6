"""Measure marks against what people drew: average precision, FROC, sensitivity, AUC, calibration, with intervals."""

from fractura.evaluation.classes import align_classes
from fractura.evaluation.evaluate import evaluate
from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_MARKS_PER_FILM,
    MAIN_CRITERION,
    Figure,
    figure_text,
)
from fractura.evaluation.result import Curves, Evaluation, Intervals, Outcome, Subgroup
from fractura.evaluation.subgroups import FilmGroup, film_groups

__all__ = [
    "CRITERIA",
    "CRITERION_TEXT",
    "FALSE_MARKS_PER_FILM",
    "MAIN_CRITERION",
    "Curves",
    "Evaluation",
    "Figure",
    "FilmGroup",
    "Intervals",
    "Outcome",
    "Subgroup",
    "align_classes",
    "evaluate",
    "figure_text",
    "film_groups",
]
