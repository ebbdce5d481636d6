"""The frame size that a compressed picture itself claims, read before a decoder makes room for it.

JPEG and lossless JPEG: ITU-T T.81 annex B; JPEG-LS: T.87 annex C; JPEG 2000: T.800 annex A.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

_SIZES_IN = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})  # baseline, extended, progressive, lossless, JPEG-LS
_MARKER_BYTES = re.compile(rb"\xff[\x80-\xfe]", re.DOTALL)  # below 80, JPEG-LS stuffs bits, not bytes
_IN_SCANS = frozenset({*range(0xD0, 0xD8), 0xC4, 0xD9, 0xDA, 0xDB, 0xDD, 0xF8, 0xFE, *range(0xE0, 0xF0)})
_BARE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # markers without a length


@dataclass(frozen=True)
class Codestream:
    """Width and height in pixels, bits a sample, samples a pixel."""

    width: int
    height: int
    bits: int
    samples: int


def codestream_frame(data: bytes) -> Codestream | None:
    """The frame header of a JPEG, JPEG-LS or JPEG 2000 stream; None if there is none."""
    if data.startswith(b"\xff\x4f\xff\x51"):
        return _jpeg2000(data, 2)
    if data.startswith(b"\0\0\0\x0cjP  "):  # a JP2 file around the stream, against the rule but seen
        start = data.find(b"\xff\x4f\xff\x51", 0, 4096)
        return None if start < 0 else _jpeg2000(data, start + 2)
    if not data.startswith(b"\xff\xd8"):
        return None
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:  # fill
            position += 1
        elif marker in _BARE:
            position += 2
        elif marker in _SIZES_IN:
            return _jpeg(data, position + 4)
        elif marker in (0xD9, 0xDA):
            return None
        else:
            position += 2 + max(2, data[position + 2] << 8 | data[position + 3])
    return None


def is_whole_jpeg(data: bytes) -> bool:
    """True if a JPEG or JPEG-LS stream goes on to its end marker, and no foreign detection breaks its pixels off.

    GDCM fills what is missing with grey and says nothing.
    """
    start = data.find(b"\xff\xda")
    if start < 0 or not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return False
    # After a scan begins: stuffed and restart bytes, fill, another scan with its tables, or the end.
    detections = {data[found.start() + 1] for found in _MARKER_BYTES.finditer(data, start)}
    return detections <= _IN_SCANS


def _jpeg(data: bytes, position: int) -> Codestream | None:
    if position + 6 > len(data):
        return None
    bits, height, width, samples = struct.unpack_from(">BHHB", data, position)
    return Codestream(width, height, bits, samples)


def _jpeg2000(data: bytes, position: int) -> Codestream | None:
    """The SIZ segment: grid and offsets, then the depth of the first component."""
    if position + 41 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, position + 6)
    (samples,) = struct.unpack_from(">H", data, position + 38)
    bits = (data[position + 40] & 0x7F) + 1
    return Codestream(max(0, right - left), max(0, bottom - top), bits, samples)
