"""The tables of a page for a paper: each as CSV and LaTeX, and all of them in one Word file.

They are read from the page itself, so that they say what it says. Word needs python-docx, in the extra ``word``.
"""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from fractura.core.csv_cell import csv_text
from fractura.core.files import write_atomically
from fractura.core.reporter import Reporter
from fractura.core.terminal_text import shown_xml

TABLES, WORD_FILE = "tables", "tables.docx"
"""The folder of the tables beside the page, and the Word file in it."""
_LONG = 50
"""Letters of a cell from which its lines are broken."""
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"−": "$-$", "≥": r"$\ge$", "≤": r"$\le$", "×": r"$\times$", "²": r"$^2$", "□": r"$\square$"},
    **{"χ": r"$\chi$", "∞": r"$\infty$"},
    **{"\u202f": r"\,", "\u00a0": "~", "<": r"\textless{}", ">": r"\textgreater{}"},
}


@dataclass(frozen=True)
class PaperTable:
    """A table of a page, as text.

    Attributes:
        name: Its id on the page.
        caption: Above it.
        columns: Headings.
        rows: Cells, as many a row as there are columns; the first is the row's heading. A cell across several columns
            is followed by empty ones.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[PaperTable] = []
        self._name: str | None = None
        self._caption, self._rows, self._words = "", list[list[str]](), list[str]()
        self._across = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._name, self._caption, self._rows = dict(attrs).get("id") or "table", "", []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td", "caption"):
            self._words = []
            self._across = int(dict(attrs).get("colspan") or 1)
        elif tag == "br":
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._name is None:
            return
        text = re.sub(r"[ \n]+", " ", "".join(self._words)).strip(" \n")  # not the blanks that must not break
        if tag == "caption":
            self._caption = text
        elif tag in ("th", "td"):
            self._rows[-1] += [text, *[""] * (self._across - 1)]
        elif tag == "p":
            self._words.append(" ")
        elif tag == "table":
            columns, *rows = map(tuple, self._rows)
            self.found.append(PaperTable(self._name, self._caption, columns, tuple(rows)))
            self._name = None

    def handle_data(self, data: str) -> None:
        self._words.append(data)


def tables_of(html: str) -> list[PaperTable]:
    """The tables of a page, in order.

    Examples:
        >>> [table] = tables_of("<table id=a><caption>All</caption><tr><th>x<th></tr><tr><td>1</td></tr></table>")
        >>> table.caption, table.rows
        ('All', (('1',),))
    """
    parser = _Tables()
    parser.feed(html)
    return parser.found


def write_tables_of(html: str, folder: Path, *, language: str, former: Sequence[str] = ()) -> None:
    """Write ``tables/NAME.csv`` and ``.tex`` for each table of a page, and ``tables/tables.docx`` with python-docx.

    Args:
        html: The page.
        folder: Where the page is.
        language: Two letters, for Word's spelling checker.
        former: Names of tables that an earlier page may have had: their files are removed if this one has none.

    Raises:
        DataError: The folder cannot be written.
    """
    found = tables_of(html)
    for table in found:
        write_atomically(folder / TABLES / f"{table.name}.csv", csv_text(table.columns, table.rows))
        write_atomically(folder / TABLES / f"{table.name}.tex", latex(table))
    for name in set(former) - {table.name for table in found}:
        for kind in ("csv", "tex"):
            (folder / TABLES / f"{name}.{kind}").unlink(missing_ok=True)
    if word_is_there():
        write_atomically(folder / TABLES / WORD_FILE, word(found, language))


def latex(table: PaperTable) -> str:
    r"""A ``table`` environment for LaTeX with the package booktabs.

    Examples:
        >>> print(latex(PaperTable("auc", "AUC & more", ("", "Value"), (("by image", "68.1% (57.0–84.0)"),))))
        \begin{table}
          \caption{AUC \& more}
          \label{tab:auc}
          \begin{tabular}{lr}
            \toprule
             & Value \\
            \midrule
            by image & 68.1\% (57.0–84.0) \\
            \bottomrule
          \end{tabular}
        \end{table}
    """
    lines = [
        r"\begin{table}",
        rf"  \caption{{{_escaped(table.caption)}}}",
        rf"  \label{{tab:{table.name}}}",
        rf"  \begin{{tabular}}{{{''.join(_alignment(table, place) for place in range(len(table.columns)))}}}",
        r"    \toprule",
        _latex_row(table.columns),
        r"    \midrule",
        *map(_latex_row, table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def _alignment(table: PaperTable, column: int) -> str:
    if any(len(row[column]) > _LONG for row in table.rows):
        return "p{0.3\\linewidth}"
    return "r" if column else "l"


def _latex_row(cells: Sequence[str]) -> str:
    return "    " + " & ".join(map(_escaped, cells)) + r" \\"


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(sign, sign) for sign in text)


def word_is_there() -> bool:
    """python-docx is installed."""
    return importlib.util.find_spec("docx") is not None


def say_without_word(reporter: Reporter) -> None:
    """Say that the Word file is missing, if it is."""
    if not word_is_there():
        reporter.say("tables/tables.docx is not written: it needs python-docx (pip install fractura[word])")


def word(tables: Sequence[PaperTable], language: str) -> bytes:
    """A Word document of all the tables, each below its caption."""
    import docx
    from docx.shared import Pt

    document = docx.Document()
    document.core_properties.author = "fractura"
    document.core_properties.language = language
    document.styles["Normal"].font.size = Pt(9)
    for table in tables:
        document.add_paragraph(shown_xml(table.caption), style="Caption")
        grid = document.add_table(rows=1, cols=len(table.columns), style="Light List")
        for cell, heading in zip(grid.rows[0].cells, table.columns, strict=True):
            cell.text = shown_xml(heading)
        for row in table.rows:
            for cell, value in zip(grid.add_row().cells, row, strict=True):
                cell.text = shown_xml(value)
        document.add_paragraph()
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()
