"""Flags such as ``difficult`` and ``truncated``, in the ways in which programs write them."""

from __future__ import annotations

import math
from typing import Any

from fractura.core.errors import DataError

_NO = frozenset({"", "false", "no", "n", "f", "unspecified", "unknown", "none", "null", "nan", "n/a", "na"})
_YES = frozenset({"true", "yes", "y", "t"})


def flag_of(value: Any) -> bool | None:
    """What a flag says; None if it is none.

    Numbers count as set if they are above 0: ``truncated`` is the share that is cut off in some data sets, and
    ``difficult`` a level in others.

    Args:
        value: Text, a number, a boolean, or None where nothing is written.

    Examples:
        >>> [flag_of(value) for value in ("0", "1.0", "Unspecified", True, 0.3, "-1", "perhaps")]
        [False, True, False, True, True, False, None]
    """
    if value is None:
        return False
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _NO or word in _YES:
            return word in _YES
        try:
            value = float(word) if word.isascii() and "_" not in word else math.nan
        except ValueError:
            return None
    if isinstance(value, bool | int | float) and not (isinstance(value, float) and math.isnan(value)):
        return value > 0
    return None


def a_flag(value: Any, what: str) -> bool:
    """What a flag says.

    Raises:
        DataError: It is none.
    """
    flag = flag_of(value)
    if flag is None:
        raise DataError(f"{what} must be 0 or 1, not {str(value)[:40]!r}", hint="write 0 or 1")
    return flag
