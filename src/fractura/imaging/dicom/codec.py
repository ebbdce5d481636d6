"""Stored values out of packed pixels. Each transfer syntax has its decoder, chosen for how it takes damaged data.

RLE: pydicom. JPEG and JPEG 2000: Pillow. JPEG-LS (CharLS), JPEG Lossless and JPEG of 12 bits (GDCM): in a process of
their own. Where these refuse a picture, GDCM tries it, too. Before any of them sees it, the compressed picture must go
on to its end, which none of them makes sure of, and claim the size of the header.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import DataError
from fractura.imaging.dicom.decoder_process import decode_apart
from fractura.imaging.dicom.decoder_worker import JPEG_LS
from fractura.imaging.dicom.header import DicomHeader
from fractura.imaging.dicom.pixel_data import PixelData, encapsulated
from fractura.imaging.dicom.source import DICOM_ERRORS, damaged, decoding_quietly
from fractura.imaging.headers import codestream_frame, whole_jpeg, whole_jpeg_2000

_NATIVE = {"1.2.840.10008.1.2": "<", "1.2.840.10008.1.2.1": "<", "1.2.840.10008.1.2.2": ">"}
_RLE = "1.2.840.10008.1.2.5"
_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
_JPEG_2000 = {"1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"}
_JPEG_LOSSLESS = {"1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"}
_AGAIN = "save it again from the archive, or leave it out"
_READ = "uncompressed, RLE, JPEG, JPEG Lossless, JPEG-LS and JPEG 2000"


def decode_first_frame(packed: PixelData, header: DicomHeader, title: str) -> NDArray[Any]:
    """The first frame.

    Args:
        packed: The Pixel Data element.
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
        values = _run_lengths(packed, header, title)
    elif header.syntax in _JPEG | _JPEG_2000 | _JPEG_LOSSLESS | JPEG_LS:
        values = _compressed(packed, header, title)
    else:
        from pydicom._uid_dict import UID_dictionary

        named = UID_dictionary[header.syntax][0] if header.syntax in UID_dictionary else "one that DICOM does not list"
        raise DataError(
            f"is a DICOM in a transfer syntax that is not read: {named}",
            file=title,
            hint=f"export it from the archive as one of these: {_READ}",
        )
    if header.samples == 1:
        return _stored_bits(values.astype(np.int32), header)
    if header.bits_allocated == 8:
        return np.ascontiguousarray(values, dtype=np.uint8)
    values = _stored_bits(values.astype(np.int32), header)
    return np.ascontiguousarray(np.rint(values * (255 / ((1 << header.bits_stored) - 1))), dtype=np.uint8)


def _native(packed: PixelData, header: DicomHeader, title: str) -> NDArray[Any]:
    """Uncompressed values; the frame is the start of the element."""
    if packed.fragments:
        raise damaged(title, "its pixels are compressed, though it says that they are not")
    order = _NATIVE[header.syntax]
    value = packed.value
    if header.bits_allocated == 8 and packed.are_words and order == ">":
        value = np.frombuffer(value[: len(value) // 2 * 2], dtype=">u2").astype("<u2").tobytes()
    if header.photometric == "YBR_FULL_422":
        return _pydicom(value, header, title, "")
    kind = np.dtype("u1" if header.bits_allocated == 8 else f"{order}u2")
    count = header.height * header.width * header.samples
    if len(value) < count * kind.itemsize:
        raise DataError(
            f"is cut off: it holds {len(value)} of the {count * kind.itemsize} bytes of its pixels",
            file=title,
            hint=_AGAIN,
        )
    if header.samples == 3 and header.photometric != "RGB":
        return _pydicom(value, header, title, "")
    values = np.frombuffer(value, dtype=kind, count=count)
    if header.samples == 3 and header.planar == 1:
        return values.reshape(3, header.height, header.width).transpose(1, 2, 0)
    return values.reshape(_shape(header))


def _run_lengths(packed: PixelData, header: DicomHeader, title: str) -> NDArray[Any]:
    frame = packed.first_frame(header.frames)
    if packed.is_cut and header.frames == 1:
        raise _cut_off(title)
    return _pydicom(encapsulated(frame), header, title, "pydicom", frames=1)


def _compressed(packed: PixelData, header: DicomHeader, title: str) -> NDArray[Any]:
    frame = packed.first_frame(header.frames)
    claimed = codestream_frame(frame)
    if claimed is None:
        raise _cut_off(title) if packed.is_cut else damaged(title, "its pixels are not compressed as it says")
    if (claimed.width, claimed.height, claimed.samples) != (header.width, header.height, header.samples):
        raise damaged(
            title, f"its pixels claim {claimed.width}x{claimed.height}, its header {header.width}x{header.height}"
        )
    if claimed.bits > header.bits_allocated:
        raise damaged(title, f"its pixels claim {claimed.bits} bits, its header {header.bits_allocated}")
    whole = whole_jpeg_2000(frame) if header.syntax in _JPEG_2000 else whole_jpeg(frame)
    if whole is None:
        raise _cut_off(title)
    if header.syntax in _JPEG and header.samples == 3 and claimed.bits > 8:
        raise DataError(
            f"is a DICOM with a lossy JPEG in colour of {claimed.bits} bits, which is not read",
            file=title,
            hint="export it from the archive as JPEG Lossless, JPEG 2000 or uncompressed",
        )
    if header.syntax in _JPEG_2000 or (header.syntax in _JPEG and claimed.bits <= 8):
        try:
            return _pydicom(encapsulated(whole), header, title, "pillow", frames=1)
        except DataError:
            if header.samples == 3 and header.syntax in _JPEG:  # GDCM would take its colours for RGB
                raise
    values = decode_apart(whole, header.syntax, header.width, header.height, header.samples, claimed.bits)
    if values is None:
        raise damaged(title, "its pixels cannot be unpacked")
    return np.frombuffer(values, dtype="u1" if claimed.bits <= 8 else "<u2").reshape(_shape(header))


def _cut_off(title: str) -> DataError:
    return DataError("is cut off: the end of its pixels is missing", file=title, hint=_AGAIN)


def _shape(header: DicomHeader) -> tuple[int, ...]:
    return (header.height, header.width) if header.samples == 1 else (header.height, header.width, 3)


def _pydicom(packed: bytes, header: DicomHeader, title: str, plugin: str, frames: int | None = None) -> NDArray[Any]:
    """The first frame through pydicom's decoders; colours come as RGB."""
    from pydicom.pixels.decoders.base import get_decoder

    options: dict[str, Any] = {
        "rows": header.height,
        "columns": header.width,
        "number_of_frames": header.frames if frames is None else frames,
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
