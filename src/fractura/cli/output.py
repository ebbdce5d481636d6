"""What a command writes: results to stdout, words for people to stderr.

With ``--json`` a command writes exactly one JSON document to stdout and nothing else there. Everything is UTF-8, works
without a terminal, and obeys ``NO_COLOR``. Text that comes from users (file names, class names) is never read as Rich
markup.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fractura.core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

Item = TypeVar("Item")

PIPE_WIDTH = 120
"""Columns of a table where there is no terminal to ask."""


def use_utf8() -> None:
    """Make stdout and stderr UTF-8, whatever the code page; what cannot be encoded is escaped, never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def write_line(text: str) -> None:
    """One line of result on stdout, unwrapped and uncoloured."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def json_text(document: Any) -> str:
    """A document as JSON, two spaces deep, with paths as text.

    Raises:
        ValueError: It holds NaN or infinity, which JSON has no word for.
    """
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def write_json(document: Any) -> None:
    """The one JSON document of a command, on stdout; see ``json_text``."""
    sys.stdout.write(json_text(document))
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into JSON")


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    # Rich takes 80 columns where there is no terminal, which cuts tables in log files.
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def say(text: str, *, style: str | None = None) -> None:
    """A line for people, on stderr."""
    _console(stderr=True).print(text, style=style, soft_wrap=True)


def warn(text: str) -> None:
    """Something people should know though the command goes on, on stderr."""
    say(f"warning: {text}", style="yellow")


def complain(text: str) -> None:
    """Why the command stops, on stderr."""
    say(f"error: {text}", style="bold red")


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

    table = Table(title=None if title is None else Text(title), box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        table.add_column(Text(column), justify="right" if column in numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("–" if cell is None else str(cell)) for cell in row))
    _console(stderr=False).print(table)


@contextmanager
def progress(items: Iterable[Item], *, description: str, total: int | None = None) -> Iterator[Iterator[Item]]:
    """Go through ``items`` with a bar on stderr; without a terminal there is no bar.

    Use: ``with progress(images, description="detecting") as shown: for image in shown: ...``
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = _console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield iter(bar.track(items, description=description, total=total))


@contextmanager
def download_bar(description: str) -> Iterator[Callable[[int, int | None], None]]:
    """A bar on stderr for a download; without a terminal there is no bar.

    Use: ``with download_bar("model") as progress: progress(bytes_there, bytes_in_all)``
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    console = _console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def image_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr that counts images; without a terminal there is no bar.

    Use: ``with image_bar("converting") as progress: progress(images_done, images_in_all)``
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = _console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(description, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def names_in(text: str) -> list[str]:
    """The names in ``a,b,c``, without blanks around them.

    Raises:
        UsageError: A name is empty.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"a class name is empty in '{text}'", hint="write them as a,b,c")
    return names
