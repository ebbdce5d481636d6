"""An XML file as bytes that stay as they are: a tree that knows where each element lies, and patches to the text.

Expat is used directly, because no tree library says where in the file an element begins and ends. It is made as safe
as defusedxml makes it: a document type (the way to entity tricks and to other files) is refused.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from fractura.core.errors import DataError

MAXIMUM_BYTES = 10 * 1024 * 1024
MAXIMUM_DEPTH = 100

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose BOM it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]*)["']""")
_START_TAG = re.compile(rb"""<[^\s/>]+(?:[^>"']|"[^"]*"|'[^']*')*>""")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_HINT = "label the image again, or take the file out of the folder"


@dataclass(slots=True)
class Element:
    """One element; offsets are into ``XmlSource.text``.

    Attributes:
        tag: Its name.
        line: Line of its start tag, from 1.
        start: Of its ``<``.
        inside: Right behind its start tag.
        close: Of its end tag; equals ``inside`` for ``<a/>``.
        end: Right behind it.
        attributes: As written.
        children: In order.
        pieces: Its character data, in pieces.
    """

    tag: str
    line: int
    start: int
    inside: int
    attributes: dict[str, str]
    close: int = 0
    end: int = 0
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """The direct children called ``tag``."""
        return [child for child in self.children if child.tag == tag]

    @property
    def content(self) -> str:
        """Its text; the line breaks and indents that a pretty printer put around it do not count."""
        text = "".join(self.pieces)
        return text.strip() if "\n" in text else text


@dataclass(slots=True)
class XmlSource:
    """A parsed file.

    Attributes:
        text: The document as UTF-8 bytes without byte-order mark, line ends as in the file.
        root: Its tree.
        encoding: What the file is written in.
        bom: Its byte-order mark, if any.
    """

    text: bytes
    root: Element
    encoding: str
    bom: bytes

    def patched(self, patches: list[Patch]) -> bytes:
        """The file's bytes with ``patches`` applied; everything else stays byte for byte."""
        text = self.text
        for patch in sorted(patches, key=lambda p: (p.start, p.end), reverse=True):
            text = text[: patch.start] + patch.text.encode("utf-8") + text[patch.end :]
        # A letter that the file's encoding lacks becomes a character reference, which means the same to a reader.
        return self.bom + text.decode("utf-8").encode(self.encoding, "xmlcharrefreplace")

    def space_before(self, offset: int) -> str:
        """The white space right before ``offset``."""
        before = self.text[:offset]
        return before[len(before.rstrip(b" \t\r\n")) :].decode("ascii")


@dataclass(frozen=True, slots=True)
class Patch:
    """Replace ``text[start:end]``."""

    start: int
    end: int
    text: str


def escape(text: str, file: str | None = None) -> str:
    """``text`` as element content, escaped as lxml does it.

    Raises:
        DataError: It holds a character that XML cannot carry.
    """
    if match := _FORBIDDEN.search(text):
        raise DataError(
            f"{text!r} holds the character {match[0]!r}, which XML cannot carry",
            file=file,
            hint="take the character out of the name",
        )
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def parse_xml(data: bytes, file: str, *, limit: int = MAXIMUM_BYTES) -> XmlSource:
    """Parse a whole file.

    Args:
        data: Its bytes.
        file: What to call it in errors.
        limit: The largest number of bytes it may have.

    Raises:
        DataError: Empty, too large, in an unknown encoding, malformed, nested too deeply, or with a document type.
    """
    if not data.strip(b" \t\r\n\x00"):
        raise DataError("is empty", file=file, hint=_HINT)
    if len(data) > limit:
        raise DataError(
            f"is larger than {limit // 2**20} MiB",
            file=file,
            hint="no image has that many boxes: check the file",
        )
    encoding, bom = _encoding(data)
    try:
        decoded = data[len(bom) :].decode(encoding)
        # What is decoded must come back the same, or a patch would change more than it should.
        faithful = decoded.encode(encoding) == data[len(bom) :]
        text = decoded.encode("utf-8")
    except (LookupError, ValueError) as error:  # UnicodeError is a ValueError
        raise DataError(f"is not text in {encoding}: {error}", file=file, hint="save the file as UTF-8") from error
    if not faithful:
        raise DataError(f"is written in {encoding} in an unusual way", file=file, hint="save the file as UTF-8")
    return XmlSource(text, _parse(text, file), encoding, bom)


def _encoding(data: bytes) -> tuple[str, bytes]:
    for bom, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(bom):
            return encoding, bom
    if data.startswith(b"<\0"):
        return "utf-16-le", b""
    if data.startswith(b"\0<"):
        return "utf-16-be", b""
    declared = _DECLARED.match(data[:200])
    return (declared[1].decode("ascii").lower() if declared else "utf-8"), b""


def _parse(text: bytes, file: str) -> Element:
    parser = expat.ParserCreate(encoding="utf-8")  # overrides the declaration: the text is UTF-8 by now
    parser.buffer_text = True
    top = Element("", 0, 0, 0, {})
    open_elements = [top]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(open_elements) > MAXIMUM_DEPTH:
            raise DataError(
                f"is nested more than {MAXIMUM_DEPTH} deep",
                file=file,
                place=f"line {parser.CurrentLineNumber}",
                hint=_HINT,
            )
        offset = parser.CurrentByteIndex
        tag_text = _START_TAG.match(text, offset)
        behind = tag_text.end() if tag_text else offset
        element = Element(tag, parser.CurrentLineNumber, offset, behind, attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_tag: str) -> None:
        element = open_elements.pop()
        if text[element.inside - 2 : element.inside] == b"/>":
            element.close = element.end = element.inside
        else:
            element.close = parser.CurrentByteIndex
            element.end = text.index(b">", element.close) + 1

    def refuse(*_declaration: object) -> NoReturn:
        raise DataError(
            "has a document type (<!DOCTYPE …>), which can hide entity tricks and is refused",
            file=file,
            place=f"line {parser.CurrentLineNumber}",
            hint="remove the <!DOCTYPE …> part; Pascal VOC needs none",
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = lambda data: open_elements[-1].pieces.append(data)
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise DataError(
            f"is not well-formed XML: {expat.ErrorString(error.code)}",
            file=file,
            place=f"line {error.lineno}, column {error.offset + 1}",
            hint=f"correct that line in a text editor, or {_HINT}",
        ) from error
    return top.children[0]
