"""An evaluation on one screen: rows of names and values for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_POSITIVES_PER_IMAGE,
    FIXED_SPECIFICITIES,
    LEVELS,
    MAIN_CRITERION,
    Metric,
    point_text,
)

if TYPE_CHECKING:
    from fractura.evaluation.result import Evaluation, Subgroup

SUBGROUP_COLUMNS = {
    "AP50": "AP, IoU 0.5",
    f"froc/{MAIN_CRITERION}/1": "found at 1 false positive per image",
    f"box_sensitivity/{MAIN_CRITERION}": "found at threshold",
    "false_positives_per_normal_image": "false positives per normal image",
    "image_auc": "image AUC",
}
"""What the terminal shows of subgroups; boxes are found by ``MAIN_CRITERION``."""

Rows = list[tuple[str, str]]


def evaluation_rows(evaluation: Evaluation) -> Rows:
    """Pairs of a metric's name and its value as text."""
    metrics = evaluation.metrics
    difficult = f" and {evaluation.difficult} difficult" if evaluation.difficult else ""
    return [
        ("images", f"{evaluation.images} ({evaluation.positive} with boxes, {evaluation.negative} without)"),
        ("boxes", f"{evaluation.boxes}{difficult}"),
        *_average_precision_rows(metrics, evaluation.class_names),
        *_froc_rows(metrics),
        *_threshold_rows(metrics, evaluation.threshold),
        *_level_rows(metrics, evaluation.prevalence),
        *_calibration_rows(metrics, evaluation.calibrated),
    ]


def subgroup_row(group: Subgroup) -> list[str]:
    """Name, images, boxes and the metrics of ``SUBGROUP_COLUMNS``."""
    metrics = [group.metrics[key].to_text(2) if key in group.metrics else "" for key in SUBGROUP_COLUMNS]
    return [f"{group.by}: {group.name}", str(group.images), str(group.boxes), *metrics]


def _average_precision_rows(metrics: Mapping[str, Metric], class_names: tuple[str, ...]) -> Rows:
    rows = [("AP 0.5:0.95 / 0.75", _values(metrics, ("AP", "AP75")))]
    rows += [(f"AP at {CRITERION_TEXT[f'iou{key[2:]}']}", metrics[key].to_text()) for key in ("AP50", "AP30", "AP10")]
    if len(class_names) > 1:
        rows += [
            (f"  {name}", _values(metrics, [f"{key}/{name}" for key in ("AP50", "AP30", "AP10")]))
            for name in class_names
        ]
    return rows


def _values(metrics: Mapping[str, Metric], keys: Iterable[str]) -> str:
    return " / ".join(Metric(metrics[key].value).to_text() for key in keys)


def _froc_rows(metrics: Mapping[str, Metric]) -> Rows:
    rows = [
        ("FROC: false positives per image", " ".join(f"{point_text(point):>5}" for point in FALSE_POSITIVES_PER_IMAGE))
    ]
    for criterion in CRITERIA:
        keys = [f"froc/{criterion}/{point_text(point)}" for point in FALSE_POSITIVES_PER_IMAGE]
        values = " ".join(f"{Metric(metrics[key].value).to_text():>5}" for key in keys)
        rows.append((f"  sensitivity, {CRITERION_TEXT[criterion]}", values))
    return rows


def _threshold_rows(metrics: Mapping[str, Metric], threshold: float) -> Rows:
    rows = [(f"at threshold {threshold:.3g}", "sensitivity, precision, false positives per image")]
    for criterion in CRITERIA:
        found = metrics[f"box_sensitivity/{criterion}"]
        text = (
            f"{found.to_text()} {found.part} of {found.count}, "
            f"{Metric(metrics[f'precision/{criterion}'].value).to_text()}, "
            f"{Metric(metrics[f'false_positives_per_image/{criterion}'].value).to_text(2)}"
        )
        rows.append((f"  {CRITERION_TEXT[criterion]}", text))
    rows.append(("  false positives per normal image", metrics["false_positives_per_normal_image"].to_text(2)))
    return rows


def _level_rows(metrics: Mapping[str, Metric], prevalence: float | None) -> Rows:
    rows = []
    for level in LEVELS:
        if f"{level}_auc" not in metrics:
            continue
        rows.append((f"{level} AUC", metrics[f"{level}_auc"].to_text()))
        rows += [
            (f"{level} {name}", f"{metrics[f'{level}_{name}'].to_text()} at the threshold")
            for name in ("sensitivity", "specificity")
        ]
        rows.append((f"{level} PPV / NPV", _values(metrics, (f"{level}_ppv", f"{level}_npv"))))
        if prevalence is not None:
            keys = (f"{level}_ppv_at_prevalence", f"{level}_npv_at_prevalence")
            rows.append((f"{level} PPV / NPV, prevalence {prevalence:g}", _values(metrics, keys)))
        rows.append((f"{level} LR+ / LR-", _values(metrics, (f"{level}_lr_positive", f"{level}_lr_negative"))))
        points = [point_text(each) for each in FIXED_SPECIFICITIES]
        found = _values(metrics, [f"{level}_sensitivity_at_specificity/{point}" for point in points])
        rows.append((f"{level} sensitivity at specificity {' / '.join(points)}", found))
    return rows


def _calibration_rows(metrics: Mapping[str, Metric], calibrated: bool) -> Rows:
    what = "probabilities" if calibrated else "raw scores"
    keys = ("image_ece", "image_brier", "detection_ece", "detection_brier")
    return [(f"ECE / Brier of {what}", f"images {_values(metrics, keys[:2])}, detections {_values(metrics, keys[2:])}")]
