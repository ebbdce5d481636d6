"""JSON documents: read without surprises, written in one layout for every file and for ``--json``."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fractura.core.printable import printable
from fractura.core.terminal_text import shown_json

_HUGE = re.compile(r"\d[eE]\+?\d{3}")


def json_text(document: Any) -> str:
    r"""A document as JSON, indented by two spaces and ended by a line feed. Paths become text.

    Raises:
        ValueError: It holds NaN or infinity, which JSON cannot express.
        TypeError: It holds a value of another type.

    Examples:
        >>> json_text({"boxes": []})
        '{\n  "boxes": []\n}\n'
    """
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"
    # A file name on Linux may consist of any bytes: what UTF-8 does not hold becomes an escape of JSON.
    return shown_json(printable(text))


def parse_json(text: str | bytes) -> Any:
    """A document from JSON, as ``json.loads``, but no number of it reads as infinity.

    Raises:
        ValueError: It is not JSON, or holds numbers beyond all numbers, or is nested more deeply than Python goes.

    Examples:
        >>> parse_json("[" * 100_000)
        Traceback (most recent call last):
        ...
        ValueError: it is nested too deeply
    """
    try:
        if isinstance(text, bytes):
            text = text.decode(json.detect_encoding(text), "surrogatepass")
        return json.loads(text, parse_float=float_parser(text))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def float_parser(text: str) -> Callable[[str], float] | None:
    """For ``parse_float`` of ``json.loads``: refuses ``1e999``; None, which is quicker, if ``text`` has none such."""
    return _finite if _HUGE.search(text) else None


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:40]} is out of range")
    return value


def json_object_in(file: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None if there is no such file, or it holds anything else.

    For files that may be absent or half written without harm. Those of the user are read by code that says what is
    wrong with them.
    """
    try:
        document = parse_json(file.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not go into JSON")
