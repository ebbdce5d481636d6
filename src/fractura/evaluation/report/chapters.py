"""What the chapters of the report show that the evaluation does not hold as such: rows of tables, counts, headings."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_POSITIVES_PER_IMAGE,
    MAIN_CRITERION,
    Metric,
    point_text,
)
from fractura.evaluation.report.characteristics import characteristics
from fractura.evaluation.report.context import ReportContext, interval_method, threshold_origin, views_text
from fractura.evaluation.report.failures import false_alarms, misses
from fractura.evaluation.report.image_points import image_points
from fractura.evaluation.report.language import Language, rate_text
from fractura.evaluation.result import Evaluation

_MANY_DETECTIONS = 4
"""Normal images with this many detections or more share a row."""


def headings(language: Language) -> dict[str, str]:
    """The chapters in order: the name of each template in ``templates/chapters``, and its heading."""
    _ = language.gettext
    return {
        "summary": _("In short"),
        "population": _("Images and patients"),
        "images": _("Whole images"),
        "fractures": _("Single fractures"),
        "false-positives": _("False positives on normal images"),
        "calibration": _("Can the scores be believed?"),
        "subgroups": _("Subgroups"),
        "misses": _("The worst misses"),
        "false-alarms": _("The worst false alarms"),
        "provenance": _("What was measured, and with what"),
        "notes": _("Notes"),
        "claim": _("CLAIM checklist"),
    }


def chapter_values(context: ReportContext, language: Language) -> dict[str, object]:
    """What the templates of the chapters use, without plots and the CLAIM sheet."""
    evaluation = context.evaluation
    criteria = {criterion: language.gettext(CRITERION_TEXT[criterion]) for criterion in CRITERIA}
    counted = evaluation.positive + evaluation.negative
    return {
        "context": context,
        "characteristics": characteristics(context, language),
        "evaluation": evaluation,
        "metrics": evaluation.metrics,
        "warnings": [language.message(warning) for warning in context.warnings],
        "notes": [language.message(note) for note in evaluation.notes],
        "criteria": criteria,
        "main_criterion": criteria[MAIN_CRITERION],
        "main_metric": f"box_sensitivity/{MAIN_CRITERION}",
        "threshold_origin": threshold_origin(context, language),
        "interval_method": interval_method(context, language),
        "views": views_text(context, language),
        "crosstable": crosstable(evaluation),
        "prevalence": evaluation.positive / counted if counted else None,
        "image_points": image_points(evaluation, language),
        "operating_points": operating_points(evaluation),
        "average_precision_rows": _average_precision_rows(evaluation, language),
        "normal_images": normal_images(evaluation),
        "subgroup_metrics": {key for group in context.subgroups for key in group.metrics},
        "misses": misses(context, language),
        "images_with_misses": sum(bool(outcome.missed) for outcome in evaluation.outcomes),
        "false_alarms": false_alarms(context, language),
        "images_with_false_alarms": sum(bool(outcome.false) for outcome in evaluation.outcomes),
    }


@dataclass(frozen=True, kw_only=True)
class Crosstable:
    """Numbers of images flagged, not flagged and in all; None for a kind of which there are none.

    Attributes:
        positive: Of the fractured images.
        negative: Of the normal ones.
    """

    positive: tuple[int, int, int] | None
    negative: tuple[int, int, int] | None


def crosstable(evaluation: Evaluation) -> Crosstable:
    """Ground truth against flag, counted in images."""
    sensitivity, specificity = (evaluation.metrics[f"image_{name}"] for name in ("sensitivity", "specificity"))
    negative = _split(specificity)
    return Crosstable(
        positive=_split(sensitivity), negative=None if negative is None else (negative[1], negative[0], negative[2])
    )


def _split(metric: Metric) -> tuple[int, int, int] | None:
    """The numerator of a plain share, what is left of the denominator, and the denominator."""
    if metric.part is None or metric.count is None:
        return None
    return metric.part, metric.count - metric.part, metric.count


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """A row of the FROC table.

    Attributes:
        rate: Mean number of false positives per image, such as ``1/4``.
        lowest_score: By the main criterion, the score from which detections count there; None if even the best is
            too many.
        keys: Of the sensitivities, by criterion.
    """

    rate: str
    lowest_score: float | None
    keys: tuple[str, ...]


def operating_points(evaluation: Evaluation) -> list[OperatingPoint]:
    """One for each of ``FALSE_POSITIVES_PER_IMAGE``."""
    curve = evaluation.curves.froc.get(MAIN_CRITERION, {"false_positives_per_image": [], "threshold": []})
    rates_and_scores = list(zip(curve["false_positives_per_image"], curve["threshold"], strict=True))
    return [
        OperatingPoint(
            rate=rate_text(point),
            lowest_score=next((score for rate, score in reversed(rates_and_scores) if rate <= point), None),
            keys=tuple(f"froc/{criterion}/{point_text(point)}" for criterion in CRITERIA),
        )
        for point in FALSE_POSITIVES_PER_IMAGE
    ]


def _average_precision_rows(evaluation: Evaluation, language: Language) -> list[tuple[str, str]]:
    """What is appended to the keys of average precision, and the words for it."""
    classes = evaluation.class_names if len(evaluation.class_names) > 1 else ()
    return [("", language.gettext("All classes")), *((f"/{name}", name) for name in classes)]


@dataclass(frozen=True, kw_only=True)
class NormalImages:
    """How many normal images have so many detections.

    Attributes:
        detections: On each of them; in the last row, this many or more.
        images: Number of images.
        share: Of all normal images; None without any.
    """

    detections: int
    images: int
    share: float | None


def normal_images(evaluation: Evaluation) -> list[NormalImages]:
    """Normal images by their number of detections, from 0."""
    counts = Counter(
        min(len(outcome.detections), _MANY_DETECTIONS) for outcome in evaluation.outcomes if outcome.positive is False
    )
    total = counts.total()
    return [
        NormalImages(detections=number, images=counts[number], share=counts[number] / total if total else None)
        for number in range(_MANY_DETECTIONS + 1)
    ]
