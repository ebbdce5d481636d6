"""How files are damaged: as bytes, as words and lines of text, as JSON, as protocol buffers; and what is put in."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

from fractura.formats.protobuf.wire import FIXED32, FIXED64, LENGTH, VARINT, WireError, fields, varint

Mutation = Callable[[bytes, random.Random, Sequence[bytes]], bytes]
"""Gets a file, what to draw from, and other files to take parts of."""

NUMBERS = (
    *b"0 -0 -1 1 2 0.5 -0.001 1e-320 1e308 1e309 -1e400 127 128 255 256 32767 65535 65536 1e9 1e10 1e".split(),
    *b"2147483647 2147483648 4294967295 4294967296 9223372036854775807 9223372036854775808 1f 5. .5 +5".split(),
    *"18446744073709551616 NaN nan inf -inf Infinity -Infinity 0x10 010 1_000 1,5 ٣ ² ½ true null".encode().split(),
    *(b"0" * 20 + b"1", b"9" * 400, b"9" * 5000, b"0." + b"3" * 400, b"-" + b"1" * 30),
)
WORDS = (
    *(b"", b" ", b"\t", b"\n", b"\r\n", b"\r", b"\0", b"\x1f", b"\x7f", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf"),
    *(b"\xc3", b"\xed\xa0\x80", b"..", b"../../x", b"/", b"\\", b"//[", b"http://[x", b"%00", b"%2e%2e%2f", b"C:\\x"),
    *("ñ".encode(), "n\u0303".encode(), "\u202e".encode(), "\ufeff".encode(), "\U0001f9b4".encode(), "İ".encode()),
    *("\u0085".encode(), "\u2028".encode(), b"a" * 300, b"a" * 5000, b"=1+1", b"<b>", b"&amp;", b"&#0;", b"]]>"),
    *(b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"<?x?>", b"<![CDATA[", b"<!--", b"-->", b"<a>" * 200, b"</a>"),
    *(b'"', b"'", b"`", b",", b";", b":", b"=", b"#", b"{", b"}", b"[", b"]", b"<", b">", b"(", b"&x", b"*x", b"|"),
    *(b"{" * 200, b"[" * 3000, b"!!python/object:os.system", b"\\", b"\\x", b"\\u12", b"\\777", b"\\UFFFFFFFF"),
)
_TOKEN = re.compile(rb"[A-Za-z_][\w.-]*|[-+]?[\d.]+(?:[eE][-+]?\d+)?|\s+|[\x80-\xff]+|.", re.DOTALL)
_NUMBER = re.compile(rb"(?<![A-Za-z_])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ELEMENT = re.compile(rb"<(\w+)[^>]*?(?:/>|>.*?</\1>)", re.DOTALL)


def change_bytes(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Bits flipped, bytes set, taken out, put in, moved and repeated; whole numbers set to extremes; cuts, splices."""
    content = bytearray(data)
    size = len(content)
    kind = draw.randrange(11)
    if not size:
        return bytes([draw.randrange(256)])
    place = draw.randrange(size)
    if kind == 0:
        content[place] ^= 1 << draw.randrange(8)
    elif kind == 1:
        content[place] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, 0x20, draw.randrange(256)))
    elif kind == 2:
        del content[place : place + draw.choice((1, 1, 2, 4, draw.randrange(1, 65)))]
    elif kind == 3:
        content[place:place] = draw.choice((draw.randbytes(draw.randrange(1, 9)), draw.choice(WORDS)))
    elif kind == 4:
        del content[place:]
    elif kind == 5:
        width = draw.choice("BHIQ")
        number = draw.choice(
            (0, 1, 2, 3, -1, -2, 127, 128, 255, 256, 1 << 15, 1 << 16, 1 << 31, (1 << 31) - 1, 1 << 24)
        )
        value = struct.pack(draw.choice("<>") + width, number & ((1 << 8 * struct.calcsize(width)) - 1))
        content[place : place + len(value)] = value
    elif kind == 6:
        content[place] = (content[place] + draw.randrange(-16, 17)) & 0xFF
    elif kind == 7:
        start, length = draw.randrange(size), draw.randrange(1, 65)
        content[place:place] = content[start : start + length] * draw.choice((1, 1, 1, 2, 50))
    elif kind == 8:
        start, length = draw.randrange(size), draw.randrange(1, 65)
        content[place : place + length] = content[start : start + length]
    elif kind == 9 and others:
        other = draw.choice(others)
        start = draw.randrange(len(other) + 1)
        content[place : place + draw.choice((0, draw.randrange(65)))] = other[start : start + draw.randrange(1, 257)]
    elif others:
        other = draw.choice(others)
        content[place:] = other[draw.randrange(len(other) + 1) :]
    return bytes(content)


def change_text(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Numbers set to extremes; words, lines and elements of XML taken out, repeated, swapped, or taken from others."""
    kind = draw.randrange(8)
    if kind == 0:
        return _replaced(data, list(_NUMBER.finditer(data)), draw, lambda: draw.choice(NUMBERS))
    if kind == 1:
        elements = list(_ELEMENT.finditer(data))
        return _replaced(
            data, elements, draw, lambda: draw.choice((b"", draw.choice(elements)[0] * draw.randrange(1, 4)))
        )
    if kind == 2:
        lines = data.split(b"\n")
        place, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        if draw.random() < 0.5:
            lines[place], lines[other] = lines[other], lines[place]
        else:
            lines[place : place + 1] = draw.choice(([], [lines[place]] * 2, [lines[place], lines[other]], [b""]))
        return b"\n".join(lines)
    tokens = _TOKEN.findall(data)
    if not tokens:
        return draw.choice(WORDS)
    place, other = draw.randrange(len(tokens)), draw.randrange(len(tokens))
    if kind == 3:
        tokens[place] = draw.choice(WORDS)
    elif kind == 4:
        tokens.insert(place, draw.choice((draw.choice(WORDS), draw.choice(NUMBERS))))
    elif kind == 5:
        del tokens[place : place + draw.choice((1, 1, draw.randrange(1, 9)))]
    elif kind == 6:
        tokens[place], tokens[other] = tokens[other], tokens[place]
    else:
        foreign = _TOKEN.findall(draw.choice(others)) if others else tokens
        tokens[place] = draw.choice(foreign) if foreign else b""
    return b"".join(tokens)


def _replaced(data: bytes, places: Sequence[re.Match[bytes]], draw: random.Random, by: Callable[[], bytes]) -> bytes:
    if not places:
        return data
    chosen = draw.choice(places)
    return data[: chosen.start()] + by() + data[chosen.end() :]


_RAW = "@@raw@@"
_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    3,
    0.5,
    "",
    " ",
    "x",
    [],
    {},
    [[]],
    [None],
    {"": None},
    "\udc80",
    "0",
)


def change_json(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """A value, key or element of a document replaced by one of another kind, taken out, repeated, nested or moved."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return change_text(data, draw, others)
    holders: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        each = waiting.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        holders += [(each, key) for key in keys]
        waiting += [each[key] for key in keys if isinstance(each[key], dict | list)]
    if not holders:
        return change_text(data, draw, others)
    holder, key = draw.choice(holders)
    raw = b""
    kind = draw.randrange(9)
    if kind == 0:
        holder[key] = draw.choice(_VALUES)
    elif kind == 1:
        holder[key], raw = _RAW, draw.choice(NUMBERS)
    elif kind == 2:
        del holder[key]
    elif kind == 3:
        other, name = draw.choice(holders)
        if name in other if isinstance(other, dict) else name < len(other):
            try:
                holder[key] = json.loads(json.dumps(other[name]))
            except RecursionError:
                return data
    elif kind == 4:
        for _ in range(draw.choice((1, 1, 2, 60, 400))):
            holder[key] = draw.choice(([holder[key]], {"x": holder[key]}))
    elif kind == 5 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * draw.choice((1, 1, 2, 30))
    elif kind == 5:
        holder[key], raw = (
            _RAW,
            b'null, "' + str(key).encode("utf-8", "replace") + b'": ' + draw.choice((b"1", b"[]", b'"x"')),
        )
    elif kind == 6 and isinstance(holder, dict):
        holder[draw.choice(("", "id", "\u0000", "x" * 300, "0", "-1", "name", "\udcff", str(key) + " "))] = holder.pop(
            key
        )
    elif kind == 7:
        holder[key], raw = (
            _RAW,
            draw.choice((b"[" * 2000, b'{"a":' * 2000, b"[]" * 3, b"-", b'"\\ud800"', b'"\\u0000"')),
        )
    else:
        word = draw.choice(WORDS).decode("utf-8", "surrogateescape")
        holder[key] = draw.choice((word, f"{holder[key]}{word}"[:6000], str(holder[key])[:6000]))
    try:
        text = json.dumps(document, ensure_ascii=draw.random() < 0.5).encode("utf-8", "surrogatepass")
    except RecursionError:
        return data
    return text.replace(b'"' + _RAW.encode() + b'"', raw, 1)


def change_protobuf(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """A field of a message, at any depth, replaced, taken out, repeated or moved; the lengths around it stay right."""
    try:
        parts = [
            (number, kind, first, data[first:last] if kind != VARINT else b"")
            for number, kind, first, last in fields(data, 0, len(data))
        ]
    except WireError:
        parts = []
    if not parts or draw.random() < 0.05:
        return change_bytes(data, draw, others) if draw.random() < 0.5 else change_text(data, draw, others)
    place = draw.randrange(len(parts))
    number, kind, value, content = parts[place]
    choice = draw.randrange(10)
    if kind == LENGTH and choice < 6:
        inner = change_protobuf if draw.random() < 0.8 else change_bytes
        parts[place] = number, kind, value, inner(content, draw, others)
    elif choice < 8 and kind == VARINT:
        extremes = (0, 1, 2, 3, 7, 127, 128, 1 << 31, (1 << 31) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
        parts[place] = number, kind, draw.choice((*extremes, value + 1, max(0, value - 1))), b""
    elif choice == 6:
        parts[place] = draw.choice((number + 1, max(1, number - 1), draw.randrange(1, 20))), kind, value, content
    elif choice == 7:
        del parts[place]
    elif choice == 8:
        parts.insert(draw.randrange(len(parts) + 1), parts[place])
    else:
        parts[place] = number, draw.choice((VARINT, FIXED32, FIXED64, LENGTH)), value, content
    out = []
    for number, kind, value, content in parts:
        out.append(varint(number << 3 | kind))
        if kind == VARINT:
            out.append(varint(value))
        elif kind == LENGTH:
            out.append(varint(len(content)) + content)
        else:
            out.append(content.ljust(4 if kind == FIXED32 else 8, b"\0")[: 4 if kind == FIXED32 else 8])
    return b"".join(out)
