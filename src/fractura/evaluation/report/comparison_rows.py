"""The rows of a comparison's tables, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass

from fractura.evaluation.comparison import Comparison, family_of
from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.metric_names import CRITERION_TEXT
from fractura.evaluation.report.language import Language, rate_text
from fractura.evaluation.report.study import p_text, signed, signed_interval

_PLAIN = {
    "image_auc": gettext_noop("AUC of images"),
    "image_sensitivity": gettext_noop("Image sensitivity"),
    "image_specificity": gettext_noop("Image specificity"),
    "false_positives_per_normal_image": gettext_noop("False positives per normal image"),
}
_FAMILIES = {
    "AP": gettext_noop("Average precision"),
    "image": gettext_noop("Whole images"),
    "false_positives_per_normal_image": gettext_noop("False positives"),
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A row of the table of differences, as text.

    Attributes:
        key: The metric's.
        name: What it is.
        first: Of the first model.
        second: Of the other.
        difference: The other's less the first's.
        interval: Of the difference, 95%; empty without one.
        p: Two-sided.
        p_holm: After Holm's correction.
    """

    key: str
    name: str
    first: str
    second: str
    difference: str
    interval: str
    p: str
    p_holm: str


def metric_name(key: str, language: Language) -> str:
    """What a compared metric is.

    Examples:
        >>> metric_name("froc/iou30/0.5", Language("en")), metric_name("AP50", Language("en"))
        ('Fractures found at 1/2 false positives per image, IoU 0.3', 'Average precision, IoU 0.5')
    """
    _ = language.gettext
    if key in _PLAIN:
        return _(_PLAIN[key])
    if key.startswith("AP"):
        return _("Average precision, {criterion}", criterion=_(CRITERION_TEXT[f"iou{key[2:]}"]))
    _name, criterion, point = key.split("/")
    return _(
        "Fractures found at {rate} false positives per image, {criterion}",
        rate=rate_text(float(point)),
        criterion=_(CRITERION_TEXT[criterion]),
    )


def difference_rows(comparison: Comparison, language: Language) -> dict[str, list[Difference]]:
    """All rows by the heading of their family, for which Holm's correction is made."""
    families: dict[str, list[Difference]] = {}
    for key, each in comparison.differences.items():
        families.setdefault(_heading(family_of(key), language), []).append(
            Difference(
                key=key,
                name=metric_name(key, language),
                first=language.number(each.first, 3),
                second=language.number(each.second, 3),
                difference=signed(each.difference, language),
                interval=signed_interval(each.low, each.high, language),
                p=p_text(each.p, language),
                p_holm=p_text(each.p_holm, language),
            )
        )
    return families


def _heading(family: str, language: Language) -> str:
    if family in _FAMILIES:
        return language.gettext(_FAMILIES[family])
    criterion = language.gettext(CRITERION_TEXT[family.partition("/")[2]])
    return language.gettext("Fractures found, {criterion}", criterion=criterion)
