"""Words and symbols of protocol-buffer text format, and its whole numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fractura.core.errors import DataError

SKIPPED = re.compile(r"(?:[ \t\r\n\v\f]+|#[^\n]*)+")
TOKEN = re.compile(
    r"""(?P<identifier>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<number>(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?)(?![A-Za-z0-9_.]))
      | (?P<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
      | (?P<symbol>[{}<>\[\]:,;\-])""",
    re.VERBOSE,
)

_LEADING_ZERO = re.compile(r"-?0[0-9]+")


def tokens(text: str) -> Iterator[tuple[str, str, int]]:
    """Kind, characters and position of each token; what is none is left out."""
    position = 0
    while position < len(text):
        if skipped := SKIPPED.match(text, position):
            position = skipped.end()
        elif token := TOKEN.match(text, position):
            yield str(token.lastgroup), token.group(), position
            position = token.end()
        else:
            position += 1


def whole_number(text: str) -> int:
    """A whole number as protobuf reads it: decimal, ``0x`` or, after a leading zero, octal.

    >>> whole_number("01"), whole_number("0x10")
    (1, 16)

    Raises:
        ValueError: It is none.
        DataError: A leading zero makes it another number than it seems.
    """
    if not _LEADING_ZERO.fullmatch(text):
        return int(text, 0)
    if "8" in text or "9" in text:
        raise DataError(
            f"{text} is not a number in protobuf, where a leading zero means octal", hint=f"write {int(text, 10)}"
        )
    if int(text, 8) != int(text, 10):
        raise DataError(
            f"{text} means {int(text, 8)} in protobuf, where a leading zero means octal",
            hint=f"write {int(text, 10)} or {int(text, 8)}, whichever you mean",
        )
    return int(text, 8)
