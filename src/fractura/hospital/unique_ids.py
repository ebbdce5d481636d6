"""DICOM's unique identifiers: their form, and ones that are computed instead of drawn."""

from __future__ import annotations

import re
import uuid

from fractura.core.printable import printable

_NAMESPACE = uuid.UUID("6f0b1a52-6a0e-4f0c-9d3a-5b1f0c7e2d94")
"""Never to be changed: every UID would be another one."""
_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_LONGEST_UID = 64


def is_uid(text: str) -> bool:
    """True if a text has the form of a DICOM unique identifier.

    Examples:
        >>> is_uid("2.25.31415"), is_uid("2.25.007"), is_uid("Room 1")
        (True, False, False)
    """
    return len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def stable_uuid(*parts: str) -> uuid.UUID:
    """A UUID of version 5 that depends on the parts alone."""
    return uuid.uuid5(_NAMESPACE, printable("\0".join(parts)))


def stable_uid(*parts: str) -> str:
    """A UID that depends on the parts alone: 2.25 and the number of a UUID (PS3.5 B.2).

    Examples:
        >>> stable_uid("a", "b") == stable_uid("a", "b") != stable_uid("ab", "")
        True
    """
    return f"2.25.{stable_uuid(*parts).int}"
