"""The table of checks. A check is a pure function from a ``Snapshot`` to findings.

To add one: write it in the file of its subject with ``@check(...)`` above it; the file's name is listed in
``_SUBJECTS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from fractura.core.errors import DataError, UsageError, suggest_name
from fractura.quality.findings import Finding, Severity
from fractura.quality.snapshot import Snapshot

_SUBJECTS = ("images", "annotations", "boxes", "classes", "duplicates", "balance", "shortcuts")


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        id: ``subject.what``.
        severity: Of its findings, unless one says otherwise.
        summary: What it looks for, in a few words.
        look: The function.
    """

    id: str
    severity: Severity
    summary: str
    function: Callable[[Snapshot], Iterable[Fault]]

    def run(self, snapshot: Snapshot) -> Iterator[Finding]:
        """Look at a snapshot."""
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
    """Put the function below into the table."""

    def register(function: Callable[[Snapshot], Iterable[Fault]]) -> Callable[[Snapshot], Iterable[Fault]]:
        if identifier in _CHECKS:
            raise ValueError(f"two checks are called {identifier}")
        _CHECKS[identifier] = Check(identifier, severity, summary, function)
        return function

    return register


def all_checks() -> tuple[Check, ...]:
    """Every check, in the order of ``_SUBJECTS`` and of their files."""
    for subject in _SUBJECTS:
        import_module(f"fractura.quality.{subject}")
    return tuple(sorted(_CHECKS.values(), key=lambda each: _SUBJECTS.index(each.id.split(".")[0])))


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
