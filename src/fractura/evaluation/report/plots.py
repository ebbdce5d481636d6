"""The plots of the report, drawn with matplotlib, small enough for a telephone and for a column of a paper.

Each function takes an evaluation and gives a matplotlib figure, or None where there is nothing to draw. Axis labels
have the ids ``label-x`` and ``label-y`` and name their units.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from fractura.evaluation.documents import Curve
from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_POSITIVES_PER_IMAGE,
    MAIN_CRITERION,
    point_text,
)
from fractura.evaluation.report.axes import (
    DASHES,
    HEIGHT,
    WIDTH,
    decimal_axis,
    label_axes,
    legend_above,
    new_axes,
    operating_point,
    percent_axis,
)
from fractura.evaluation.report.context import ReportContext, subgroup_name
from fractura.evaluation.report.language import Language, rate_text
from fractura.evaluation.report.svg import FAINT, SERIES
from fractura.evaluation.result import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEFTMOST = 1 / 64
"""False positives per image: the operating point is drawn from here on."""
_ROW = 0.24
_LONGEST_LINE = 32
"""Letters of a subgroup's name in one line."""


def froc(evaluation: Evaluation, language: Language) -> Figure | None:
    """Share of boxes found against false positives per image, one curve a criterion; the main one with its interval."""
    _ = language.gettext
    if not evaluation.boxes or not evaluation.curves.froc:
        return None
    figure, axes = new_axes(WIDTH, HEIGHT + 0.3)
    for number, criterion in enumerate(CRITERIA):
        _staircase(axes, evaluation, criterion, number, language)
    main = CRITERIA.index(MAIN_CRITERION)
    _froc_band(axes, evaluation, MAIN_CRITERION, main)
    leftmost = FALSE_POSITIVES_PER_IMAGE[0]
    false_positives = evaluation.metrics[f"false_positives_per_image/{MAIN_CRITERION}"].value
    sensitivity = evaluation.metrics[f"box_sensitivity/{MAIN_CRITERION}"].value
    if false_positives and sensitivity is not None and LEFTMOST <= false_positives <= FALSE_POSITIVES_PER_IMAGE[-1]:
        while leftmost > false_positives:
            leftmost /= 2
        operating_point(axes, false_positives, 100 * sensitivity, SERIES[main])
    _froc_axes(axes, leftmost)
    label_axes(axes, _("False positives per image (mean number, log scale)"), _("Fractures found (% of boxes)"))
    legend_above(figure, axes, columns=4)
    return figure


def froc_by_criterion(evaluation: Evaluation, language: Language) -> Figure | None:
    """One panel a criterion, each with the band of its intervals; None where there are no intervals."""
    _ = language.gettext
    if not evaluation.boxes or not evaluation.curves.froc or evaluation.intervals is None:
        return None
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT + 0.9), layout="constrained")
    grid = figure.subplots(2, 2, sharex=True, sharey=True)
    for number, (criterion, axes) in enumerate(zip(CRITERIA, grid.flat, strict=True)):
        _staircase(axes, evaluation, criterion, number, language)
        _froc_band(axes, evaluation, criterion, number)
        _froc_axes(axes, FALSE_POSITIVES_PER_IMAGE[0])
        axes.set_title(_(CRITERION_TEXT[criterion]), fontsize=9, loc="left")
    figure.supxlabel(_("False positives per image (mean number, log scale)"), fontsize=9).set_gid("label-x")
    figure.supylabel(_("Fractures found (% of boxes, 95% interval)"), fontsize=9).set_gid("label-y")
    return figure


def _staircase(axes: Axes, evaluation: Evaluation, criterion: str, number: int, language: Language) -> None:
    """The curve starts at zero and stays level to the right of its last step."""
    _ = language.gettext
    curve = evaluation.curves.froc[criterion]
    axes.step(
        [LEFTMOST / 1e3, *curve["false_positives_per_image"], 2 * FALSE_POSITIVES_PER_IMAGE[-1]],
        [0, *(100 * share for share in curve["sensitivity"]), 100 * max(curve["sensitivity"], default=0)],
        where="post",
        color=SERIES[number],
        linestyle=DASHES[number],
        label=_(CRITERION_TEXT[criterion]),
        zorder=4 if criterion == MAIN_CRITERION else 3,
    )


def _froc_band(axes: Axes, evaluation: Evaluation, criterion: str, number: int) -> None:
    ends = [(point, evaluation.metrics[f"froc/{criterion}/{point_text(point)}"]) for point in FALSE_POSITIVES_PER_IMAGE]
    band = np.array([(point, end.low, end.high) for point, end in ends if end.low is not None], dtype=np.float64)
    if len(band):
        axes.fill_between(band[:, 0], band[:, 1] * 100, band[:, 2] * 100, color=SERIES[number], alpha=0.16, lw=0)


def _froc_axes(axes: Axes, leftmost: float) -> None:
    last = FALSE_POSITIVES_PER_IMAGE[-1]
    ticks = [2.0**power for power in range(round(np.log2(leftmost)), round(np.log2(last)) + 1)]
    axes.set_xscale("log", base=2)
    axes.set_xlim(leftmost * 0.93, last * 1.07)
    axes.set_xticks(ticks, [rate_text(tick) for tick in ticks])
    axes.minorticks_off()
    percent_axis(axes, "y")


def precision_recall(evaluation: Evaluation, language: Language) -> Figure | None:
    """Share of detections that are right against share of boxes found, at three overlaps."""
    _ = language.gettext
    curves = evaluation.curves.precision_recall
    if not evaluation.boxes or not curves:
        return None
    figure, axes = new_axes()
    for number, criterion in enumerate(name for name in CRITERIA if name in curves):
        curve = curves[criterion]
        axes.plot(
            *(100 * np.array(curve[name]) for name in ("recall", "precision")),
            color=SERIES[number],
            linestyle=DASHES[number],
            label=_(CRITERION_TEXT[criterion]),
        )
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    label_axes(axes, _("Fractures found (%, recall)"), _("Detections that are right (%, precision)"))
    legend_above(figure, axes, columns=3)
    return figure


def reliability(evaluation: Evaluation, language: Language, of: str) -> Figure | None:
    """Scores against what is observed, of ``image`` or ``detection``, in bins of equally many."""
    _ = language.gettext
    curve: Curve = evaluation.curves.reliability.get(of, {})
    if not curve.get("score"):
        return None
    figure, axes = new_axes()
    observed, low, high = (100 * np.array(curve[name]) for name in ("observed", "low", "high"))
    axes.plot([0, 1], [0, 100], color=FAINT, lw=0.8, ls=(0, (2, 2)), label=_("perfect agreement"))
    axes.vlines(curve["score"], low, high, SERIES[0], lw=1)
    axes.plot(
        curve["score"],
        observed,
        color=SERIES[0],
        marker="o",
        ms=5,
        lw=1,
        label=_("groups of equal size, 95% interval"),
    )
    axes.set_xlim(-0.01, 1.01)
    decimal_axis(axes, language)
    percent_axis(axes, "y")
    if of == "image":
        label_axes(
            axes, _("Score of the image (mean of the group, 0 to 1)"), _("Images with a fracture (% of the group)")
        )
    else:
        label_axes(
            axes,
            _("Score of the detection (mean of the group, 0 to 1)"),
            _("Detections that are right (% of the group)"),
        )
    legend_above(figure, axes, columns=1)
    return figure


def subgroups(context: ReportContext, language: Language) -> Figure | None:
    """Share of boxes found in each subgroup, with its interval, and that of all images."""
    _ = language.gettext
    key = f"box_sensitivity/{MAIN_CRITERION}"
    groups = [group for group in context.subgroups if key in group.metrics and group.metrics[key].value is not None]
    whole = context.evaluation.metrics[key].value
    if not groups or whole is None:
        return None
    rows = [textwrap.fill(f"{subgroup_name(group, language)} ({group.boxes})", _LONGEST_LINE) for group in groups]
    lines = sum(row.count("\n") + 1 for row in rows)
    figure, axes = new_axes(WIDTH, max(2.6, 0.9 + _ROW * lines))
    for height, group in enumerate(groups):
        found = group.metrics[key]
        if found.low is not None and found.high is not None:
            axes.hlines(height, 100 * found.low, 100 * found.high, SERIES[0], lw=1.4)
        axes.plot([100 * (found.value or 0)], [height], "s", color=SERIES[0], ms=5)
    axes.axvline(100 * whole, color=FAINT, lw=0.9, ls=(0, (3, 2)))
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    percent_axis(axes, "x")
    label_axes(axes, _("Fractures found (% of boxes, 95% interval)"), _("Subgroup (number of boxes)"))
    axes.xaxis.label.set(x=1, horizontalalignment="right")  # the axis may be shorter than its label
    return figure
