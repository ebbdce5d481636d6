"""The pieces that the report is put together from: sections, tables, metrics, numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fractura.core.html import text
from fractura.evaluation.metric_names import Metric
from fractura.evaluation.report.words import Words


@dataclass(frozen=True)
class Markup:
    """HTML, beside plain text that has still to be escaped."""

    html: str


Cell = Markup | str | int


def html_of(cell: Cell) -> str:
    """Markup as it is, anything else as text."""
    return cell.html if isinstance(cell, Markup) else text(cell)


def joined(parts: Iterable[Cell]) -> Markup:
    """One after the other."""
    return Markup("".join(html_of(part) for part in parts))


def paragraph(words: Cell, kind: str = "") -> Markup:
    """A ``p``; ``kind`` is its class."""
    return Markup(f"<p{_class(kind)}>{html_of(words)}</p>")


def banner(words: Cell) -> Markup:
    """What must not be overlooked."""
    return Markup(f'<p class="banner" role="note">{html_of(words)}</p>')


def section(name: str, title: str, parts: Iterable[Cell]) -> Markup:
    """A chapter with a place to link to."""
    return Markup(
        f'<section id="{name}" aria-labelledby="{name}-heading"><h2 id="{name}-heading">{text(title)}</h2>'
        f"{joined(parts).html}</section>"
    )


def table(
    name: str, caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, numeric: bool = True
) -> Markup:
    """A table in a box of its own that scrolls sideways, by keyboard too; the first cell of a row is its heading.

    Args:
        name: Unique on the page.
        caption: Plain text.
        columns: Headings.
        rows: As many cells as there are columns.
        numeric: All columns but the first hold numbers and stand to the right.
    """
    kind = ' class="n"' if numeric else ""
    head = "".join(
        f'<th scope="col"{kind if place else ""}>{text(column)}</th>' for place, column in enumerate(columns)
    )
    body = "".join(
        f'<tr><th scope="row">{html_of(row[0])}</th>'
        + "".join(f"<td{kind}>{html_of(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return Markup(
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{name}-caption"><table id="{name}">'
        f'<caption id="{name}-caption"><span>{text(caption)}</span></caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def plot(drawing: str, caption: Cell, files: Cell) -> Markup:
    """An inline drawing with its caption and links to its files."""
    return Markup(
        f'<metric class="plot">{drawing}<figcaption>{html_of(caption)} '
        f'<span class="files">{html_of(files)}</span></figcaption></metric>'
    )


def link(address: str, words: str) -> Markup:
    """A link to a file beside the page or a place on it."""
    return Markup(f'<a href="{text(address)}">{text(words)}</a>')


def definitions(entries: Iterable[tuple[Cell, Cell]]) -> Markup:
    """Pairs of a name and what is to be said of it."""
    rows = "".join(f"<div><dt>{html_of(name)}</dt><dd>{html_of(value)}</dd></div>" for name, value in entries)
    return Markup(f"<dl>{rows}</dl>")


def bullets(lines: Iterable[Cell]) -> Markup:
    """A list without order."""
    return Markup("<ul>" + "".join(f"<li>{html_of(line)}</li>" for line in lines) + "</ul>")


def value(say: Words, key: str, metric: Metric, *, share: bool = True, digits: int = 2) -> Markup:
    """A metric and its interval; ``data-metric`` says which of ``evaluation.json`` it is.

    Args:
        say: The reader's words.
        key: Of the metric.
        metric: What was measured.
        share: Shown in per cent with one digit.
        digits: Behind the point, where it is no share.
    """
    number = say.percent(metric.value) if share else say.number(metric.value, digits)
    interval = say.interval(metric, share=share, digits=digits)
    tail = f' <span class="interval">({interval})</span>' if interval else ""
    return Markup(f'<span class="value" data-metric="{text(key)}">{number}</span>{tail}')


def of_count(metric: Metric) -> str:
    """``31 / 51`` where the metric is a plain share."""
    return "" if metric.part is None or metric.count is None else f"{metric.part} / {metric.count}"


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
