"""How long work reports to people: remarks, warnings and progress, whoever shows them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Literal, Protocol, TypeVar

from fractura.core.terminal_text import shown

Item = TypeVar("Item")
Unit = Literal["items", "bytes"]
Progress = Callable[[int, int | None], None]
"""Is called with what is done and with the total, None where that is not known."""

_logger = logging.getLogger("fractura")


def is_first_process() -> bool:
    """True in the one process that people hear from; ``accelerate launch`` and ``torchrun`` start several."""
    return os.environ.get("RANK", "0") in ("", "0")


class Reporter(Protocol):
    """Shows what happens during a call. The command line shows it on stderr, by default it is logged."""

    def say(self, text: str) -> None:
        """A remark."""
        ...

    def warn(self, text: str) -> None:
        """Something that the user should know though the work goes on."""
        ...

    def progress(self, description: str, unit: Unit = "items") -> AbstractContextManager[Progress]:
        """A stretch of work whose progress can be measured.

        Example:
            ``with reporter.progress("converting") as progress: progress(3, 20)``
        """
        ...


class SilentReporter:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """See ``Reporter``."""

    def warn(self, text: str) -> None:
        """See ``Reporter``."""

    def progress(self, description: str, unit: Unit = "items") -> AbstractContextManager[Progress]:
        """See ``Reporter``."""
        return nullcontext(lambda done, total: None)


class LogReporter(SilentReporter):
    """Logs remarks and warnings under ``fractura``, and shows no progress."""

    def say(self, text: str) -> None:
        """See ``Reporter``."""
        _logger.info("%s", text)

    def warn(self, text: str) -> None:
        """See ``Reporter``."""
        _logger.warning("%s", text)


class StderrReporter(SilentReporter):
    """Writes remarks and warnings to stderr, and shows no progress."""

    def say(self, text: str) -> None:
        """See ``Reporter``."""
        with suppress(OSError):  # a log on a full disk: the work goes on without the line
            sys.stderr.write(f"{shown(text)}\n")
            sys.stderr.flush()

    def warn(self, text: str) -> None:
        """See ``Reporter``."""
        self.say(f"warning: {text}")


SILENT, LOG, STDERR = SilentReporter(), LogReporter(), StderrReporter()


def track(reporter: Reporter, items: Iterable[Item], description: str, total: int | None = None) -> Iterator[Item]:
    """Yield ``items`` and report each one as done.

    Args:
        reporter: Shows the progress.
        items: Anything that can be iterated over.
        description: What is being done, in a word or two.
        total: Number of items; not needed where ``items`` has a length.

    Examples:
        >>> list(track(LOG, ["a.png", "b.png"], "detecting"))
        ['a.png', 'b.png']
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    with reporter.progress(description) as progress:
        progress(0, total)
        for done, item in enumerate(items, start=1):
            yield item
            progress(done, total)
