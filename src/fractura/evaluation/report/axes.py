"""What axes of several plots have in common: percentages, labels with ids, legends above."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.6, 3.5
"""Inches: a page shows them up to half as large again, a narrow telephone at about this size."""
DASHES: tuple[str | tuple[int, tuple[float, ...]], ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1, 1.5)))


LEGEND_LETTERS = 52
"""What fits beside the line of a legend across a figure of the usual width."""
LINE_HEIGHT = 0.16
"""Inches that a line of small letters takes."""


def folded(names: Sequence[str], letters: int = LEGEND_LETTERS) -> tuple[list[str], float]:
    r"""Names on lines of so many letters at most, and the inches that all of them take one below the other.

    Examples:
        >>> folded(["a model of a long name", "built-in"], 12)
        (['a model of a\nlong name', 'built-in'], 0.48)
    """
    lines = [textwrap.fill(name, letters) for name in names]
    return lines, LINE_HEIGHT * sum(each.count("\n") + 1 for each in lines)


def new_axes(width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """An empty figure of so many inches. Not pyplot's: it keeps every figure, and is not meant for servers."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def percent_axis(axes: Axes, which: str) -> None:
    """``x`` or ``y`` from 0 to 100."""
    (axes.set_xlim if which == "x" else axes.set_ylim)(-1, 101)
    (axes.set_xticks if which == "x" else axes.set_yticks)(range(0, 101, 20))


def decimal_axis(axes: Axes, language: Language) -> None:
    """Across, numbers with one decimal, written as the reader writes them."""
    axes.xaxis.set_major_formatter(lambda value, _: language.number(value, 1))


def label_axes(axes: Axes, across: str, up: str) -> None:
    """What the axes show, with units; the labels have the ids ``label-x`` and ``label-y``."""
    axes.set_xlabel(across).set_gid("label-x")
    axes.set_ylabel(up).set_gid("label-y")


def operating_point(axes: Axes, x: float, y: float, colour: str) -> None:
    """A ring."""
    axes.plot([x], [y], "o", ms=7, mfc=PAPER, mec=colour, mew=2, zorder=6, clip_on=False)


def legend_above(figure: Figure, axes: Axes, *, columns: int) -> None:
    """The legend above the axes."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside upper left", ncols=min(columns, len(names)), handlelength=2.2, columnspacing=1.2
    )
