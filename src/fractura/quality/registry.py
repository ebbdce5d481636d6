"""The table of checks, and what they report. A check is a pure function from a ``Snapshot`` to findings.

To add one: write it in the file of its subject with ``@check(...)`` above it; the file's name is listed in
``_SUBJECTS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError, UsageError, suggest_name
from fractura.quality.snapshot import Snapshot

_SUBJECTS = {
    "images": "image_checks",
    "annotations": "annotation_checks",
    "boxes": "box_checks",
    "classes": "class_checks",
    "duplicates": "duplicate_checks",
    "balance": "balance_checks",
    "shortcuts": "shortcut_checks",
}
"""The module of each subject."""


class Severity(StrEnum):
    """How bad a finding is.

    An ``error`` stops training or makes it learn something wrong in silence; a ``warning`` should be
    reviewed; a ``note`` is for information.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    Examples:
        >>> counted(1, "image"), counted(2, "image")
        ('1 image', '2 images')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Attributes:
        check: Dotted id of the check, such as ``boxes.outside``.
        severity: How bad it is.
        message: What is wrong, in one sentence.
        file: The file it is about, if it is about one.
        place: Where in the file, such as ``object 2``.
        hint: What to do, in one sentence.
        others: Further files it is about, such as the copies of an image.
    """

    check: str
    severity: Severity
    message: str
    file: Path | None = None
    place: str | None = None
    hint: str | None = None
    others: tuple[Path, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(str(part) for part in (self.file, self.place) if part)
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  → {self.hint}" if self.hint else text

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "check": self.check,
            "severity": str(self.severity),
            "message": self.message,
            "file": None if self.file is None else str(self.file),
            "place": self.place,
            "hint": self.hint,
            "others": [str(other) for other in self.others],
        }


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        id: ``subject.what``.
        severity: Of its findings, unless one says otherwise.
        summary: What it finds, in a few words.
        function: Yields the faults in a snapshot.
    """

    id: str
    severity: Severity
    summary: str
    function: Callable[[Snapshot], Iterable[Fault]]

    def run(self, snapshot: Snapshot) -> Iterator[Finding]:
        """The findings in a snapshot."""
        for fault in self.function(snapshot):
            yield Finding(
                self.id,
                fault.severity or self.severity,
                fault.message,
                fault.file,
                fault.place,
                fault.hint,
                fault.others,
            )


@dataclass(frozen=True)
class Fault:
    """What a check's function yields: a ``Finding`` before its check's id and severity are known."""

    message: str
    file: Path | None = None
    place: str | None = None
    hint: str | None = None
    others: tuple[Path, ...] = ()
    severity: Severity | None = None

    @classmethod
    def of(cls, error: DataError, file: Path) -> Fault:
        """The same as an error of a reader."""
        return cls(error.problem, file, error.place, error.hint)


_CHECKS: dict[str, Check] = {}


def check(
    identifier: str, severity: Severity, summary: str
) -> Callable[[Callable[[Snapshot], Iterable[Fault]]], Callable[[Snapshot], Iterable[Fault]]]:
    """Register the decorated function as a check."""

    def register(function: Callable[[Snapshot], Iterable[Fault]]) -> Callable[[Snapshot], Iterable[Fault]]:
        if identifier in _CHECKS:
            raise ValueError(f"two checks are called {identifier}")
        _CHECKS[identifier] = Check(identifier, severity, summary, function)
        return function

    return register


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of ``_SUBJECTS`` and of their files."""
    for module in _SUBJECTS.values():
        import_module(f"fractura.quality.{module}")
    order = list(_SUBJECTS)
    return tuple(sorted(_CHECKS.values(), key=lambda each: order.index(each.id.split(".")[0])))


def chosen_checks(only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Check, ...]:
    """The checks that ``only`` names, or all, without those that ``skip`` names; an id or a subject each.

    Raises:
        UsageError: There is no such check, or none is left.
    """
    checks = all_checks()
    known = {each.id for each in checks} | set(_SUBJECTS)
    for name in (*only, *skip):
        if name not in known:
            raise UsageError(f"there is no check '{name}'", hint=suggest_name(name, known))

    def named(each: Check, names: Sequence[str]) -> bool:
        return each.id in names or each.id.split(".")[0] in names

    chosen = tuple(each for each in checks if (not only or named(each, only)) and not named(each, skip))
    if not chosen:
        raise UsageError("no check is left to run", hint="name fewer with --skip, or others with --only")
    return chosen
