"""What an image's encoded bytes say without decoding its pixels: kind, stored size, EXIF, completeness.

TFRecord needs this for every image, at the speed of a copy; DICOM needs it before a decoder makes room for what a
compressed frame claims to be. JPEG and lossless JPEG: ITU-T T.81 annex B; JPEG-LS: T.87 annex C; JPEG 2000: T.800
annex A; PNG: https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)  # not stuffing, restart or fill
_SCAN_MARKER = re.compile(rb"\xff[\x80-\xfe]", re.DOTALL)  # below 80, JPEG-LS stuffs bits, not bytes
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_DECODABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xF7})  # baseline, extended, progressive, lossless, JPEG-LS
_IN_SCANS = frozenset({*range(0xD0, 0xD8), 0xC4, 0xD9, 0xDA, 0xDB, 0xDD, 0xF8, 0xFE, *range(0xE0, 0xF0)})
_START, _END, _SCAN, _APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_BARE_MARKERS = frozenset({0x01, _START})  # without a length; the restart markers are passed over anyway

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNK = struct.Struct(">I4s")
_PNG_EXIF_CHUNKS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # EXIF, and where older programs hid it

_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # ISO/IEC 23008-12; not AVIF
_PADDING = b"\0\xff\xd9 \r\n"  # what writers put after the end, a second end among it

_JPEG_2000_START, _TILE_PART = b"\xff\x4f\xff\x51", b"\xff\x90"
_MOST_TILES = 65535
_JPEG_2000_GRID = struct.Struct(">8I")  # right, bottom, left, top; width, height, left and top of the tiles
_JP2_FILE_START = b"\0\0\0\x0cjP  "


@dataclass(frozen=True)
class ImageHeader:
    """What the header says.

    Attributes:
        kind: ``jpeg``, ``png``, ``gif``, ``bmp``, ``tiff``, ``webp``, ``heic`` or ``unknown``.
        width: Pixels as stored, before the EXIF orientation; 0 if not found.
        height: Pixels as stored; 0 if not found.
        has_exif: The image may carry an EXIF orientation.
        complete: Every part of the image is there up to its end marker. False means that only decoding can tell.
    """

    kind: str
    width: int
    height: int
    has_exif: bool
    complete: bool


@dataclass(frozen=True)
class Codestream:
    """What a compressed frame claims: width and height in pixels, bits per sample, samples per pixel."""

    width: int
    height: int
    bits: int
    samples: int


def image_kind(data: bytes) -> str:
    """The kind of an image, from its first bytes; the name is what ``image/format`` holds in a TFRecord.

    Examples:
        >>> image_kind(b"BM\\x00\\x00"), image_kind(b"DICM")
        ('bmp', 'unknown')
    """
    if data.startswith(b"\xff\xd8"):
        return "jpeg"
    if data.startswith(_PNG_SIGNATURE):
        return "png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith(b"BM"):
        return "bmp"
    if data.startswith((b"II*\0", b"MM\0*")):
        return "tiff"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return "heic"
    return "unknown"


def image_header(data: bytes) -> ImageHeader:
    """Read the header of an image."""
    kind = image_kind(data)
    if kind == "jpeg":
        return _jpeg_header(data)
    if kind == "png":
        return _png_header(data)
    return ImageHeader(kind, 0, 0, has_exif=True, complete=False)


def codestream_frame(data: bytes) -> Codestream | None:
    """What the frame header of a JPEG, JPEG-LS or JPEG 2000 stream claims; None if there is none."""
    if data.startswith(_JPEG_2000_START):
        return _jpeg_2000_frame(data, 2)
    if data.startswith(_JP2_FILE_START):  # a JP2 file around the stream: against the rule, but it occurs
        start = data.find(_JPEG_2000_START, 0, 4096)
        return None if start < 0 else _jpeg_2000_frame(data, start + 2)
    if not data.startswith(b"\xff\xd8"):
        return None
    expected = 2
    for segment in _jpeg_segments(data):
        if data[expected : segment.start].strip(b"\xff"):  # before the scan, nothing but fill lies between segments
            return None
        if segment.marker in _DECODABLE_FRAMES:
            return _jpeg_frame(data, segment)
        if segment.marker in (_END, _SCAN):
            return None
        expected = segment.end
    return None


def whole_jpeg(data: bytes) -> bytes | None:
    """A JPEG or JPEG-LS stream up to its end marker; None if it ends before, or holds a foreign marker.

    GDCM fills what is missing with grey without an error, and CharLS never returns from a stream that ends too early.
    What follows the end may be padding only: anything else, and the marker is not the end but damage.
    """
    start = next((segment.start for segment in _jpeg_segments(data) if segment.marker == _SCAN), None)
    if start is None:
        return None
    # After a scan begins: stuffed and restart bytes, fill, another scan with its tables, or the end.
    for found in _SCAN_MARKER.finditer(data, start):
        marker = data[found.start() + 1]
        if marker == _END:
            return None if data[found.end() :].strip(_PADDING) else data[: found.end()]
        if marker not in _IN_SCANS:
            return None
    return None


def whole_jpeg_2000(data: bytes) -> bytes | None:
    """A JPEG 2000 stream up to its end marker; None if a part of a tile, or a tile, is missing.

    The marker itself may be missing, and the last part of a tile may leave its length open. A stream in a JP2 file is
    handed back as it is.
    """
    start = data.find(_JPEG_2000_START, 0, 4096)
    size = _JPEG_2000_GRID.unpack_from(data, start + 8) if 0 <= start <= len(data) - 8 - _JPEG_2000_GRID.size else None
    position = data.find(_TILE_PART, start)
    if size is None or position < 0 or 0 in size[4:6]:
        return None
    right, bottom, _, _, width, height, left, top = size
    tiles = -(-(right - left) // width) * -(-(bottom - top) // height)
    if not 0 < tiles <= _MOST_TILES:
        return None
    missing = set(range(tiles))
    while data[position : position + 2] == _TILE_PART and position + 12 <= len(data):
        tile, length = struct.unpack_from(">HI", data, position + 4)
        if length == 0:
            end = data.find(b"\xff\xd9", position + 12)  # FF stands before 8F and less within packets
            length = end - position
        if length < 14 or position + length > len(data):
            return None
        missing.discard(tile)
        position += length
    if missing:
        return None
    return data if start else data[:position] + b"\xff\xd9"


def png_may_hold_exif(stream: BinaryIO) -> bool:
    """True if a PNG has a chunk that may hold an EXIF orientation. The stream's position is kept."""
    before = stream.tell()
    try:
        for kind, _, _ in _png_chunks(stream):
            if kind in _PNG_EXIF_CHUNKS:
                return True
            if kind == b"IEND":
                return False
        return False
    finally:
        stream.seek(before)


@dataclass(frozen=True, slots=True)
class _Segment:
    """A marker at ``start``, what belongs to it from ``content`` to ``end``."""

    marker: int
    start: int
    content: int
    end: int


def _jpeg_segments(data: bytes) -> Iterator[_Segment]:
    """Walk the marker segments; in compressed data, where FF is always stuffed, the next marker is searched for.

    It ends where a segment is cut off.
    """
    position = 2
    while (found := _MARKER.search(data, position)) is not None:
        marker, position = data[found.start() + 1], found.end()
        length = 0
        if marker not in _BARE_MARKERS and marker != _END:
            length = data[position] << 8 | data[position + 1] if position + 2 <= len(data) else 0
            if length < 2 or position + length > len(data):
                return
        yield _Segment(marker, found.start(), position, position + length)
        position += length


def _jpeg_header(data: bytes) -> ImageHeader:
    width = height = 0
    has_exif = in_scan = complete = False
    for segment in _jpeg_segments(data):
        if segment.marker == _END:
            complete = in_scan and width > 0 and height > 0
            break
        if segment.marker in _FRAME_MARKERS and (frame := _jpeg_frame(data, segment)) is not None:
            width, height = frame.width, frame.height
        elif segment.marker == _APP1 and data.startswith((b"Exif\0", b"http://ns.adobe.com/xap"), segment.content + 2):
            has_exif = True
        elif segment.marker == _SCAN:
            in_scan = True
    return ImageHeader("jpeg", width, height, has_exif, complete)


def _jpeg_frame(data: bytes, segment: _Segment) -> Codestream | None:
    if segment.end - segment.content < 8:
        return None
    bits, height, width, samples = struct.unpack_from(">BHHB", data, segment.content + 2)
    return Codestream(width, height, bits, samples)


def _jpeg_2000_frame(data: bytes, position: int) -> Codestream | None:
    """The SIZ segment: grid and offsets, then the depth of the first component."""
    if position + 41 > len(data):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", data, position + 6)
    (samples,) = struct.unpack_from(">H", data, position + 38)
    bits = (data[position + 40] & 0x7F) + 1
    return Codestream(max(0, right - left), max(0, bottom - top), bits, samples)


def _png_chunks(stream: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """The type of each chunk, where its content starts, and how long that claims to be."""
    stream.seek(len(_PNG_SIGNATURE))
    while len(header := stream.read(_PNG_CHUNK.size)) == _PNG_CHUNK.size:
        length, kind = _PNG_CHUNK.unpack(header)
        start = stream.tell()
        yield kind, start, length
        stream.seek(start + length + 4)


def _png_header(data: bytes) -> ImageHeader:
    """Walk the chunks and check their CRCs."""
    width = height = 0
    has_exif = has_pixels = complete = False
    for kind, start, length in _png_chunks(io.BytesIO(data)):
        end = start + length
        if end + 4 > len(data) or zlib.crc32(memoryview(data)[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
            break
        if kind == b"IHDR" and length >= 8:
            width, height = struct.unpack_from(">II", data, start)
        elif kind == b"IDAT":
            has_pixels = True
        elif kind in _PNG_EXIF_CHUNKS:
            has_exif = True
        elif kind == b"IEND":
            complete = has_pixels and width > 0 and height > 0
            break
    return ImageHeader("png", width, height, has_exif, complete)
