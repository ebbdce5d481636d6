"""The plots of a page: saved for papers, and for the middle of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from fractura.evaluation.report.svg import FORMATS, inline_svg, remove_figure, save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS = "plots"
"""The folder of the plots' files, beside the page."""
Drawers = Mapping[str, tuple[Callable[[], "Figure | None"], str, str]]
"""By name: what draws a plot (None where there is nothing to draw), its title, and what it shows."""


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A drawing on the page.

    Attributes:
        svg: For the middle of the page.
        title: What it is.
        caption: What it shows.
        folder: Where its files are, as the page links to them.
        formats: Their endings.
    """

    svg: Markup
    title: str
    caption: str
    folder: str = PLOTS
    formats: tuple[str, ...] = FORMATS


def draw_plots(drawers: Drawers, folder: Path) -> dict[str, Plot]:
    """Every plot that can be drawn, by name: saved into the folder, and for the page.

    Files of an earlier page's plots that cannot be drawn any more are removed.

    Raises:
        DataError: The folder cannot be written.
    """
    drawn = {}
    for name, (draw, title, caption) in drawers.items():
        figure = draw()
        if figure is None:
            remove_figure(folder, name)
        else:
            svg = save_figure(figure, folder, name)
            drawn[name] = Plot(svg=Markup(inline_svg(svg, name, title, caption)), title=title, caption=caption)
    return drawn
