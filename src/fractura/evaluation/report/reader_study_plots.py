"""The plots of a reader study: ROC curves of each modality, and each reader's figures with each modality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.measures import Floats
from fractura.evaluation.reader_study.analysis import FigureAnalysis
from fractura.evaluation.reader_study.figures import FIGURES
from fractura.evaluation.reader_study.ratings import ReaderStudy
from fractura.evaluation.report.axes import (
    DASHES,
    HEIGHT,
    WIDTH,
    folded,
    label_axes,
    legend_above,
    new_axes,
    percent_axis,
)
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import FAINT, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LETTER = 0.085
"""Inches that a letter of a tick takes, with room to its neighbour."""
_PANEL = 2.3
"""Inches: the height of one panel of several."""
_STEPS = np.linspace(0, 1, 201)


def roc_of_modalities(study: ReaderStudy, language: Language) -> Figure:
    """ROC curves of whole images: of each reader, and their mean at each false positive rate."""
    _ = language.gettext
    labels, tall = folded(study.modalities)
    figure, axes = new_axes(height=HEIGHT + tall)
    axes.plot([0, 100], [0, 100], color=FAINT, lw=0.8, ls=(0, (2, 2)), label=_("by chance"))
    for m, label in enumerate(labels):
        colour, dash = SERIES[m % len(SERIES)], DASHES[m % len(DASHES)]
        curves = [roc_curve(ratings, study.fractured) for ratings in study.ratings[m]]
        if len(curves) > 1:
            for across, up in curves:
                axes.plot(100 * across, 100 * up, color=colour, linestyle=dash, lw=0.6, alpha=0.5)
        mean = np.mean([np.interp(_STEPS, across, up) for across, up in curves], axis=0)
        axes.plot(
            100 * np.append(0, _STEPS), 100 * np.append(0, mean), color=colour, linestyle=dash, lw=2.2, label=label
        )
    percent_axis(axes, "x")
    percent_axis(axes, "y")
    label_axes(axes, _("Normal images flagged (%, 100 − specificity)"), _("Fractured images flagged (%, sensitivity)"))
    legend_above(figure, axes, columns=1)
    return figure


def roc_curve(ratings: Floats, fractured: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """False positive rates and sensitivities from (0, 0) to (1, 1), one point for each rating there is.

    Examples:
        >>> across, up = roc_curve(np.array([1, 2, 2, 3]), np.array([False, False, True, True]))
        >>> across.tolist(), up.tolist()
        ([0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0])
    """
    levels, place = np.unique(-ratings, return_inverse=True)
    up = np.cumsum(np.bincount(place, fractured, len(levels))) / np.count_nonzero(fractured)
    across = np.cumsum(np.bincount(place, ~fractured, len(levels))) / np.count_nonzero(~fractured)
    return np.append(0, across), np.append(0, up)


def values_of_readers(figures: Sequence[FigureAnalysis], study: ReaderStudy, language: Language) -> Figure:
    """Each figure of merit in its own panel: a line a reader from modality to modality, and their mean."""
    from matplotlib.figure import Figure

    columns = min(2, len(figures))
    rows = math.ceil(len(figures) / columns)
    letters = max(8, int(WIDTH / columns / len(study.modalities) / _LETTER))
    labels, _tall = folded(study.modalities, letters)
    tall = folded([max(labels, key=len)], letters)[1]
    figure = Figure(figsize=(WIDTH, rows * ((HEIGHT if rows == 1 else _PANEL) + tall)), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels[len(figures) :]:
        axes.remove()
    places = range(len(study.modalities))
    for each, axes in zip(figures, panels, strict=False):
        values = np.array([[each.values[m][r] for r in study.readers] for m in study.modalities])
        for r in range(len(study.readers)):
            axes.plot(places, values[:, r], color=SERIES[0], lw=0.9, marker="o", ms=3, alpha=0.7)
        axes.plot(places, values.mean(axis=1), color=INK, lw=2.2, marker="s", ms=6)
        axes.set_xticks(places, labels)
        axes.set_xlim(-0.3, len(study.modalities) - 0.7)
        axes.set_title(language.gettext(FIGURES[each.figure]), fontsize=9, loc="left")
        axes.yaxis.set_major_formatter(lambda value, _: language.number(value, 2))
    return figure
