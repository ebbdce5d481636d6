"""The plots of a comparison: curves of all models in one pair of axes, and the differences from the first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fractura.evaluation.comparison import MAIN, Comparison
from fractura.evaluation.metric_names import FALSE_POSITIVES_PER_IMAGE, MAIN_CRITERION
from fractura.evaluation.report.axes import (
    DASHES,
    HEIGHT,
    WIDTH,
    folded,
    label_axes,
    legend_above,
    new_axes,
    operating_point,
    percent_axis,
)
from fractura.evaluation.report.comparison_rows import metric_name
from fractura.evaluation.report.language import Language, rate_text
from fractura.evaluation.report.study import signed
from fractura.evaluation.report.svg import FAINT, SERIES
from fractura.evaluation.result import Curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHARES = [key for key in MAIN if key != "false_positives_per_normal_image"]
"""What the plot of differences shows: metrics from 0 to 1."""
_ROW = 0.34
_ROW_LETTERS = 40


def roc_of_models(
    curves: Sequence[Curves], comparisons: Sequence[Comparison], names: Sequence[str], language: Language
) -> Figure | None:
    """ROC curves of whole images with the AUC in the legend; None without fractured or without normal images."""
    _ = language.gettext
    if not all("image" in each.roc for each in curves):
        return None
    labels = [
        f"{name} (AUC {language.number(_value(comparisons, number, 'image_auc'), 3)})"
        for number, name in enumerate(names)
    ]
    labels, tall = folded(labels)
    figure, axes = new_axes(height=HEIGHT + tall)
    axes.plot([0, 100], [0, 100], color=FAINT, lw=0.8, ls=(0, (2, 2)), label=_("by chance"))
    for number, (each, name) in enumerate(zip(curves, labels, strict=True)):
        colour, dash = SERIES[number % len(SERIES)], DASHES[number % len(DASHES)]
        axes.plot(
            *([100 * share for share in each.roc["image"][axis]] for axis in ("false_positive_rate", "sensitivity")),
            color=colour,
            linestyle=dash,
            label=name,
        )
        found, cleared = (_value(comparisons, number, key) for key in ("image_sensitivity", "image_specificity"))
        if found is not None and cleared is not None:
            operating_point(axes, 100 * (1 - cleared), 100 * found, colour)
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    label_axes(axes, _("Normal images flagged (%, 100 − specificity)"), _("Fractured images flagged (%, sensitivity)"))
    legend_above(figure, axes, columns=1)
    return figure


def froc_of_models(curves: Sequence[Curves], names: Sequence[str], language: Language) -> Figure | None:
    """FROC curves by the main criterion; None without boxes to be found."""
    _ = language.gettext
    if not all(MAIN_CRITERION in each.froc for each in curves):
        return None
    labels, tall = folded(names)
    figure, axes = new_axes(height=HEIGHT + tall)
    first, last = FALSE_POSITIVES_PER_IMAGE[0], FALSE_POSITIVES_PER_IMAGE[-1]
    for number, (each, name) in enumerate(zip(curves, labels, strict=True)):
        curve = each.froc[MAIN_CRITERION]
        axes.step(
            [first / 1e3, *curve["false_positives_per_image"], 2 * last],
            [0, *(100 * share for share in curve["sensitivity"]), 100 * max(curve["sensitivity"], default=0)],
            where="post",
            color=SERIES[number % len(SERIES)],
            linestyle=DASHES[number % len(DASHES)],
            label=name,
        )
    axes.set_xscale("log", base=2)
    axes.set_xlim(first * 0.93, last * 1.07)
    axes.set_xticks(FALSE_POSITIVES_PER_IMAGE, [rate_text(point) for point in FALSE_POSITIVES_PER_IMAGE])
    axes.minorticks_off()
    percent_axis(axes, "y")
    label_axes(axes, _("False positives per image (mean number, log scale)"), _("Fractures found (% of boxes)"))
    legend_above(figure, axes, columns=1)
    return figure


def differences(comparisons: Sequence[Comparison], names: Sequence[str], language: Language) -> Figure | None:
    """The main metrics of each other model less the first one's, with intervals."""
    keys = [key for key in _SHARES if any(each.differences[key].difference is not None for each in comparisons)]
    if not keys:
        return None
    _ = language.gettext
    labels, tall = folded(names)
    rows, _tall = folded([metric_name(key, language) for key in keys], _ROW_LETTERS)
    figure, axes = new_axes(WIDTH + 1.2, 1.1 + tall + _ROW * len(keys) * max(1, 0.6 * len(comparisons)))
    axes.axvline(0, color=FAINT, lw=0.9)
    for number, comparison in enumerate(comparisons):
        colour, shift = SERIES[(number + 1) % len(SERIES)], (number - (len(comparisons) - 1) / 2) * 0.22
        for height, key in enumerate(keys):
            each = comparison.differences[key]
            if each.difference is None:
                continue
            if each.low is not None and each.high is not None:
                axes.hlines(height + shift, each.low, each.high, colour, lw=1.4)
            axes.plot([each.difference], [height + shift], "s", color=colour, ms=5)
        axes.plot([], [], "s", color=colour, ms=5, label=labels[number + 1])
    axes.set_yticks(range(len(keys)), rows)
    axes.set_ylim(len(keys) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: signed(value, language, 2))
    [across], _tall = folded([_("Difference from {first} (95% interval)", first=names[0])], _ROW_LETTERS)
    axes.set_xlabel(across).set_gid("label-x")
    legend_above(figure, axes, columns=1)
    return figure


def _value(comparisons: Sequence[Comparison], number: int, key: str) -> float | None:
    """A metric of the model of this number, 0 for the first."""
    return comparisons[0].differences[key].first if number == 0 else comparisons[number - 1].differences[key].second
