"""Text and JSON that other programs wrote: every fault is named, and values are checked for their kinds."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError
from fractura.core.files import read_file

_LARGEST = 1e9


def read_text(path: Path, *, limit: int | None = None) -> str:
    """A file as text: UTF-8, with or without a byte-order mark.

    Args:
        path: The file.
        limit: The largest number of bytes it may have.

    Raises:
        DataError: It cannot be read, is too large, or is not UTF-8; names the line.
    """
    data = read_file(path, limit=None if limit is None else limit + 1)
    if limit is not None and len(data) > limit:
        raise DataError("is too large", file=path, hint=f"such a file has no more than {limit} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            "is not UTF-8 text",
            file=path,
            place=f"line {data.count(10, 0, error.start) + 1}",
            hint="save it as UTF-8, or export it again",
        ) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a file, without their ends.

    Raises:
        DataError: As for ``read_text``.
    """
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_json(path: Path) -> Any:
    """The document in a file.

    Raises:
        DataError: The file cannot be read, is not UTF-8, not JSON, or nested too deeply.
    """
    try:
        return json.loads(read_text(path), parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise DataError(
            f"is not JSON: {error.msg}",
            file=path,
            place=f"line {error.lineno}, column {error.colno}",
            hint="export it again; a file that is cut off is not complete JSON",
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"is not usable JSON: {error if isinstance(error, ValueError) else 'nested too deeply'}",
            file=path,
            hint="export it again",
        ) from error


def json_bytes(document: Any) -> bytes:
    """A document as UTF-8 JSON, the same bytes for the same document."""
    return (json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"it holds {word}, which is not a number")


def a_list(value: Any, what: str) -> list[Any]:
    """``value`` if it is a list.

    Raises:
        DataError: It is not.
    """
    if not isinstance(value, list):
        raise DataError(f"{what} must be a list, not {_kind(value)}")
    return value


def a_dict(value: Any, what: str) -> dict[str, Any]:
    """``value`` if it is an object.

    Raises:
        DataError: It is not.
    """
    if not isinstance(value, dict):
        raise DataError(f"{what} must be an object in braces, not {_kind(value)}")
    return value


def a_text(value: Any, what: str) -> str:
    """``value`` if it is text and not blank.

    Raises:
        DataError: It is not.
    """
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{what} must be text, not {_kind(value) if value != '' else 'empty'}")
    if any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        raise DataError(f"{what} holds half a character (a lone surrogate)")
    return value


def a_number(value: Any, what: str) -> float:
    """``value`` if it is a finite number of less than nine digits before the point.

    Raises:
        DataError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{what} must be a number, not {_kind(value)}")
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise DataError(
            f"{what} is out of range: {value:.3g}" if isinstance(value, float) else f"{what} is out of range"
        )
    return float(value)


def a_whole_number(value: Any, what: str) -> int:
    """``value`` if it is a whole number in range.

    Raises:
        DataError: It is not.
    """
    number = a_number(value, what)
    if not number.is_integer():
        raise DataError(f"{what} must be a whole number, not {number:g}")
    return int(number)


def a_flag(value: Any, what: str) -> bool:
    """``value`` if it is true, false, 0 or 1.

    Raises:
        DataError: It is not.
    """
    if isinstance(value, bool) or (isinstance(value, int) and value in (0, 1)):
        return bool(value)
    raise DataError(f"{what} must be 0 or 1, not {_kind(value)}")


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), f"{value:.6g}" if isinstance(value, float) else "a number")
