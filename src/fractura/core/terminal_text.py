"""Text for a terminal: what stands in a name is shown there, and never obeyed."""

from __future__ import annotations

import re

_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of text."""
_NO_CHARACTERS = re.compile("[\ud800-\udfff\ufffe\uffff]")


def shown(text: str) -> str:
    r"""Text whose control characters are written out.

    File and class names come from other people's files. On a terminal an escape sequence in them could clear the
    screen, rename the window or colour a line green; one that turns the direction shows ``exe.png`` for ``gnp.exe``.

    Examples:
        >>> shown("wrist\x1b[2J.png")
        'wrist\\x1b[2J.png'
        >>> shown("muñeca\n\tizquierda")
        'muñeca\n\tizquierda'
    """
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def shown_xml(text: str) -> str:
    r"""Text that XML can hold, in which these characters are written out.

    Examples:
        >>> shown_xml("reader\x08 1\uffff")
        'reader\\x08 1\ufffd'
    """
    return _NO_CHARACTERS.sub("\ufffd", shown(text))


def shown_json(text: str) -> str:
    r"""A JSON document with these characters as JSON escapes them: it means the same.

    Examples:
        >>> shown_json('["\x9b2J"]')
        '["\\u009b2J"]'
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
