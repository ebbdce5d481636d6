"""Whether a file is DICOM, and which kind of object, from its first bytes alone."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import PurePath

DICOM_EXTENSIONS = frozenset({".dcm", ".dicom"})

_PREFIX_AT, _PREFIX = 128, b"DICM"
_PICTURES = (b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"BM", b"GIF8", b"RIFF")
_META, _IDENTIFYING = 0x0002, 0x0008  # groups of elements
_CLASS = 0x0002  # of the meta group
_LONG_KINDS = (b"OB", b"OW", b"OD", b"OF", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
_SHORT_KINDS = (
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
)  # fmt: skip
_LAST_OF_GROUP = 0x2000
_OBJECTS = {
    "1.2.840.10008.1.3.10": "directory (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.9.": "waveform",
    "1.2.840.10008.5.1.4.1.1.11.": "presentation state",
    "1.2.840.10008.5.1.4.1.1.66": "set of raw data",
    "1.2.840.10008.5.1.4.1.1.88.": "structured report",
    "1.2.840.10008.5.1.4.1.1.104.": "encapsulated document",
}
_IMAGES_AMONG_THEM = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")  # segmentations


def is_dicom(start: bytes, name: str = "") -> bool:
    """True if a file that starts so is DICOM.

    Its prefix says so; where that is missing, as old archives wrote files, the first elements of a header do, or the
    file's extension.

    Args:
        start: The first 132 bytes or more.
        name: The file's name.
    """
    if start[_PREFIX_AT : _PREFIX_AT + 4] == _PREFIX or _is_bare_header(start):
        return True
    return len(start) > 0 and PurePath(name).suffix.lower() in DICOM_EXTENSIONS and not start.startswith(_PICTURES)


def meta_group(start: bytes) -> dict[int, str]:
    """The elements before the header proper, by the second half of their tag; empty where there are none.

    Args:
        start: The file's first bytes, as many as may belong to them.
    """
    position = _PREFIX_AT + 4 if start[_PREFIX_AT : _PREFIX_AT + 4] == _PREFIX else 0
    found = {}
    for (group, element), begin, end in _elements(start, position, "<"):
        if group != _META:
            break
        found[element] = start[begin:end].decode("ascii", "replace").strip(" \0")
    return found


def dicom_object(start: bytes) -> str | None:
    """What a DICOM that starts so is called if it is not an image; None if it may be one, or does not say.

    Args:
        start: Its first 512 bytes or more.
    """
    return other_object(meta_group(start).get(_CLASS, ""))


def other_object(sop_class: str) -> str | None:
    """What a DICOM object is called that holds no image; None if it may hold one.

    Args:
        sop_class: Its SOP Class UID.
    """
    if sop_class.startswith(_IMAGES_AMONG_THEM):
        return None
    return next((name for uid, name in _OBJECTS.items() if sop_class.startswith(uid)), None)


def _is_bare_header(start: bytes) -> bool:
    """True if a file begins with two elements, one after the other, of the groups that a header begins with."""
    order = "<" if start[:1] in (b"\x02", b"\x08") else ">"
    before = (0, -1)
    for count, (tag, _, _) in enumerate(_elements(start, 0, order), 1):
        if tag[0] not in (_META, _IDENTIFYING) or tag[1] > _LAST_OF_GROUP or tag <= before:
            return False
        if count == 2:
            return True
        before = tag
    return False


def _elements(data: bytes, position: int, order: str) -> Iterator[tuple[tuple[int, int], int, int]]:
    """Tag, begin and end of the value of each element, whether its type is written down or not."""
    while position + 12 <= len(data):
        group, element = struct.unpack_from(f"{order}HH", data, position)
        kind = data[position + 4 : position + 6]
        if kind in _SHORT_KINDS:
            begin, (length,) = position + 8, struct.unpack_from(f"{order}H", data, position + 6)
        elif kind in _LONG_KINDS:
            begin, (length,) = position + 12, struct.unpack_from(f"{order}I", data, position + 8)
        else:
            begin, (length,) = position + 8, struct.unpack_from(f"{order}I", data, position + 4)
        position = begin + length
        yield (group, element), begin, position
