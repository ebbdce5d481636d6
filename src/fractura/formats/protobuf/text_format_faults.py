"""What is wrong with a text that is not protobuf text format: which brace is missing, or what it is instead."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fractura.formats.protobuf.text_format_tokens import tokens

_CURLY = "“”„‟‘’‚‛«»″′`´"
_NO_BREAK = "\u00a0\u2002\u2003\u2007\u2009\u202f\u200b\u2060\ufeff\u3000"
_RAW = "on GitHub, press Raw and save that page; or download the archive that the file belongs to"

_FOREIGN = tuple(
    (re.compile(pattern, re.IGNORECASE | re.MULTILINE), problem, hint)
    for pattern, problem, hint in (
        (
            r"\A\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html|head|body|script|meta)\b",
            "is a web page (HTML), not the file that it shows",
            _RAW,
        ),
        (r"\A\s*<\?xml|\A\s*<annotation>", "is XML, not protobuf text", "give the pipeline.config or label map itself"),
        (r"\A\s*(?:\{|\[\s*[{\"])", "is JSON, not protobuf text", "write fields as name: value, without outer braces"),
        (r"\Aversion https://git-lfs", "is a pointer of Git LFS, not the file", "fetch the file with: git lfs pull"),
        (r"\A\s*404: Not Found", "is the answer of a server that has no such file", "download the file again"),
        (
            r"^\s*(?:syntax\s*=\s*[\"']proto|import\s+(?:public\s+)?\"[^\"\n]*\.proto\"|"
            r"(?:optional|required|repeated)\s+\w+\s+\w+\s*=)",
            "is a .proto file, which says what fields there are and holds no values",
            "give the pipeline.config or label map itself",
        ),
        (r"^(?:import \w|from [\w.]+ import |def \w+\(|class \w+[(:])", "is Python code, not protobuf text", None),
        (
            r"^(?:<{7}|>{7})(?: |$)",
            "holds the lines of an unfinished merge (<<<<<<<, >>>>>>>)",
            "choose one side, then remove these lines",
        ),
    )
)  # fmt: skip


def foreign_kind(text: str) -> tuple[str, str | None] | None:
    """What a text that cannot be parsed is instead, and a hint; None if it looks like protobuf text.

    >>> foreign_kind("<!DOCTYPE html><title>pipeline.config</title>")[0]
    'is a web page (HTML), not the file that it shows'
    """
    for pattern, problem, hint in _FOREIGN:
        if pattern.search(text):
            return problem, hint
    return None


def unexpected_character(text: str, position: int) -> tuple[str, str | None]:
    """Problem and hint of a character that starts no token."""
    character = text[position]
    stop = text.find("\n", position)
    rest = text[position : stop if stop >= 0 else len(text)]
    if character in _CURLY:
        return f"{character} is a curly quote, which protobuf does not know", "write straight quotes: \" or '"
    if character in _NO_BREAK:
        return f"a special space (U+{ord(character):04X}) stands between words", "replace it by a plain space"
    if character in "\"'":
        curly = next((each for each in rest if each in _CURLY), None)
        hint = f"it ends with the curly quote {curly}: write a straight one" if curly else None
        return "a string is not closed on its line", hint
    return f"unexpected character {character!r}", None


@dataclass
class _Opened:
    """A message whose brace is open.

    Attributes:
        name: Of the field.
        position: Of the name.
        indent: Of its line; None if something else stands before it there.
        deeper: Its first field is indented further, so that indentation says what belongs to it.
    """

    name: str
    position: int
    indent: int | None
    deeper: bool | None = None


def left_open(text: str) -> tuple[str, int, int | None] | None:
    """The message that a text leaves open.

    Braces alone say only that one is missing: the next ``}`` closes the wrong message. So the indentation is asked
    first, and without it the message that is innermost at the end of the text is taken.

    >>> left_open("item {\\n  id: 1\\nitem {\\n  id: 2\\n}\\n")
    ('item', 0, 15)

    Returns:
        Its name and position, and the position before which its brace is missing, if known; None if all are closed.
    """
    stack: list[_Opened] = []
    name, name_position = "", 0
    for kind, word, position in tokens(text):
        line_start = text.rfind("\n", 0, position) + 1
        before = text[line_start:position]
        indent = len(before.expandtabs(8)) if not before.strip() else None
        top = stack[-1] if stack else None
        closing = kind == "symbol" and word in "}>"
        if top is not None and indent is not None and top.indent is not None:
            if top.deeper is None and not closing:
                top.deeper = indent > top.indent
            outside = indent < top.indent or (indent == top.indent and not closing)
            if outside and (top.deeper or (top.deeper is None and closing)):
                return top.name, top.position, position
        if kind == "identifier":
            name, name_position = word, position
        elif kind == "symbol" and word in "{<":
            start = text.rfind("\n", 0, name_position) + 1
            lead = text[start:name_position]
            stack.append(_Opened(name, name_position, None if lead.strip() else len(lead.expandtabs(8))))
        elif closing and stack:
            stack.pop()
    return (stack[-1].name, stack[-1].position, None) if stack else None
