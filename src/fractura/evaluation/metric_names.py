"""The names of all metrics, in one order, and the words that people read for them."""

from __future__ import annotations

from dataclasses import dataclass

from fractura.evaluation.documents import MetricDocument
from fractura.evaluation.messages import gettext_noop

FALSE_POSITIVES_PER_IMAGE = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
CRITERION_TEXT = {
    "iou10": gettext_noop("IoU 0.1"),
    "iou30": gettext_noop("IoU 0.3"),
    "iou50": gettext_noop("IoU 0.5"),
    "centre": gettext_noop("centre in box"),
}
CRITERIA = tuple(CRITERION_TEXT)
"""What "a detection finds a box" may mean: loose, middle and strict overlap, and the detection's centre inside the
box."""
MAIN_CRITERION = "iou30"
"""Fractures are elongated, and IoU 0.5 is a matter of drawing style: thresholds and pictures go by 0.3."""

FIXED_SPECIFICITIES = (0.8, 0.9, 0.95)
"""Specificities by image at which the sensitivity is given."""

_AVERAGE_PRECISION = {
    "AP": "average precision, IoU 0.5 to 0.95",
    "AP50": "average precision, IoU 0.5",
    "AP75": "average precision, IoU 0.75",
    "AP30": "average precision, IoU 0.3",
    "AP10": "average precision, IoU 0.1",
    "AP_small": "average precision, boxes below 32² pixels",
    "AP_medium": "average precision, boxes of 32² to 96² pixels",
    "AP_large": "average precision, boxes above 96² pixels",
    "AR_1": "average recall, 1 detection per image and class",
    "AR_10": "average recall, 10 detections per image and class",
    "AR_100": "average recall, 100 detections per image and class",
    "AR_small": "average recall, boxes below 32² pixels",
    "AR_medium": "average recall, boxes of 32² to 96² pixels",
    "AR_large": "average recall, boxes above 96² pixels",
}
COCO_KEYS = tuple(_AVERAGE_PRECISION)
_AT_THRESHOLD = {
    "box_sensitivity": "share of fractures found",
    "precision": "share of detections that are right",
    "f1": "F1 of detections",
    "false_positives_per_image": "false positives per image",
}
_LEVEL = {
    "auc": "AUC of {level}s",
    "sensitivity": "sensitivity by {level}",
    "specificity": "specificity by {level}",
    "ppv": "positive predictive value by {level}",
    "npv": "negative predictive value by {level}",
    "lr_positive": "positive likelihood ratio by {level}",
    "lr_negative": "negative likelihood ratio by {level}",
    "ppv_at_prevalence": "positive predictive value by {level}, at the prevalence given",
    "npv_at_prevalence": "negative predictive value by {level}, at the prevalence given",
    "sensitivity_at_specificity": "sensitivity by {level}, at a specificity of {point}",
    "youden": "Youden's index by {level}",
}
_PLAIN = {
    "false_positives_per_normal_image": "false positives per normal image",
    "kappa": "Cohen's kappa of images",
    "percent_agreement": "share of pairs of readers that agree on an image",
    "fleiss_kappa": "Fleiss' kappa of images",
    "krippendorff_alpha": "Krippendorff's alpha of images",
    "gwet_ac1": "Gwet's AC1 of images",
    "image_brier": "Brier score of image scores",
    "image_ece": "expected calibration error of image scores",
    "detection_brier": "Brier score of detections",
    "detection_ece": "expected calibration error of detections",
}
LEVELS = ("image", "study", "patient")


@dataclass(frozen=True)
class Metric:
    """One measured number.

    Attributes:
        value: None where it is not defined on these images.
        low: Lower end of the interval; None where none was asked for or none is defined.
        high: Upper end.
        count: What it was measured on: boxes, images, patients or detections.
        part: The numerator, where the metric is a plain share: ``part`` of ``count``.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    count: int | None = None
    part: int | None = None

    def to_dict(self) -> MetricDocument:
        """Plain values, ready for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high, "count": self.count, "part": self.part}

    def to_text(self, digits: int = 3) -> str:
        """The value with its interval; a dash where nothing is defined.

        Examples:
            >>> Metric(0.5123, 0.4011, 0.6229).to_text()
            '0.512 (0.401–0.623)'
        """
        if self.value is None:
            return "–"
        interval = "" if self.low is None or self.high is None else f" ({self.low:.{digits}f}–{self.high:.{digits}f})"
        return f"{self.value:.{digits}f}{interval}"


def point_text(false_positives: float) -> str:
    """A rate of false positives as keys write it.

    Examples:
        >>> [point_text(point) for point in (0.125, 1.0)]
        ['0.125', '1']
    """
    return f"{false_positives:g}"


def metric_text(key: str) -> str:
    """What a metric is, in words.

    Raises:
        KeyError: No metric has this key.

    Examples:
        >>> metric_text("froc/iou30/0.5")
        'sensitivity at 0.5 false positives per image, IoU 0.3'
        >>> metric_text("image_auc")
        'AUC of images'
    """
    name, *rest = key.split("/", 2) if not key.startswith("AP") else key.split("/", 1)
    if name in _AVERAGE_PRECISION:
        return _AVERAGE_PRECISION[name] + "".join(f", {part}" for part in rest)
    if name == "froc":
        criterion, point = rest
        return f"sensitivity at {point} false positives per image, {CRITERION_TEXT[criterion]}"
    if name in _AT_THRESHOLD:
        return f"{_AT_THRESHOLD[name]}, {CRITERION_TEXT[rest[0]]}" + "".join(f", {part}" for part in rest[1:])
    if name in _PLAIN:
        return _PLAIN[name]
    level, _, what = name.partition("_")
    if level not in LEVELS:
        raise KeyError(key)
    return _LEVEL[what].format(level=level, point="".join(rest))
