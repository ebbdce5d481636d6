"""Numbers as other programs like to read them: the shortest decimals that give the same float32 again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


def shortest_decimal(value: float | np.float32) -> float:
    """A float32 as the double that is written the shortest way.

    Examples:
        >>> float(np.float32(10.3)), shortest_decimal(np.float32(10.3))
        (10.300000190734863, 10.3)
    """
    return float(str(np.float32(value)))


def whole_or_float(value: float) -> int | float:
    """A whole number as an int, so that it is written without a point."""
    return int(value) if float(value).is_integer() else float(value)


def number_text(value: float) -> str:
    """Whole numbers without a point, others in the shortest form that reads back the same.

    Examples:
        >>> number_text(12.0), number_text(0.1)
        ('12', '0.1')
    """
    return repr(whole_or_float(value))


def fewest_digits(
    values: Sequence[float], is_right: Callable[[Sequence[float]], bool], digits: Sequence[int]
) -> list[float]:
    """``values`` rounded to the first of ``digits`` places that ``is_right`` accepts; unrounded if none does."""
    for places in digits:
        rounded = [round(value, places) for value in values]
        if is_right(rounded):
            return rounded
    return list(values)
