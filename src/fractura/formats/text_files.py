"""Text and JSON that other programs wrote: every fault is named, and values are checked for their kinds."""

from __future__ import annotations

import codecs
import json
import math
import re
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError
from fractura.core.files import read_file
from fractura.core.json_text import float_parser
from fractura.core.printable import printable

_LARGEST = 1e9
_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|-?Infinity|NaN', re.DOTALL)


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
    if encoding := _wide_encoding(data):
        raise DataError(
            f"is {encoding} text, not UTF-8", file=path, place="line 1", hint="save it as UTF-8, or export it again"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"is not UTF-8 text{_other_encoding(data)}",
            file=path,
            place=f"line {data.count(10, 0, error.start) + 1}",
            hint="save it as UTF-8 (Excel: 'CSV UTF-8'), or export it again",
        ) from error


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 where the first bytes say so, or every other byte of the first letters is zero."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    start = data[:64]
    odd, even = start[1::2], start[::2]
    return "UTF-16" if len(start) >= 8 and (not any(odd) or not any(even)) and any(start) else None


def _other_encoding(data: bytes) -> str:
    """Which other encoding it seems to be, as the end of a sentence."""
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    return ", but most likely Windows-1252 (cp1252), as Excel and old Windows programs save it"


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
    text = read_text(path)
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=float_parser(text))
    except _NotANumberError as error:
        raise DataError(
            f"is not JSON: it holds {error}, which is not a number in JSON (Python and pandas write it)",
            file=path,
            place=_place_of(str(error), text),
            hint="write null or a number instead, or take the key out",
        ) from error
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
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace")  # what UTF-8 does not hold, as JSON escapes it


class _NotANumberError(Exception):
    """``NaN`` or ``Infinity`` in JSON."""


def _refuse_constant(word: str) -> Any:
    raise _NotANumberError(word)


def _place_of(word: str, text: str) -> str:
    """Line and column of a bare ``word`` in JSON, outside its strings."""
    found = next(each for each in _STRING_OR_CONSTANT.finditer(text) if each[0] == word)
    line = text.count("\n", 0, found.start()) + 1
    return f"line {line}, column {found.start() - text.rfind(chr(10), 0, found.start())}"


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
    if value != printable(value):
        raise DataError(f"{what} holds half a character (a lone surrogate)")
    return value


def a_number(value: Any, what: str) -> float:
    """``value`` if it is a finite number of less than nine digits before the point.

    Raises:
        DataError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{what} must be a number, not {_kind(value)}")
    if not abs(value) <= _LARGEST:  # nor is NaN
        raise DataError(
            f"{what} is out of range: {value:.3g}" if isinstance(value, float) else f"{what} is out of range"
        )
    return float(value)


def number_in(text: str, what: str, hint: str) -> float:
    """The number that is written in ``text``, within the same limits.

    Raises:
        DataError: There is none.

    Examples:
        >>> number_in("2.5", "xmin", "correct the row")
        2.5
    """
    try:
        value = float(text) if text.isascii() and "_" not in text and len(text) < 60 else math.nan
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST:
        raise DataError(f"{what} is not a number: '{text[:40]}'", hint=hint)
    return value


def a_whole_number(value: Any, what: str) -> int:
    """``value`` if it is a whole number in range.

    Raises:
        DataError: It is not.
    """
    number = a_number(value, what)
    if not number.is_integer():
        raise DataError(f"{what} must be a whole number, not {number:g}")
    return int(number)


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), f"{value:.6g}" if isinstance(value, float) else "a number")
