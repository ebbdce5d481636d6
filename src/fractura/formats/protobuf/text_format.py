"""Protocol-buffer text format (``pipeline.config``, label maps) without generated code and without loss.

Grammar: https://protobuf.dev/reference/protobuf/textformat-spec/. Every node of the tree keeps its position in
the text, so that an edit (``text_format_edit``) changes those characters and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fractura.core.errors import DataError
from fractura.formats.protobuf.text_format_faults import foreign_kind, left_open, unexpected_character
from fractura.formats.protobuf.text_format_tokens import SKIPPED, TOKEN

MAXIMUM_DEPTH = 60  # Deeper than any real message; keeps hostile files from exhausting the stack.

_EXTENSION = re.compile(r"\[([\w./\- \t]+)\]")
_ESCAPE = re.compile(r"\\(?:[xX][0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "?": "?",
}  # fmt: skip
_CLOSING = {"{": "}", "<": ">"}


@dataclass(frozen=True)
class Scalar:
    """One value that is not a message.

    Attributes:
        kind: ``string``, ``number`` or ``identifier`` (enum values, true, false, inf, nan).
        text: A string's content with its escapes undone; otherwise the characters as written, a minus in front.
        line: From 1.
        start: Position of the first character in the text.
        end: Position after the last one.
    """

    kind: str
    text: str
    line: int
    start: int
    end: int


@dataclass(frozen=True)
class Message:
    """The content of a pair of braces, or of the whole text.

    Attributes:
        fields: In the order of the text; a list ``[a, b]`` gives one field per element.
        line: Of the opening brace.
        start: Position after the opening brace.
        end: Position of the closing brace.
    """

    fields: tuple[Field, ...]
    line: int
    start: int
    end: int

    def named(self, name: str) -> list[Field]:
        """All fields of that name."""
        return [field for field in self.fields if field.name == name]

    def last(self, name: str) -> Field | None:
        """The last field of that name: the one that counts where a value may stand once."""
        found = self.named(name)
        return found[-1] if found else None


@dataclass(frozen=True)
class Field:
    """A name and its value.

    Attributes:
        name: Of the field; extensions and ``Any`` keep their square brackets.
        value: Scalar or message.
        line: From 1.
        start: Position of the name.
        end: Position after the value, or after the list that the value is part of.
        value_start: Position of the first character of the value, or of the list that it is part of.
    """

    name: str
    value: Scalar | Message
    line: int
    start: int
    end: int
    value_start: int


@dataclass(frozen=True)
class Document:
    """A parsed text.

    Attributes:
        text: As given.
        root: The fields of the outermost message.
        file: Where it came from, for errors.
    """

    text: str
    root: Message
    file: Path | None = None

    def message(self, *path: str) -> Message | None:
        """The message at ``path`` (last occurrence of each name), or None.

        >>> parse("model { ssd { } }").message("model", "faster_rcnn") is None
        True
        """
        message = self.root
        for name in path:
            messages = [f.value for f in message.named(name) if isinstance(f.value, Message)]
            if not messages:
                return None
            message = messages[-1]
        return message


def read_text(path: Path) -> str:
    """Read a UTF-8 file, without a byte-order mark at its start and with its line ends unchanged.

    Raises:
        DataError: The file cannot be read or is not UTF-8.
    """
    try:
        data = path.read_bytes()
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise DataError("is UTF-16 text", file=path, hint="save it again as UTF-8")
        if b"\0" in data:
            raise DataError("is not text", file=path, place=f"byte {data.index(0)}", hint="give the text file itself")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path, hint="check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(
            "is not UTF-8 text", file=path, place=f"byte {error.start}", hint="save it again as UTF-8"
        ) from error


def parse(text: str, file: Path | None = None) -> Document:
    """Parse ``text``.

    Examples:
        >>> [field.name for field in parse("id: 1 name: 'fracture'").root.fields]
        ['id', 'name']

    Raises:
        DataError: The text violates the grammar; the error names file, line and column.
    """
    try:
        return Document(text, _Parser(text, file).root(), file)
    except DataError as error:
        if kind := foreign_kind(text):
            raise DataError(kind[0], file=file, hint=kind[1]) from error
        raise


class _Parser:
    def __init__(self, text: str, file: Path | None) -> None:
        self._text, self._file = text, file
        self._line, self._start, self._end, self._previous_end = 1, 0, 0, 0
        self._kind, self._word = "", ""
        self._read_token(0)

    def root(self) -> Message:
        fields = self._fields(None, 0)
        return Message(fields, 1, 0, len(self._text))

    def _fail(self, problem: str, position: int | None = None, hint: str | None = None) -> NoReturn:
        position = self._start if position is None else position
        line = self._text.count("\n", 0, position) + 1
        column = position - self._text.rfind("\n", 0, position)
        raise DataError(problem, file=self._file, place=f"line {line}, column {column}", hint=hint)

    def _fail_unclosed(self, closing: str | None) -> NoReturn:
        found = left_open(self._text)
        assert found is not None
        name, position, before = found
        place = "at the end of the text"
        if before is not None:
            place = f"before line {self._text.count(chr(10), 0, before) + 1}"
        self._fail(f"the message '{name}' is not closed: '{closing}' is missing {place}", position)

    def _advance(self) -> None:
        """Go to the next token."""
        self._previous_end = self._end
        self._read_token(self._end)

    def _read_token(self, position: int) -> None:
        text = self._text
        skipped = SKIPPED.match(text, position)
        start = skipped.end() if skipped else position
        # Lines are counted forwards only, so that a long file stays linear.
        self._line += text.count("\n", self._start, start)
        self._start = start
        if start == len(text):
            self._kind, self._word, self._end = "end", "", start
            return
        token = TOKEN.match(text, start)
        if token is None:
            problem, hint = unexpected_character(text, start)
            self._fail(problem, hint=hint)
        self._kind, self._word, self._end = str(token.lastgroup), token.group(), token.end()

    def _expect(self, symbol: str) -> None:
        if self._word != symbol or self._kind != "symbol":
            self._fail(f"expected '{symbol}' instead of {self._seen()}")
        self._advance()

    def _seen(self) -> str:
        return "the end of the text" if self._kind == "end" else f"'{self._word}'"

    def _is(self, *symbols: str) -> bool:
        return self._kind == "symbol" and self._word in symbols

    def _fields(self, closing: str | None, depth: int) -> tuple[Field, ...]:
        if depth > MAXIMUM_DEPTH:
            self._fail(f"messages are nested more than {MAXIMUM_DEPTH} levels deep")
        fields: list[Field] = []
        while not (self._kind == "end" if closing is None else self._is(closing)):
            if self._kind == "end":
                self._fail_unclosed(closing)
            fields.extend(self._field(depth))
            if self._is(",", ";"):
                self._advance()
        return tuple(fields)

    def _field(self, depth: int) -> list[Field]:
        start, line = self._start, self._line
        name = self._name()
        has_colon = self._is(":")
        if has_colon:
            self._advance()
        value_start = self._start
        values: list[Scalar | Message]
        if self._is("["):
            values = self._list(depth, has_colon)
        elif self._is("{", "<"):
            values = [self._message(depth)]
        elif has_colon:
            values = [self._scalar()]
        else:
            self._fail(f"expected ':' or '{{' after '{name}' instead of {self._seen()}")
        return [Field(name, value, line, start, self._previous_end, value_start) for value in values]

    def _name(self) -> str:
        if self._kind == "identifier":
            name = self._word
            self._advance()
            return name
        extension = _EXTENSION.match(self._text, self._start)
        if extension:  # or an Any: kept under its name with the brackets, never interpreted
            self._previous_end = extension.end()
            self._read_token(extension.end())
            return "[" + "".join(extension.group(1).split()) + "]"
        if self._is("}", ">"):
            self._fail(f"'{self._word}' closes nothing", hint="there is one too many, here or further up")
        self._fail(f"expected the name of a field instead of {self._seen()}")

    def _list(self, depth: int, has_colon: bool) -> list[Scalar | Message]:
        self._advance()
        values: list[Scalar | Message] = []
        while not self._is("]"):
            if values:
                self._expect(",")
            if self._is("{", "<"):
                values.append(self._message(depth))
            elif has_colon:
                values.append(self._scalar())
            else:
                self._fail("expected ':' before a list of values")
        self._advance()
        return values

    def _message(self, depth: int) -> Message:
        closing, line, start = _CLOSING[self._word], self._line, self._end
        self._advance()
        fields = self._fields(closing, depth + 1)
        end = self._start
        self._expect(closing)
        return Message(fields, line, start, end)

    def _scalar(self) -> Scalar:
        start, line = self._start, self._line
        if self._kind == "string":
            parts = []
            while self._kind == "string":
                parts.append(self._unescaped(self._word, self._start))
                self._advance()
            return Scalar("string", "".join(parts), line, start, self._previous_end)
        sign = ""
        if self._is("-"):
            sign = "-"
            self._advance()
        if self._kind not in ("identifier", "number"):
            self._fail(f"expected a value instead of {self._seen()}")
        if sign and self._kind == "identifier" and self._word.lower() not in ("inf", "infinity", "nan"):
            self._fail(f"expected a number after '-' instead of '{self._word}'")
        kind = "number" if sign else self._kind
        scalar = Scalar(kind, sign + self._word, line, start, self._end)
        self._advance()
        return scalar

    def _unescaped(self, literal: str, position: int) -> str:
        body = literal[1:-1]
        if "\\" not in body:
            return body

        parts: list[bytes] = []
        done = 0
        for match in _ESCAPE.finditer(body):
            parts.append(body[done : match.start()].encode("utf-8", "surrogatepass"))
            parts.append(self._escape(match.group()[1:], position + 1 + match.start()))
            done = match.end()
        parts.append(body[done:].encode("utf-8", "surrogatepass"))
        try:
            return b"".join(parts).decode("utf-8")
        except UnicodeDecodeError:
            self._fail("the escapes in this string do not form UTF-8 text", position)

    def _escape(self, code: str, position: int) -> bytes:
        if code in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[code].encode()
        if code[0] in "xX" and len(code) > 1:
            return bytes([int(code[1:], 16)])
        if code[0] in "01234567" and int(code, 8) < 256:
            return bytes([int(code, 8)])
        if code[0] in "uU" and len(code) > 1 and int(code[1:], 16) < 0x110000:
            return chr(int(code[1:], 16)).encode("utf-8", "surrogatepass")
        self._fail(
            f"'\\{code}' is not a valid escape",
            position,
            hint="in a Windows path, write / instead of each backslash, or double it",
        )
