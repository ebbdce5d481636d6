"""Stored values out of packed pixels. Each transfer syntax has one decoder, chosen for how it takes damaged data.

Uncompressed and RLE: pydicom. JPEG and JPEG 2000: Pillow. JPEG-LS (CharLS) and JPEG Lossless (GDCM): in a process of
their own. The size that the compressed picture claims is compared with the header's before any of them sees it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import DataError
from fractura.imaging.dicom.decoder_process import decode_apart
from fractura.imaging.dicom.decoder_worker import JPEG_LS
from fractura.imaging.dicom.header import DicomHeader
from fractura.imaging.dicom.source import DICOM_ERRORS, damaged, decoding_quietly
from fractura.imaging.headers import codestream_frame, is_whole_jpeg

_NATIVE = {"1.2.840.10008.1.2": "<", "1.2.840.10008.1.2.1": "<", "1.2.840.10008.1.2.2": ">"}
_RLE = "1.2.840.10008.1.2.5"
_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
_JPEG_2000 = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}
_JPEG_LOSSLESS = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
_AGAIN = "save it again from the archive, or leave it out"
_READ = "uncompressed, RLE, JPEG, JPEG Lossless, JPEG-LS and JPEG 2000"


def decode_first_frame(packed: bytes, header: DicomHeader, title: str) -> NDArray[Any]:
    """The first frame.

    Args:
        packed: Value of the Pixel Data element.
        header: Its header.
        title: What to call the image in errors.

    Returns:
        int32 ``(h, w)`` without the bits outside ``BitsStored`` (old overlays live there), or uint8
        ``(h, w, 3)`` RGB.

    Raises:
        DataError: Cut off, damaged, or in a transfer syntax that is not read.
    """
    if header.syntax in _NATIVE:
        values = _native(packed, header, title)
    elif header.syntax == _RLE:
        values = _pydicom(packed, header, title, "pydicom")
    elif header.syntax in _JPEG | _JPEG_2000 | _JPEG_LOSSLESS | JPEG_LS:
        values = _compressed(packed, header, title)
    else:
        from pydicom.uid import UID

        syntax = UID(header.syntax)
        named = (
            syntax.name if syntax.name != header.syntax and not syntax.is_private else "one that DICOM does not list"
        )
        raise DataError(
            f"is a DICOM in a transfer syntax that is not read: {named}",
            file=title,
            hint=f"export it from the archive as one of these: {_READ}",
        )
    if header.samples == 3:
        return np.ascontiguousarray(values, dtype=np.uint8)
    return _stored_bits(values.astype(np.int32), header)


def _native(packed: bytes, header: DicomHeader, title: str) -> NDArray[Any]:
    """Uncompressed values; the frame is the start of the element."""
    if header.photometric == "YBR_FULL_422":
        return _pydicom(packed, header, title, "")
    kind = np.dtype("u1" if header.bits_allocated == 8 else f"{_NATIVE[header.syntax]}u2")
    count = header.height * header.width * header.samples
    if len(packed) < count * kind.itemsize:
        raise DataError(
            f"is cut off: it holds {len(packed)} of the {count * kind.itemsize} bytes of its pixels",
            file=title,
            hint=_AGAIN,
        )
    if header.samples == 3 and header.photometric != "RGB":
        return _pydicom(packed, header, title, "")
    values = np.frombuffer(packed, dtype=kind, count=count)
    if header.samples == 3 and header.planar == 1:
        return values.reshape(3, header.height, header.width).transpose(1, 2, 0)
    return values.reshape(_shape(header))


def _compressed(packed: bytes, header: DicomHeader, title: str) -> NDArray[Any]:
    from pydicom.encaps import get_frame

    try:
        with decoding_quietly():
            frame = get_frame(packed, 0, number_of_frames=header.frames)
    except DICOM_ERRORS:
        raise damaged(title, "its pixels are cut off or packed wrongly") from None
    claimed = codestream_frame(frame)
    if claimed is None:
        raise damaged(title, "its pixels are not compressed as it says")
    if (claimed.width, claimed.height, claimed.samples) != (header.width, header.height, header.samples):
        raise damaged(
            title, f"its pixels claim {claimed.width}x{claimed.height}, its header {header.width}x{header.height}"
        )
    if claimed.bits > header.bits_allocated:
        raise damaged(title, f"its pixels claim {claimed.bits} bits, its header {header.bits_allocated}")
    if header.syntax not in _JPEG_2000 and not is_whole_jpeg(frame):
        raise DataError("is cut off: the end of its pixels is missing", file=title, hint=_AGAIN)
    if header.syntax in _JPEG and claimed.bits > 8:
        raise DataError(
            f"is a DICOM with a lossy JPEG of {claimed.bits} bits, which no free decoder reads without fault",
            file=title,
            hint="export it from the archive as JPEG Lossless, JPEG 2000 or uncompressed",
        )
    if header.syntax in _JPEG | _JPEG_2000:
        return _pydicom(packed, header, title, "pillow")
    values = decode_apart(frame, header.syntax, header.width, header.height, header.samples, claimed.bits)
    if values is None:
        raise damaged(title, "its pixels cannot be unpacked")
    return np.frombuffer(values, dtype="u1" if claimed.bits <= 8 else "<u2").reshape(_shape(header))


def _shape(header: DicomHeader) -> tuple[int, ...]:
    return (header.height, header.width) if header.samples == 1 else (header.height, header.width, 3)


def _pydicom(packed: bytes, header: DicomHeader, title: str, plugin: str) -> NDArray[Any]:
    """One frame through pydicom's decoders; colours come as RGB."""
    from pydicom.pixels.decoders.base import get_decoder

    options: dict[str, Any] = {
        "rows": header.height,
        "columns": header.width,
        "number_of_frames": header.frames,
        "samples_per_pixel": header.samples,
        "photometric_interpretation": header.photometric,
        "bits_allocated": header.bits_allocated,
        "bits_stored": header.bits_stored,
        "pixel_representation": int(header.is_signed),
        "pixel_keyword": "PixelData",
    }
    if header.samples > 1:
        options["planar_configuration"] = header.planar
    try:
        with decoding_quietly():
            values, _ = get_decoder(header.syntax).as_array(packed, index=0, decoding_plugin=plugin, **options)
    except DICOM_ERRORS:
        raise damaged(title, "its pixels cannot be unpacked") from None
    if values.shape != _shape(header):
        raise damaged(title, "its pixels do not fill the image")
    return np.asarray(values)


def _stored_bits(values: NDArray[np.int32], header: DicomHeader) -> NDArray[np.int32]:
    """Take off the bits outside ``BitsStored`` and give the rest its sign."""
    span = 1 << header.bits_stored
    if header.syntax in _NATIVE or header.syntax == _RLE:
        values = (values >> (header.high_bit - header.bits_stored + 1)) & (span - 1)
    elif not header.is_signed or int(values.min()) < 0:
        return values  # compressed: unsigned, or signed already
    if header.is_signed:
        values = values & (span - 1)
        values = np.where(values >= span >> 1, values - span, values)
    return values
