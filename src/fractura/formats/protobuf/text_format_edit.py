"""Edit protocol-buffer text format: only the characters of a value change; comments, order and layout stay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fractura.core.errors import DataError
from fractura.formats.protobuf.text_format import Document, Field, Message, parse

_SEPARATOR = re.compile(r"[ \t]*[,;]")


def set_value(document: Document, path: Sequence[str], value: str) -> Document:
    """Set the field at ``path`` to ``value``, which is written verbatim (quote strings first).

    The value, or the whole list, of an existing field (its last occurrence) is replaced. A missing field is added at
    the end of its message, and missing messages on the path are created.

    >>> set_value(parse("num_steps: 10  # a trial"), ["num_steps"], "500").text
    'num_steps: 500  # a trial'

    Raises:
        DataError: A name on the path belongs to a value that is not a message.
    """
    message = document.root
    for depth, name in enumerate(path):
        found = message.last(name)
        if depth == len(path) - 1:
            return _replaced(document, found, value) if found else _inserted(document, message, depth, name, value)
        if found is None:
            body = _nested(path[depth + 1 :], value, depth + 1, _line_end(document.text))
            return _inserted(document, message, depth, name, body)
        if not isinstance(found.value, Message):
            raise DataError(f"'{name}' should be a message", file=document.file, place=f"line {found.line}")
        message = found.value
    raise ValueError("the path is empty")


def quoted(text: str, like: str = '"') -> str:
    """``text`` as a string literal, with the quote character of ``like`` (an existing literal).

    >>> quoted("fracture", like="'name'")
    "'fracture'"
    """
    quote = "'" if like.startswith("'") else '"'
    table = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", quote: "\\" + quote}
    return quote + "".join(table.get(c, c if c.isprintable() else _escaped(c)) for c in text) + quote


def _escaped(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogatepass"))


def _replaced(document: Document, field: Field, value: str) -> Document:
    before, after = document.text[: field.value_start], document.text[field.end :]
    return parse(before + value + after, document.file)


def _inserted(document: Document, message: Message, depth: int, name: str, value: str) -> Document:
    text, newline = document.text, _line_end(document.text)
    entry = f"{name} {value}" if value.startswith("{") else f"{name}: {value}"
    if message.fields:
        last = message.fields[-1]
        position = _after_separator(text, last.end)
        indent = _indent_at(text, message.fields[0].start)
        line_stop = text.find("\n", position)
        line_stop = len(text) if line_stop < 0 else line_stop
        if text[line_stop - 1 : line_stop] == "\r":
            line_stop -= 1
        rest = text[position:line_stop].strip()
        if indent is not None and (not rest or rest.startswith("#")):
            return parse(text[:line_stop] + newline + indent + entry + text[line_stop:], document.file)
        return parse(f"{text[:position]} {entry}{text[position:]}", document.file)
    if message is document.root:
        gap = "" if not text or text.endswith("\n") else newline
        return parse(f"{text}{gap}{entry}{newline}", document.file)
    outer, inner = "  " * (depth - 1), "  " * depth
    body = text[message.start : message.end].rstrip()  # nothing, or comments
    return parse(
        f"{text[: message.start]}{body}{newline}{inner}{entry}{newline}{outer}{text[message.end :]}", document.file
    )


def _nested(names: Sequence[str], value: str, depth: int, newline: str) -> str:
    if not names:
        return value
    inner = _nested(names[1:], value, depth + 1, newline)
    entry = f"{names[0]} {inner}" if inner.startswith("{") else f"{names[0]}: {inner}"
    return "{" + newline + "  " * depth + entry + newline + "  " * (depth - 1) + "}"


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _after_separator(text: str, position: int) -> int:
    match = _SEPARATOR.match(text, position)
    return match.end() if match else position


def _indent_at(text: str, position: int) -> str | None:
    """The whitespace before ``position``; None if anything else precedes it on its line."""
    before = text[text.rfind("\n", 0, position) + 1 : position]
    return before if not before.strip() else None
