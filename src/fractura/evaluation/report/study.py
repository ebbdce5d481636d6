"""Pages of studies that are not of one model alone: comparisons, agreement of readers, reader studies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from fractura._version import __version__
from fractura.core.files import write_atomically
from fractura.core.html import page
from fractura.evaluation.report.drawing import PLOTS, Drawers, draw_plots
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import STYLE
from fractura.evaluation.report.tables import write_tables_of
from fractura.evaluation.report.templating import render
from fractura.evaluation.report.versions import versions


def write_study(
    file: Path,
    language: Language,
    *,
    title: str,
    subtitle: str,
    warnings: Sequence[str],
    chapters: Mapping[str, str],
    drawers: Drawers,
    files: Sequence[str],
    values: Mapping[str, object],
    former_tables: Sequence[str],
) -> None:
    """Write a page, one file that loads nothing and runs nothing, with ``plots/`` and ``tables/`` beside it.

    Plots are PNG and TIFF of 300 dots per inch, SVG and PDF; tables CSV and LaTeX, and one Word file if python-docx is
    installed.

    Args:
        file: The page.
        language: Of the reader.
        title: Plain text.
        subtitle: One line below it.
        warnings: What must be read first.
        chapters: By the name of each template in ``templates/chapters`` its heading, in order.
        drawers: The plots.
        files: Names of files beside the page to be linked.
        values: What the templates of the chapters use.
        former_tables: Names of tables that only some pages of this kind have: files of an earlier page are removed.

    Raises:
        DataError: The folder cannot be written.
    """
    import matplotlib

    with matplotlib.rc_context(STYLE):
        drawn = draw_plots(drawers, file.parent / PLOTS)
    style = resources.files("fractura.evaluation.report").joinpath("report.css").read_text(encoding="utf-8")
    body = render(
        "study.html",
        language,
        title=title,
        subtitle=subtitle,
        warnings=warnings,
        chapters=chapters,
        plots=drawn,
        files=files,
        version=__version__,
        versions=versions(),
        **values,
    )
    write_atomically(file, page(title, body, style=style, language=language.code))
    write_tables_of(body, file.parent, language=language.code, former=former_tables)


def p_text(p: float | None, language: Language) -> str:
    """A p-value with three decimals, as journals print it; a dash for None.

    Examples:
        >>> p_text(0.0312, Language("en")), p_text(0.00002, Language("en")), p_text(0.0312, Language("es"))
        ('0.031', '< 0.001', '0,031')
    """
    if p is not None and p < 0.001:
        return f"< {language.number(0.001, 3)}"
    return language.number(p, 3)


def signed(value: float | None, language: Language, digits: int = 3) -> str:
    """A difference with its sign; a dash for None.

    Examples:
        >>> signed(0.0312, Language("en")), signed(-0.5, Language("es"))
        ('+0.031', '−0,500')
    """
    if value is None:
        return language.number(None)
    return ("−" if value < 0 else "+") + language.number(abs(value), digits)


def signed_interval(low: float | None, high: float | None, language: Language, digits: int = 3) -> str:
    """Both ends of a difference's interval; empty without one.

    Examples:
        >>> signed_interval(-0.1, 0.25, Language("en"), 2)
        '−0.10 to +0.25'
    """
    if low is None or high is None:
        return ""
    return language.gettext("{low} to {high}", low=signed(low, language, digits), high=signed(high, language, digits))
