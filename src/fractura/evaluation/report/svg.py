"""A matplotlib figure as a file for a paper and as a drawing inside an HTML page."""

from __future__ import annotations

import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from fractura.core.files import write_atomically
from fractura.core.html import text
from fractura.core.terminal_text import shown_xml

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAPER, INK, FAINT, GRID = "#ffffff", "#1b1f24", "#57606a", "#d5dae0"
SERIES = ("#0b5cad", "#c04a00", "#00795a", "#a03c7e")
"""Told apart by people who see no red or green, and each of 4.5 : 1 on white."""
DOTS_PER_INCH = 300
FORMATS = ("png", "svg", "pdf", "tiff")
_NAMES = {PAPER: "paper", INK: "ink", FAINT: "faint", GRID: "grid"} | {
    colour: f"series-{number}" for number, colour in enumerate(SERIES, start=1)
}
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "svg.hashsalt": "fractura",
}
"""Settings of matplotlib under which figures are made and saved. Letters stay letters, to be edited for the journal."""


def save_figure(figure: Figure, folder: Path, name: str) -> str:
    """Write ``name.svg``, ``name.pdf``, ``name.png`` and ``name.tiff`` (300 dots an inch) into a folder.

    Returns:
        The SVG's text.

    Raises:
        DataError: The folder cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    drawing, sheet = io.BytesIO(), io.BytesIO()
    figure.set_facecolor(PAPER)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # names of any script are drawn as far as the typeface goes
        canvas: Any = FigureCanvasSVG(figure)  # draws once, where `savefig` draws twice
        canvas.print_svg(drawing, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
        figure.set_layout_engine("none")  # the places found for the first file hold for all of them
        canvas = FigureCanvasPdf(figure)
        canvas.print_pdf(sheet, metadata=dict.fromkeys(("Creator", "Producer", "CreationDate")))
        figure.set_dpi(DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    svg = shown_xml(drawing.getvalue().decode("utf-8"))
    contents = {"svg": svg.encode("utf-8"), "pdf": sheet.getvalue()}
    bitmap = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    for kind, compression in (("png", {}), ("tiff", {"compression": "tiff_lzw"})):
        dots = io.BytesIO()
        bitmap.save(dots, kind, dpi=(DOTS_PER_INCH, DOTS_PER_INCH), **compression)
        contents[kind] = dots.getvalue()
    for kind in FORMATS:
        write_atomically(folder / f"{name}.{kind}", contents[kind])
    return svg


def remove_figure(folder: Path, name: str) -> None:
    """Take away what ``save_figure`` wrote there for an earlier report, if it did."""
    for kind in FORMATS:
        (folder / f"{name}.{kind}").unlink(missing_ok=True)


def inline_svg(svg: str, name: str, title: str, description: str) -> str:
    """The drawing for the middle of a page: its colours become the page's, its ids its own.

    Args:
        svg: From ``save_figure``.
        name: Unique on the page; goes before every id.
        title: What the drawing is, plain text.
        description: What it shows, plain text, for those who do not see it.
    """
    drawing = re.sub(r"<!--.*?-->\s*", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    # Its style sheet would hold for the whole page.
    drawing = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', drawing)
    drawing = re.sub(r'href="#([^"]*)"', rf'href="#{name}-\1"', drawing)
    drawing = re.sub(r"url\(#([^)]*)\)", rf"url(#{name}-\1)", drawing)
    for colour, word in _NAMES.items():
        drawing = re.sub(colour, f"var(--{word})", drawing, flags=re.IGNORECASE)
    box = re.search(r'viewBox="[^"]*"', drawing)
    if box is None:
        raise ValueError("the drawing has no viewBox")
    head = (
        f'<svg xmlns:xlink="http://www.w3.org/1999/xlink" {box.group()} role="img" '
        f'aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{text(title)}</title><desc id="{name}-description">{text(description)}</desc>'
    )
    return head + drawing[drawing.index(">") + 1 :]
