"""Measure marks against what people drew: average precision, FROC, sensitivity, film-level AUC."""

from fractura.evaluation.classes import align_classes
from fractura.evaluation.metrics import Evaluation, evaluate

__all__ = ["Evaluation", "align_classes", "evaluate"]
