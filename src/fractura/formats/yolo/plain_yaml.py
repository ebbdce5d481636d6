"""The little of YAML that a YOLO ``data.yaml`` is made of: keys with texts, lists and numbered names.

Read: ``key: text``, ``key: [a, b]``, ``key: {0: a, 1: b}``, and below a key lines of ``- text`` or ``0: text``; quotes,
comments and blank lines. Whatever else YAML can say (anchors, tags, blocks of text, deeper nesting) is an error where a
YOLO reader needs it and passed over where it does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError

Value = str | list[str] | dict[str, str]
_KEY = re.compile(  # of limited length, so that no line takes long
    r"""\s{0,40}(?:"((?:[^"\\]|\\.){0,200})"|'((?:[^']|''){0,200})'|([^\s"'#\[\]{},&*!|>%@`-][^:#]{0,200}?|-?\d{1,20}))"""
    r"""\s{0,40}:(?:\s+(.*)|\s*)$"""
)
_LARGEST = 1 << 18
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


@dataclass(frozen=True)
class Entry:
    """One key of the top level.

    Attributes:
        value: Text, a list of texts, or texts by key.
        line: Where it is, from 1.
    """

    value: Value
    line: int


def read_plain_yaml(path: Path, wanted: frozenset[str]) -> dict[str, Entry]:
    """The keys ``wanted`` of a file.

    Raises:
        DataError: The file cannot be read, is not UTF-8 or too large, or the value of a wanted key is not plain; names
            the line.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError("is too large for a data.yaml", file=path, hint="give the data.yaml of the data set")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path, hint="check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(f"is not UTF-8 text (byte {error.start})", file=path, hint="save it as UTF-8") from error
    try:
        return _entries(text.splitlines(), wanted)
    except _PlainError as fault:
        raise DataError(
            fault.args[0],
            file=path,
            place=f"line {fault.args[1]}",
            hint="write it plainly, such as: names: [fracture, metal]",
        ) from fault


class _PlainError(Exception):
    """Problem and line."""


def _entries(lines: list[str], wanted: frozenset[str]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if not line.strip() or line.lstrip().startswith("#") or line[0] in " \t-" or line.strip() in ("---", "..."):
            continue
        match = _KEY.match(line)
        if match is None:
            continue
        key, rest = _key_of(match), match.group(4) or ""
        start = number
        block = []
        while number < len(lines) and (
            not lines[number].strip() or lines[number][0] in " \t#" or lines[number].startswith("- ")
        ):
            block.append((lines[number], number + 1))
            number += 1
        if key not in wanted:
            continue
        if key in found:
            raise _PlainError(f"'{key}' is there twice", start)
        found[key] = Entry(_value(rest, block, start), start)
    return found


def _key_of(match: re.Match[str]) -> str:
    double, single, plain = match.group(1), match.group(2), match.group(3)
    if double is not None:
        return _unescaped(double)
    return single.replace("''", "'") if single is not None else plain.strip()


def _value(rest: str, block: list[tuple[str, int]], line: int) -> Value:
    rest = rest.strip()
    if rest.startswith(("[", "{")):
        # a list in brackets may go on over several lines
        text = " ".join([_without_comment(rest), *(_without_comment(each.strip()) for each, _ in block)]).strip()
        return _flow(text, line)
    if rest and not rest.startswith("#"):
        return _scalar(rest, line)
    kept = [(each, number) for each, number in block if each.strip() and not each.lstrip().startswith("#")]
    if not kept:
        return ""
    if kept[0][0].lstrip().startswith("-"):
        return [_item(each, number) for each, number in kept]
    pairs: dict[str, str] = {}
    for each, number in kept:
        match = _KEY.match(each)
        if match is None:
            raise _PlainError("is not 'key: text'", number)
        key = _key_of(match)
        if key in pairs:
            raise _PlainError(f"'{key}' is there twice", number)
        pairs[key] = _scalar(match.group(4) or "", number)
    return pairs


def _item(text: str, line: int) -> str:
    text = text.strip()
    if not text.startswith("-"):
        raise _PlainError("is not '- text'", line)
    return _scalar(text[1:], line)


def _scalar(text: str, line: int) -> str:
    value, rest = _token(text.strip(), line, stop="")
    if rest and not rest.startswith("#"):
        raise _PlainError(f"'{rest}' is too much", line)
    return value


def _without_comment(text: str) -> str:
    quote = ""
    for place, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and (place == 0 or text[place - 1] in " \t"):
            return text[:place]
    return text


def _token(text: str, line: int, *, stop: str) -> tuple[str, str]:
    """One text at the start of ``text``, up to a letter of ``stop`` where it is not quoted; and what is behind it."""
    if text[:1] in ("&", "*", "!", "|", ">", "%", "@", "`"):
        raise _PlainError(f"'{text[:1]}' is YAML that is not read here", line)
    if text.startswith('"'):
        match = re.match(r'"((?:[^"\\]|\\.)*)"', text)
        if match is None:
            raise _PlainError("a quote is not closed", line)
        return _unescaped(match.group(1)), text[match.end() :].strip()
    if text.startswith("'"):
        match = re.match(r"'((?:[^']|'')*)'", text)
        if match is None:
            raise _PlainError("a quote is not closed", line)
        return match.group(1).replace("''", "'"), text[match.end() :].strip()
    if text[:1] in ("[", "{"):
        raise _PlainError("lists inside of lists are not read here", line)
    end = next((place for place, letter in enumerate(text) if letter in stop), len(text))
    value = text[:end] if stop else _without_comment(text)
    return value.strip(), text[end:].strip()


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found.group(1), found.group(0)), text)


def _flow(text: str, line: int) -> Value:
    closing = {"[": "]", "{": "}"}[text[0]]
    items: list[str] = []
    pairs: dict[str, str] = {}
    rest = text[1:].strip()
    while not rest.startswith(closing):
        value, rest = _token(rest, line, stop=",]" if closing == "]" else ",}:")
        if closing == "}":
            if not rest.startswith(":"):
                raise _PlainError("is not {key: text, …}", line)
            if value in pairs:
                raise _PlainError(f"'{value}' is there twice", line)
            pairs[value], rest = _token(rest[1:].strip(), line, stop=",}")
        else:
            items.append(value)
        if rest.startswith(","):
            rest = rest[1:].strip()
        elif not rest.startswith(closing):
            raise _PlainError(f"a '{closing}' is missing", line)
    behind = rest[1:].strip()
    if behind and not behind.startswith("#"):
        raise _PlainError(f"'{behind[:40]}' is too much", line)
    return items if closing == "]" else pairs


def yaml_text(text: str) -> str:
    """``text`` as a YAML value that every reader takes for this very text: plain if it is plain, else quoted."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*", text) and text.casefold() not in (
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "null",
        "y",
        "n",
    ):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
