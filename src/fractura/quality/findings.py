"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Severity(StrEnum):
    """How bad a finding is.

    An ``error`` makes training stop or silently learn something wrong; a ``warning`` wants a look; a ``note`` is good
    to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


def counted(number: int, noun: str) -> str:
    """``1 image``, ``2 images``."""
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
