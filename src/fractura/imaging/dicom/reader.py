"""A DICOM radiograph: its picture, its size, and what it says of the image."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import DataError
from fractura.imaging.dicom.codec import decode_first_frame
from fractura.imaging.dicom.facts import ImageFacts
from fractura.imaging.dicom.header import DicomHeader, read_header
from fractura.imaging.dicom.pixel_data import read_pixel_data
from fractura.imaging.dicom.source import DICOM_ERRORS, damaged, parse_dicom, parsing_quietly
from fractura.imaging.dicom.windowing import GreyValues, displayed, grey_values

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True, eq=False)
class DicomImage:
    """An image as a viewer shows it.

    Attributes:
        pixels: uint8 ``(h, w)`` grey, or ``(h, w, 3)`` RGB where it is stored in colour.
        bit_depth: Bits that the stored values use.
        facts: What else it says.
    """

    pixels: NDArray[np.uint8]
    bit_depth: int
    facts: ImageFacts


def read_dicom(data: bytes, title: str) -> DicomImage:
    """Decode the first frame of a DICOM radiograph and show it.

    Of a file with several frames the first one is the image, always: boxes belong to one picture, and the first frame
    is what a viewer opens with. ``facts.frames`` says how many there are.

    Args:
        data: The file's bytes.
        title: What to call the image in errors.

    Raises:
        DataError: Not a radiograph, cut off, damaged, too large, or packed in a way that is not read.
    """
    stored, header = _decoded(data, title)
    if header.samples == 3:
        return DicomImage(255 - stored if header.inverted else stored, 8, header.facts)
    grey, bits = displayed(stored, header, title)
    return DicomImage(grey, bits, header.facts)


def read_dicom_values(data: bytes, title: str) -> GreyValues | None:
    """The image of ``read_dicom`` before its window; None where it is stored in colour.

    Raises:
        DataError: As for ``read_dicom``.
    """
    stored, header = _decoded(data, title)
    return None if header.samples == 3 else grey_values(stored, header)


def _decoded(data: bytes, title: str) -> tuple[NDArray[Any], DicomHeader]:
    with parsing_quietly():
        stream = io.BytesIO(data)
        header = _header(parse_dicom(stream, title), title)
        packed = read_pixel_data(data, stream.tell())
    if packed is None:
        raise DataError("is a DICOM without pixels", file=title, hint="save it again from the archive, or leave it out")
    return decode_first_frame(packed, header, title), header  # takes long: other threads decode at the same time


def dicom_frame(stream: BinaryIO, title: str) -> tuple[int, int, int]:
    """``(width, height, values a pixel)`` from the header alone.

    Raises:
        DataError: As for ``read_dicom``, as far as the header shows it.
    """
    with parsing_quietly():
        header = _header(parse_dicom(stream, title), title)
    return header.width, header.height, header.samples


def dicom_facts(stream: BinaryIO, title: str) -> ImageFacts:
    """What the header says of the image.

    Raises:
        DataError: As for ``dicom_frame``.
    """
    with parsing_quietly():
        return _header(parse_dicom(stream, title), title).facts


def _header(dataset: Dataset, title: str) -> DicomHeader:
    try:
        return read_header(dataset, title)
    except DataError:
        raise
    except DICOM_ERRORS:
        raise damaged(title, "its header cannot be read") from None
