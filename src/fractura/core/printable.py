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


def name_bytes(name: str) -> bytes:
    r"""The bytes of a name, to tell it from others: of a file's the same whatever the locale made of them.

    Examples:
        >>> name_bytes("muñeca.png") == name_bytes("mu\udcc3\udcb1eca.png")
        True
    """
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half a character from a JSON file
        return name.encode("utf-8", "surrogatepass")
