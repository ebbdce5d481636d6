"""Whole images at thresholds other than the model's: at fixed specificities and at Youden's point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fractura.evaluation.image_measures import point_at
from fractura.evaluation.metric_names import FIXED_SPECIFICITIES, point_text
from fractura.evaluation.report.language import Language
from fractura.evaluation.result import Evaluation


@dataclass(frozen=True, kw_only=True)
class ImagePoint:
    """A row of the table.

    Attributes:
        name: What the threshold was chosen for.
        threshold: Score from which an image is flagged; None where none is.
        sensitivity: 0..1.
        specificity: 0..1.
        keys: For ``sensitivity``, ``specificity`` and ``youden`` the key of the metric, which has an interval; what is
            none of the metrics is missing.
    """

    name: str
    threshold: float | None
    sensitivity: float
    specificity: float
    keys: Mapping[str, str]

    @property
    def youden(self) -> float:
        """Sensitivity and specificity less 1."""
        return self.sensitivity + self.specificity - 1


def image_points(evaluation: Evaluation, language: Language) -> list[ImagePoint]:
    """The model's threshold, each of ``FIXED_SPECIFICITIES`` and Youden's point; none without both kinds of image."""
    _, curve = language.gettext, evaluation.curves.roc.get("image")
    sensitivity, specificity = (evaluation.value(f"image_{name}") for name in ("sensitivity", "specificity"))
    if curve is None or sensitivity is None or specificity is None:
        return []
    across, up = np.array(curve["false_positive_rate"]), np.array(curve["sensitivity"])

    def at(place: int, name: str, **keys: str) -> ImagePoint:
        return ImagePoint(
            name=name,
            threshold=curve["threshold"][place] if place else None,
            sensitivity=float(up[place]),
            specificity=float(1 - across[place]),
            keys=keys,
        )

    own = ImagePoint(
        name=_("The threshold of this report"),
        threshold=evaluation.threshold,
        sensitivity=sensitivity,
        specificity=specificity,
        keys={name: f"image_{name}" for name in ("sensitivity", "specificity")},
    )
    fixed = [
        at(
            point_at(across, each),
            _("Specificity of {share} or more", share=language.percent(each)),
            sensitivity=f"image_sensitivity_at_specificity/{point_text(each)}",
        )
        for each in FIXED_SPECIFICITIES
    ]
    best = at(int(np.argmax(up - across)), _("Youden's point, the highest index"), youden="image_youden")
    return [own, *fixed, best]


def scores_meaning(evaluation: Evaluation, language: Language) -> str:
    """One sentence: what a decision curve takes for probabilities, and for which prevalence it holds."""
    _ = language.gettext
    counted = evaluation.positive + evaluation.negative
    share = evaluation.prevalence if evaluation.prevalence is not None else evaluation.positive / max(counted, 1)
    if evaluation.calibrated:
        return _(
            "It takes the calibrated probabilities, and holds where {share} of the images are fractured.",
            share=language.percent(share),
        )
    return _(
        "It takes raw scores for probabilities, which they are not before a calibration, and holds where {share} of "
        "the images are fractured.",
        share=language.percent(share),
    )
