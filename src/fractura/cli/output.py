"""What a command writes: results to stdout, words for people to stderr.

Both are in the language of the terminal: what comes here is English. With ``--json`` a command writes exactly one JSON
document to stdout, in English, and nothing else there. Everything is UTF-8, works without a terminal, and obeys
``NO_COLOR``. Text that comes from users (file names, class names) is never read as Rich markup, nor obeyed by the
terminal.
"""

from __future__ import annotations

import logging
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractura.cli import terminal_language as language
from fractura.core.errors import FracturaError
from fractura.core.json_text import json_text
from fractura.core.reporter import is_first_process as is_first_process  # for the commands
from fractura.core.terminal_text import shown

if TYPE_CHECKING:
    from rich.console import Console

    from fractura.core.reporter import Progress, Unit

READABLE_WIDTH = 80
"""Columns of running text: those of a terminal as it opens."""
PIPE_WIDTH = 120
"""Columns of a table where there is no terminal to ask."""


def use_utf8() -> None:
    """Make stdout and stderr UTF-8, whatever the code page; what cannot be encoded is escaped, never an error."""
    if sys.stdout is None:  # closed by the shell
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def write_line(text: str) -> None:
    """One line of result on stdout, unwrapped and uncoloured."""
    _put(language.sentence(text))


def write_path(path: Path) -> None:
    """A file or folder that was written, on stdout."""
    _put(str(path))


def write_paragraph(text: str) -> None:
    """A result that may be long, on stdout, folded at 80 columns; the lines after the first are indented."""
    fold = textwrap.TextWrapper(
        READABLE_WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    ).fill
    _put(fold(language.sentence(text)))


def _put(text: str) -> None:
    sys.stdout.write(f"{shown(text)}\n")
    sys.stdout.flush()


def write_json(document: Any) -> None:
    """The one JSON document of a command, on stdout; see ``core.json_text``."""
    sys.stdout.write(json_text(document))
    sys.stdout.flush()


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Rich takes 80 columns where there is no terminal, which cuts tables in log files.
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def say(text: str, *, style: str | None = None) -> None:
    """A line for people, on stderr."""
    _show(language.sentence(text), style=style)


def _show(text: str, *, style: str | None) -> None:
    with suppress(OSError):  # a log on a full disk: the work goes on without the line
        (CONSOLE.live or _console(stderr=True)).print(shown(text), style=style, soft_wrap=True)


def warn(text: str) -> None:
    """Something people should know though the command goes on, on stderr."""
    _show(f"{language.word('warning')}: {language.sentence(text)}", style="yellow")


def say_all(texts: Iterable[str]) -> None:
    """Several lines for people."""
    for text in texts:
        say(text)


def warn_all(texts: Iterable[str]) -> None:
    """Several warnings."""
    for text in texts:
        warn(text)


def say_saved(folder: Path | None, page: Path | None) -> None:
    """Where the page of a command lies, if it wrote one."""
    if page is not None:
        say(f"saved in {folder}; to be read in a browser: {page}")


def complain(text: str) -> None:
    """Why the command stops, on stderr."""
    _show(f"{language.word('error')}: {language.word(text)}", style="bold red")


def complain_of(error: FracturaError) -> None:
    """Why the command stops, on stderr; the name of the file stays as it is."""
    problem, place, hint = (language.sentence(part or "") for part in (error.problem, error.place, error.hint))
    translated = FracturaError(problem, file=error.file, place=place, hint=hint)
    _show(f"{language.word('error')}: {translated}", style="bold red")


def write_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None, numeric: Sequence[str] = ()
) -> None:
    """A table of results on stdout.

    Args:
        columns: Headings.
        rows: Cells, as many a row as there are columns; None is shown as a dash.
        title: Line above the table.
        numeric: Headings of the columns to align to the right.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=None if title is None else Text(shown(language.sentence(title))),
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    for column in columns:
        table.add_column(
            Text(shown(language.word(column))), justify="right" if column in numeric else "left", overflow="fold"
        )
    for row in rows:
        table.add_row(*(Text(shown(_cell(*each))) for each in zip(columns, row, strict=True)))
    _console(stderr=False).print(table)


def _cell(heading: str, cell: Any) -> str:
    """A cell as people read it: names of metrics are words of ours, those of files are not."""
    if cell is None:
        return "–"
    if heading in ("image", "folder"):
        return str(cell)
    return language.word(str(cell)) if heading in ("metric", "figure") else language.cell(str(cell))


def write_rows(rows: Sequence[Mapping[str, Any]], *, numeric: Sequence[str] = ()) -> None:
    """A table on stdout of rows that all have the same keys, its headings."""
    write_table(list(rows[0]), [list(row.values()) for row in rows], numeric=numeric)


class ConsoleReporter:
    """Shows remarks, warnings and progress on stderr; without a terminal there are no bars.

    Attributes:
        live: Console of the bar that is shown, if any: lines appear above it.
    """

    live: Console | None = None

    def say(self, text: str) -> None:
        """A remark."""
        say(text)

    def warn(self, text: str) -> None:
        """A warning."""
        warn(text)

    @contextmanager
    def progress(self, description: str, unit: Unit = "items") -> Iterator[Progress]:
        """A bar that counts items or bytes."""
        from rich import progress as rich

        console = _console(stderr=True)
        columns: list[rich.ProgressColumn] = [rich.TextColumn("{task.description}", markup=False), rich.BarColumn()]
        if unit == "bytes":
            columns += [rich.DownloadColumn(), rich.TransferSpeedColumn()]
        else:
            columns += [rich.MofNCompleteColumn(), rich.TimeRemainingColumn()]
        with rich.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(language.word(description), total=None)
            self.live = console
            try:
                yield lambda done, total: bar.update(task, completed=done, total=total)
            finally:
                self.live = None


CONSOLE = ConsoleReporter()


class _LogHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


@contextmanager
def showing_warnings() -> Iterator[None]:
    """Show what fractura logs meanwhile as warnings, as Python does where nobody listens."""
    logger, handler = logging.getLogger("fractura"), _LogHandler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def open_picture(picture: Path) -> None:
    """Show a picture in the system's viewer; where there is no screen, say so."""
    import webbrowser

    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not screen or not webbrowser.open(picture.resolve().as_uri()):
        warn(f"no viewer could be opened here; the picture is {picture}")
