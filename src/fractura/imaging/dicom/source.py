"""Opening a DICOM safely: its header as plain values, and its pixels still packed.

pydicom quotes values of elements in its warnings and errors, and an element may hold a name. So everything is taken out
of pydicom here, with its warnings off, and an error of pydicom is never passed on: only where it happened is.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, BinaryIO

from fractura.core.errors import DataError
from fractura.imaging.dicom.signature import meta_group

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_TRANSFER_SYNTAX = 0x0010  # of the meta group
_META_LIMIT = 1 << 16
_DEFLATED = "1.2.840.10008.1.2.1.99"
_UNCOMPRESSED = {
    (True, True): "1.2.840.10008.1.2",
    (False, True): "1.2.840.10008.1.2.1",
    (False, False): "1.2.840.10008.1.2.2",
}
"""By implicit types and little-endian order."""
_UNREADABLE = "save it again from the archive, or leave it out"

# pydicom raises whatever its author thought of, bare exceptions among it, on damaged files.
DICOM_ERRORS = (Exception,)

_TAGS = (
    "SpecificCharacterSet SOPClassUID StudyInstanceUID Modality PatientID BodyPartExamined "
    "AnatomicRegionSequence ViewPosition "
    "ImageLaterality Laterality Manufacturer ManufacturerModelName BurnedInAnnotation PresentationLUTShape "
    "SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns BitsAllocated "
    "BitsStored HighBit PixelRepresentation PixelPaddingValue PixelPaddingRangeLimit RescaleIntercept "
    "RescaleSlope ModalityLUTSequence WindowCenter WindowWidth VOILUTFunction VOILUTSequence PixelSpacing "
    "ImagerPixelSpacing PixelSpacingCalibrationType"
)

_warnings_lock = threading.RLock()


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


def parse_dicom(stream: BinaryIO, title: str, *, more: Sequence[str] = ()) -> Dataset:
    """The few elements that an image needs; call it, and read the result, inside ``parsing_quietly``.

    Args:
        stream: The file, at its start; afterwards it stands at the pixels.
        title: What to call the image in errors.
        more: Keywords of further elements.

    Raises:
        DataError: It is damaged, compressed as a whole, or names no transfer syntax.
    """
    from pydicom import dcmread

    stream.seek(0)
    meta = meta_group(stream.read(_META_LIMIT))
    stream.seek(0)
    syntax = meta.get(_TRANSFER_SYNTAX)
    if syntax == _DEFLATED:  # must be known before pydicom reads, and unpacks, the file
        raise DataError(
            "is a deflated DICOM, which is not read: its true size shows only after unpacking",
            file=title,
            hint="export it from the archive in another transfer syntax",
        )
    try:
        dataset = dcmread(stream, stop_before_pixels=True, force=True, specific_tags=[*_TAGS.split(), *more])
        named = transfer_syntax(dataset)
    except DICOM_ERRORS:
        raise damaged(title, "its header cannot be read") from None
    if syntax and named != syntax:
        raise damaged(title, "it names two transfer syntaxes")
    return dataset


def transfer_syntax(dataset: Dataset) -> str:
    """How the object is packed: as it says, or, without a meta group, as it was read."""
    meta = getattr(dataset, "file_meta", None)
    if meta is not None and "TransferSyntaxUID" in meta:
        return str(meta.TransferSyntaxUID)
    is_implicit, is_little = dataset.original_encoding
    return _UNCOMPRESSED[bool(is_implicit), bool(is_little)]


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
