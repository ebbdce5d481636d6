"""The plots of whole images: ROC curve, decision curve and how the scores lie; otherwise as ``plots``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fractura.evaluation.documents import Curve
from fractura.evaluation.metric_names import LEVELS
from fractura.evaluation.report.axes import (
    DASHES,
    HEIGHT,
    decimal_axis,
    label_axes,
    legend_above,
    new_axes,
    operating_point,
    percent_axis,
)
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import FAINT, INK, SERIES
from fractura.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def roc(evaluation: Evaluation, language: Language) -> Figure | None:
    """Share of fractured images flagged against share of normal images flagged, with AUC and 95% band.

    Also by study and patient if known.
    """
    _ = language.gettext
    names = {"image": _("by image"), "study": _("by study"), "patient": _("by patient")}
    levels = [level for level in LEVELS if evaluation.curves.roc.get(level, {}).get("sensitivity")]
    if not levels:
        return None
    figure, axes = new_axes(height=HEIGHT + 0.16 * len(levels))
    axes.plot([0, 100], [0, 100], color=FAINT, lw=0.8, ls=(0, (2, 2)), label=_("by chance"))
    for number, level in enumerate(levels):
        curve = evaluation.curves.roc[level]
        axes.plot(
            *(100 * np.array(curve[name]) for name in ("false_positive_rate", "sensitivity")),
            color=SERIES[number],
            linestyle=DASHES[number],
            label=f"{names[level]}, {_auc(evaluation, level, language)}",
        )
        if level == levels[0]:
            _band(axes, evaluation.curves.roc_band.get(level), "false_positive_rate", number)
        sensitivity, specificity = (evaluation.metrics[f"{level}_{name}"] for name in ("sensitivity", "specificity"))
        if sensitivity.value is None or specificity.value is None:
            continue
        at = (100 * (1 - specificity.value), 100 * sensitivity.value)
        if sensitivity.low is not None and sensitivity.high is not None:
            axes.vlines(at[0], 100 * sensitivity.low, 100 * sensitivity.high, SERIES[number], lw=1)
        if specificity.low is not None and specificity.high is not None:
            axes.hlines(at[1], 100 * (1 - specificity.high), 100 * (1 - specificity.low), SERIES[number], lw=1)
        operating_point(axes, *at, SERIES[number])
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    label_axes(axes, _("Normal images flagged (%, 100 − specificity)"), _("Fractured images flagged (%, sensitivity)"))
    legend_above(figure, axes, columns=1)
    return figure


def _auc(evaluation: Evaluation, level: str, language: Language) -> str:
    """``AUC 0.84 (0.79–0.88)``."""
    metric = evaluation.metrics[f"{level}_auc"]
    interval = language.interval(metric, percent=False)
    return f"AUC {language.number(metric.value)}" + (f" ({interval})" if interval else "")


def _band(axes: Axes, curve: Curve | None, across: str, number: int) -> None:
    if curve is not None and "low" in curve:
        at, low, high = (100 * np.array(curve[name]) for name in (across, "low", "high"))
        axes.fill_between(at, low, high, color=SERIES[number], alpha=0.16, lw=0)


def decision_curve(evaluation: Evaluation, language: Language) -> Figure | None:
    """Net benefit of acting on what the model flags, on all and on none, against the probability from which to act."""
    _ = language.gettext
    curve = evaluation.curves.net_benefit.get("image")
    if curve is None:
        return None
    figure, axes = new_axes(height=HEIGHT + 0.16)
    axes.axhline(0, color=FAINT, lw=0.8, label=_("act on none"))
    across = 100 * np.array(curve["threshold"])
    axes.plot(across, 100 * np.array(curve["all"]), color=SERIES[1], linestyle=DASHES[1], label=_("act on all"))
    axes.plot(across, 100 * np.array(curve["model"]), color=SERIES[0], label=_("act by the model"))
    _band(axes, curve, "threshold", 0)
    highest = 100 * max(*curve["all"], *curve["model"], *curve.get("high", []))
    axes.set_ylim(-0.25 * highest, 1.05 * highest)
    percent_axis(axes, "x")
    label_axes(axes, _("Probability from which one would act (%)"), _("Net benefit (number per 100 images)"))
    legend_above(figure, axes, columns=2)
    return figure


def scores(evaluation: Evaluation, language: Language) -> Figure | None:
    """How the scores of normal and fractured images lie, and the threshold."""
    _ = language.gettext
    kinds = [
        [outcome.image_score for outcome in evaluation.outcomes if outcome.positive is positive]
        for positive in (False, True)
    ]
    if not any(kinds):
        return None
    figure, axes = new_axes()
    axes.locator_params(axis="y", integer=True)
    edges = [step / 20 for step in range(21)]
    for number, (found, name) in enumerate(zip(kinds, (_("normal images"), _("fractured images")), strict=True)):
        if found:
            share = np.full(len(found), 100 / len(found))
            axes.hist(found, edges, weights=share, color=SERIES[number], alpha=0.28, lw=0)
            axes.hist(found, edges, weights=share, color=SERIES[number], histtype="step", lw=1.4,
                      ls=DASHES[number], label=f"{name} ({len(found)})")  # fmt: skip
    axes.axvline(evaluation.threshold, color=INK, lw=1, label=_("threshold"))
    axes.set_xlim(0, 1)
    decimal_axis(axes, language)
    axes.set_ylim(bottom=0)
    label_axes(axes, _("Score of the image (its best detection, 0 to 1)"), _("Images (% of their kind)"))
    legend_above(figure, axes, columns=3)
    return figure
