"""The names of all figures, in one order, and the words that people read for them."""

from __future__ import annotations

from dataclasses import dataclass

FALSE_MARKS_PER_FILM = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
CRITERION_TEXT = {"iou10": "IoU 0.1", "iou30": "IoU 0.3", "iou50": "IoU 0.5", "centre": "centre in box"}
CRITERIA = tuple(CRITERION_TEXT)
"""What "a mark finds a box" may mean: loose, middle and strict overlap, and the mark's centre inside the box."""
MAIN_CRITERION = "iou30"
"""Fractures are elongated, IoU 0.5 is a matter of drawing style: thresholds and pictures go by 0.3."""

_AVERAGE_PRECISION = {
    "AP": "average precision, IoU 0.5 to 0.95",
    "AP50": "average precision, IoU 0.5",
    "AP75": "average precision, IoU 0.75",
    "AP30": "average precision, IoU 0.3",
    "AP10": "average precision, IoU 0.1",
    "AP_small": "average precision, boxes below 32² pixels",
    "AP_medium": "average precision, boxes of 32² to 96² pixels",
    "AP_large": "average precision, boxes above 96² pixels",
    "AR_1": "average recall, 1 mark a film and class",
    "AR_10": "average recall, 10 marks a film and class",
    "AR_100": "average recall, 100 marks a film and class",
    "AR_small": "average recall, boxes below 32² pixels",
    "AR_medium": "average recall, boxes of 32² to 96² pixels",
    "AR_large": "average recall, boxes above 96² pixels",
}
COCO_KEYS = tuple(_AVERAGE_PRECISION)
_AT_THRESHOLD = {
    "box_sensitivity": "share of fractures found",
    "precision": "share of marks that are right",
    "f1": "F1 of marks",
    "false_marks_per_film": "false marks per film",
}
_LEVEL = {
    "auc": "AUC of {level}s",
    "sensitivity": "sensitivity by {level}",
    "specificity": "specificity by {level}",
    "ppv": "positive predictive value by {level}",
    "npv": "negative predictive value by {level}",
}
_PLAIN = {
    "false_marks_per_normal_film": "false marks per normal film",
    "kappa": "Cohen's kappa of films",
    "film_brier": "Brier score of film scores",
    "film_ece": "expected calibration error of film scores",
    "mark_brier": "Brier score of marks",
    "mark_ece": "expected calibration error of marks",
}
LEVELS = ("film", "study", "patient")


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        value: None where it is not defined on these films.
        low: Lower end of the interval; None where none was asked for or none is defined.
        high: Upper end.
        count: What it was measured on: boxes, films, patients or marks.
        part: The numerator, where the figure is a plain share: ``part`` of ``count``.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    part: int | None = None

    def to_text(self, digits: int = 3) -> str:
        """``0.512 (0.401–0.623)``, a dash where nothing is defined."""
        if self.value is None:
            return "–"
        interval = "" if self.low is None or self.high is None else f" ({self.low:.{digits}f}–{self.high:.{digits}f})"
        return f"{self.value:.{digits}f}{interval}"


def point_text(false_marks: float) -> str:
    """A rate of false marks as keys write it: ``0.125``, ``1``."""
    return f"{false_marks:g}"


def figure_text(key: str) -> str:
    """What a figure is, in words.

    Raises:
        KeyError: No figure has this key.
    """
    name, *rest = key.split("/", 2) if not key.startswith("AP") else key.split("/", 1)
    if name in _AVERAGE_PRECISION:
        return _AVERAGE_PRECISION[name] + "".join(f", {part}" for part in rest)
    if name == "froc":
        criterion, point = rest
        return f"sensitivity at {point} false marks per film, {CRITERION_TEXT[criterion]}"
    if name in _AT_THRESHOLD:
        return f"{_AT_THRESHOLD[name]}, {CRITERION_TEXT[rest[0]]}" + "".join(f", {part}" for part in rest[1:])
    if name in _PLAIN:
        return _PLAIN[name]
    level, _, what = name.partition("_")
    if level not in LEVELS:
        raise KeyError(key)
    return _LEVEL[what].format(level=level)
