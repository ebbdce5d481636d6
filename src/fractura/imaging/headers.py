"""What an image's encoded bytes say without decoding its pixels: kind, stored size, orientation, completeness.

TFRecord needs this for every image, at the speed of a copy. JPEG: ITU-T T.81 annex B; PNG:
https://www.w3.org/TR/png-3/.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.imaging.reader import radiograph_frame

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)  # not stuffing, restart or fill
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_CHUNK = struct.Struct(">I4s")


@dataclass(frozen=True)
class ImageHeader:
    """What the header says.

    Attributes:
        kind: ``jpeg``, ``png``, ``gif``, ``bmp``, ``tiff`` or ``unknown``.
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


def image_kind(data: bytes) -> str:
    """The kind of an image, from its first bytes; the name is what ``image/format`` holds."""
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
    return "unknown"


def image_header(data: bytes) -> ImageHeader:
    """Read the header of an image."""
    kind = image_kind(data)
    if kind == "jpeg":
        return _jpeg_header(data)
    if kind == "png":
        return _png_header(data)
    return ImageHeader(kind, 0, 0, has_exif=True, complete=False)


def stored_frame(data: bytes, header: ImageHeader, name: str) -> tuple[int, int, int]:
    """``(width, height, EXIF orientation)`` of an image as stored, from its header alone.

    Raises:
        DataError: It is no image, or its header is damaged.
    """
    if header.width and header.height and not header.has_exif:
        return header.width, header.height, 1
    return radiograph_frame(data, name=name)


def _jpeg_header(data: bytes) -> ImageHeader:
    """Walk the marker segments; in the coded data, where FF is always stuffed, the next marker is searched for."""
    width = height = 0
    has_exif = in_scan = False
    position = 2
    while (found := _MARKER.search(data, position)) is not None:
        marker, position = data[found.start() + 1], found.end()
        if marker == 0xD9:
            return ImageHeader("jpeg", width, height, has_exif, complete=in_scan and width > 0 and height > 0)
        if marker in (0x01, 0xD8):
            continue
        if position + 2 > len(data):
            break
        length = data[position] << 8 | data[position + 1]
        if length < 2 or position + length > len(data):
            break
        if marker in _FRAME_MARKERS and length >= 8:
            height, width = struct.unpack_from(">HH", data, position + 3)
        elif marker == 0xE1 and data.startswith((b"Exif\0", b"http://ns.adobe.com/xap"), position + 2):
            has_exif = True
        elif marker == 0xDA:
            in_scan = True
        position += length
    return ImageHeader("jpeg", width, height, has_exif, complete=False)


def _png_header(data: bytes) -> ImageHeader:
    """Walk the chunks and check their CRCs."""
    width = height = 0
    has_exif = has_pixels = False
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        length, kind = _PNG_CHUNK.unpack_from(data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        (checksum,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(memoryview(data)[position + 4 : end]) != checksum:
            break
        if kind == b"IHDR" and length >= 8:
            width, height = struct.unpack_from(">II", data, position + 8)
        elif kind == b"IDAT":
            has_pixels = True
        elif kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):  # EXIF, and where older programs hid it
            has_exif = True
        elif kind == b"IEND":
            return ImageHeader("png", width, height, has_exif, complete=has_pixels and width > 0 and height > 0)
        position = end + 4
    return ImageHeader("png", width, height, has_exif, complete=False)


def displayed_to_stored(xyxy: NDArray[np.float32], orientation: int, width: int, height: int) -> NDArray[np.float32]:
    """Boxes in pixels of the displayed image, ``(n, 4)``, as pixels of the stored one of ``width`` x ``height``."""
    if orientation == 1:
        return xyxy
    left, top, right, bottom = xyxy.T
    corners = {
        2: (width - right, top, width - left, bottom),
        3: (width - right, height - bottom, width - left, height - top),
        4: (left, height - bottom, right, height - top),
        5: (top, left, bottom, right),
        6: (top, height - right, bottom, height - left),
        7: (width - bottom, height - right, width - top, height - left),
        8: (width - bottom, left, width - top, right),
    }[orientation]
    return np.stack(corners, axis=1).astype(np.float32)


def stored_to_displayed(xyxy: NDArray[np.float32], orientation: int, width: int, height: int) -> NDArray[np.float32]:
    """The way back from ``displayed_to_stored``; ``width`` x ``height`` is again the stored image."""
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    if orientation >= 5:
        width, height = height, width
    return displayed_to_stored(xyxy, inverse, width, height)
