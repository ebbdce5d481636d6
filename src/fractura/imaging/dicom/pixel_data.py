"""The Pixel Data element as it stands in the file, whole or cut off: PS3.5 A.4.

pydicom gives up the whole header where the file ends within the pixels, and then nobody can say what is missing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_TAG = (0x7FE0, 0x0010)
_LONG_FORM = (b"OB", b"OW", b"UN")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"


@dataclass(frozen=True)
class PixelData:
    """What the element holds.

    Attributes:
        value: All bytes of uncompressed pixels; empty if they are compressed.
        fragments: Of compressed pixels, the first of them the offset table; empty if they are not compressed.
        is_cut: The file ends before the element does.
        are_words: The bytes are words of two, in the file's byte order (``OW``), not single bytes.
    """

    value: bytes
    fragments: tuple[bytes, ...] = ()
    is_cut: bool = False
    are_words: bool = True

    def first_frame(self, frames: int) -> bytes:
        """The compressed bytes of the first of ``frames`` frames.

        One frame may lie in several fragments. Where there are several frames, the offset table tells them apart;
        without one, each fragment is a frame.
        """
        table, *fragments = self.fragments or (b"",)
        if frames == 1:
            return b"".join(fragments)
        starts = [offset for (offset,) in struct.iter_unpack("<I", table[: len(table) // 4 * 4])]
        if len(starts) < 2:
            return fragments[0] if fragments else b""
        length, first = 0, []
        for fragment in fragments:
            if length >= starts[1]:
                break
            first.append(fragment)
            length += 8 + len(fragment)  # each has a tag and a length before it
        return b"".join(first)


def read_pixel_data(data: bytes, position: int) -> PixelData | None:
    """The element at ``position``; None if another one stands there, or nothing.

    Args:
        data: The file.
        position: Where the header ends.
    """
    order = "<" if data[position : position + 4] == struct.pack("<HH", *_TAG) else ">"
    if data[position : position + 4] != struct.pack(f"{order}HH", *_TAG) or position + 8 > len(data):
        return None
    kind = data[position + 4 : position + 6]  # or half of a length, which is even and so is none of these
    start = position + (12 if kind in _LONG_FORM else 8)
    if start > len(data):
        return PixelData(b"", is_cut=True)
    (length,) = struct.unpack_from(f"{order}I", data, start - 4)
    if length == _UNDEFINED:
        return _fragments(data, start)
    return PixelData(data[start : start + length], is_cut=start + length > len(data), are_words=kind != b"OB")


def encapsulated(frame: bytes) -> bytes:
    """One compressed frame as the only one of an element, for decoders that take nothing else."""
    padded = frame + b"\0" * (len(frame) % 2)
    return _ITEM + bytes(4) + _ITEM + struct.pack("<I", len(padded)) + padded


def _fragments(data: bytes, position: int) -> PixelData:
    found: list[bytes] = []
    while data[position : position + 4] == _ITEM and position + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, position + 4)
        position += 8
        found.append(data[position : position + length])
        position += length
    return PixelData(b"", tuple(found), is_cut=data[position : position + 4] != _END)
