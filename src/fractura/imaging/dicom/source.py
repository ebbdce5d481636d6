"""Opening a DICOM safely: its header as plain values, and its pixels still packed.

pydicom quotes values of elements in its warnings and errors, and an element may hold a name. So everything is taken out
of pydicom here, with its warnings off, and an error of pydicom is never passed on: only where it happened is.
"""

from __future__ import annotations

import logging
import struct
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, BinaryIO

from fractura.core.errors import DataError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DICOM_EXTENSIONS = frozenset({".dcm", ".dicom"})

_PREFIX_AT, _PREFIX = 128, b"DICM"
_PICTURES = (b"\xff\xd8", b"\x89PNG", b"II*\0", b"MM\0*", b"BM", b"GIF8")
_TRANSFER_SYNTAX = (0x0002, 0x0010)
_LONG_VALUES = (b"OB", b"OW", b"OD", b"OF", b"OL", b"OV", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV")
_META_LIMIT = 1 << 16
_UNREADABLE = "save it again from the archive, or leave it out"

# pydicom raises whatever its author thought of, bare exceptions among it, on damaged files.
DICOM_ERRORS = (Exception,)

_TAGS = (
    "SpecificCharacterSet SOPClassUID StudyInstanceUID Modality PatientID BodyPartExamined ViewPosition "
    "ImageLaterality Laterality Manufacturer ManufacturerModelName BurnedInAnnotation PresentationLUTShape "
    "SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated "
    "BitsStored HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit RescaleIntercept "
    "RescaleSlope ModalityLUTSequence WindowCenter WindowWidth VOILUTFunction VOILUTSequence PixelData "
    "FloatPixelData DoubleFloatPixelData"
)

_warnings_lock = threading.RLock()


def is_dicom(start: bytes, name: str = "") -> bool:
    """True if a file that starts so is DICOM: by its prefix; by its extension where the prefix is missing.

    Args:
        start: The first 132 bytes or more.
        name: The file's name; old archives wrote files without prefix.
    """
    if start[_PREFIX_AT : _PREFIX_AT + 4] == _PREFIX:
        return True
    return len(start) > 0 and PurePath(name).suffix.lower() in DICOM_EXTENSIONS and not start.startswith(_PICTURES)


class _Mute(logging.Filter):
    """Drops the log lines of threads that read a DICOM for us, and of no others."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not _is_reading.get()


_is_reading: ContextVar[bool] = ContextVar("fractura_is_reading_dicom", default=False)
for _name in ("pydicom", "pydicom.pixels.decoders.base", "pydicom.pixels.utils"):
    logging.getLogger(_name).addFilter(_Mute())


@contextmanager
def decoding_quietly() -> Iterator[None]:
    """pydicom's decoders without log lines and warnings; other threads decode at the same time.

    Their warnings hold numbers only. They are switched off by module and for good, as switching them off for one block
    would make the other threads wait.
    """
    with _warnings_lock:
        warnings.filterwarnings("ignore", module=r"pydicom\.(pixels|encaps)")
    with _without_log():
        yield


@contextmanager
def parsing_quietly() -> Iterator[None]:
    """pydicom without log lines and warnings, which quote what elements hold.

    Other threads wait, because Python keeps one list of warning filters for all of them: decode outside of this.
    """
    with _without_log(), _warnings_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _without_log() -> Iterator[None]:
    before = _is_reading.set(True)
    try:
        yield
    finally:
        _is_reading.reset(before)


def parse_dicom(stream: BinaryIO, title: str, *, pixels: bool, more: Sequence[str] = ()) -> Dataset:
    """The few elements that an image needs; call it, and read the result, inside ``parsing_quietly``.

    Args:
        stream: The file, at its start.
        title: What to call the image in errors.
        pixels: Read up to the end; otherwise up to the pixels.
        more: Keywords of further elements.

    Raises:
        DataError: It is damaged, compressed as a whole, or names no transfer syntax.
    """
    from pydicom import dcmread

    syntax = _transfer_syntax(stream, title)
    try:
        dataset = dcmread(stream, stop_before_pixels=not pixels, force=True, specific_tags=[*_TAGS.split(), *more])
        meta = getattr(dataset, "file_meta", None)
        named = str(meta.TransferSyntaxUID) if meta is not None and "TransferSyntaxUID" in meta else syntax
    except DICOM_ERRORS:
        raise damaged(title, "its header cannot be read") from None
    if named != syntax:
        raise damaged(title, "it names two transfer syntaxes")
    return dataset


def damaged(title: str, what: str) -> DataError:
    """The error for a DICOM that cannot be read; ``what`` holds no value of an element."""
    return DataError(f"is a damaged DICOM: {what}", file=title, hint=_UNREADABLE)


def text_of(dataset: Dataset, keyword: str) -> str:
    """An element as text; its first value if it has several, empty if it is absent or cannot be understood."""
    value = first_value(dataset, keyword)
    return "" if value is None else str(value)


def number_of(dataset: Dataset, keyword: str) -> float | None:
    """An element as a finite number, or None."""
    value = first_value(dataset, keyword)
    try:
        number = float(value) if value is not None else None
    except DICOM_ERRORS:
        return None
    return number if number is not None and abs(number) < 1e18 else None


def first_value(dataset: Dataset, keyword: str) -> Any:
    """An element's value, the first of several; None if it is absent, empty or cannot be understood."""
    try:
        value = dataset.get(keyword)
        if value is None or isinstance(value, str | bytes | int | float):
            return value
        return value[0] if hasattr(value, "__len__") and len(value) else None if hasattr(value, "__len__") else value
    except DICOM_ERRORS:
        return None


def _transfer_syntax(stream: BinaryIO, title: str) -> str:
    """Walk the meta group: a syntax that inflates the whole file must be known before pydicom reads it."""
    head = stream.read(_META_LIMIT)
    stream.seek(0)
    if head[_PREFIX_AT : _PREFIX_AT + 4] != _PREFIX:
        return "1.2.840.10008.1.2"  # without prefix and meta group: implicit VR, little endian
    position, found = _PREFIX_AT + 4, ""
    while position + 12 <= len(head):
        group, element, kind, length = struct.unpack_from("<HH2sH", head, position)
        if group != 0x0002:
            break
        position += 8
        if kind in _LONG_VALUES:
            (length,) = struct.unpack_from("<I", head, position)
            position += 4
        if (group, element) == _TRANSFER_SYNTAX:
            found = head[position : position + length].decode("ascii", "replace").strip(" \0")
            if found == "1.2.840.10008.1.2.1.99":
                raise DataError(
                    "is a deflated DICOM, which is not read: its true size shows only after unpacking",
                    file=title,
                    hint="export it from the archive in another transfer syntax",
                )
        position += length
    if not found:
        raise damaged(title, "it names no transfer syntax")
    return found
