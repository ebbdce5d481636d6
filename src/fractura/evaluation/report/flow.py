"""The flow of images, from those found to those flagged, as STARD and CLAIM ask for."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.report.axes import WIDTH, new_axes
from fractura.evaluation.report.chapters import crosstable
from fractura.evaluation.report.context import ReportContext
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import FAINT, INK, PAPER
from fractura.formats.faults import NOT_ANNOTATED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_REASONS = {NOT_ANNOTATED: gettext_noop("not annotated")}
"""Why images are left out, in words to be translated."""
_LETTERS = 30
"""Of a line in a box."""
_LEFT, _MIDDLE, _RIGHT = 0.24, 0.3, 0.76


def flow(context: ReportContext, language: Language) -> Figure | None:
    """Images found, left out and why, analysed, with and without a fracture, flagged and not; None without any."""
    _, evaluation, reasons = language.gettext, context.evaluation, context.unused
    if not evaluation.images:
        return None
    neither = evaluation.images - evaluation.positive - evaluation.negative
    figure, axes = new_axes(WIDTH, 3.6)
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    analysed = [_("Images analysed: {images}", images=evaluation.images)]
    if evaluation.patients is not None:
        analysed.append(_("Patients: {patients}", patients=evaluation.patients))
    _box(axes, (_MIDDLE, 0.93), [_("Images found: {images}", images=evaluation.images + sum(reasons.values()))])
    if reasons:
        lines = [f"{_(_REASONS[reason])}: {count}" for reason, count in reasons.items()]
        _box(axes, (_RIGHT, 0.81), [_("Not analysed"), *lines], after=(_MIDDLE, 0.81), sideways=True)
    if neither:
        words = _("Difficult boxes only, in no metric of images: {images}", images=neither)
        _box(axes, (_RIGHT, 0.6), [words], after=(_MIDDLE, 0.6), sideways=True)
    _box(axes, (_MIDDLE, 0.6), analysed, after=(_MIDDLE, 0.9))
    counts = crosstable(evaluation)
    for x, name, images, split in (
        (_LEFT, _("With a fracture"), evaluation.positive, counts.positive),
        (_RIGHT, _("Normal"), evaluation.negative, counts.negative),
    ):
        _box(axes, (x, 0.3), [f"{name}: {images}"], after=(_MIDDLE, 0.6))
        if split is not None:
            lines = [_("Flagged") + f": {split[0]}", _("Not flagged") + f": {split[1]}"]
            _box(axes, (x, 0.09), lines, after=(x, 0.27))
    return figure


def _box(
    axes: Axes,
    at: tuple[float, float],
    lines: list[str],
    *,
    after: tuple[float, float] | None = None,
    sideways: bool = False,
) -> None:
    """A box, with an arrow from where the images of it come."""
    arrow = {"arrowstyle": "<-", "color": FAINT, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    arrow["relpos"] = (0, 0.5) if sideways else (0.5, 1)
    axes.annotate(
        "\n".join(textwrap.fill(line, _LETTERS) for line in lines),
        after or at,
        at,
        ha="center",
        va="center",
        fontsize=8.5,
        color=INK,
        bbox={"boxstyle": "square,pad=0.5", "facecolor": PAPER, "edgecolor": FAINT, "linewidth": 0.9},
        arrowprops=None if after is None else arrow,
        zorder=2 + at[1],
    )
