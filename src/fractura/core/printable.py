"""Text that can be written anywhere."""

from __future__ import annotations

from pathlib import Path


def printable(text: Path | str) -> str:
    r"""Text that UTF-8 can hold: a file name on Linux may consist of any bytes, and JSON may hold half a character.

    Examples:
        >>> printable("wrist\udcff.png")
        'wrist\\udcff.png'
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
