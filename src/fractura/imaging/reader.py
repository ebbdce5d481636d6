"""The one reader of pixels: training, evaluation, detection, the checks and the page all see an image through it.

What it does, in this order:

1. Decode with Pillow: JPEG, PNG, TIFF, BMP or WebP, whatever the file's extension says; HEIC with libheif; DICOM
   through ``fractura.imaging.dicom``, which gives the picture that a viewer shows. A truncated or damaged file is an
   error; missing pixels are never made up.
2. More than 8 bits: take the smallest of 8, 10, 12, 14 and 16 bits that holds the image's brightest value and scale
   linearly by ``255 / (2**bits - 1)``, rounded. Detectors store 10 to 14 bits in 16-bit files; dividing by 65535
   would leave those images almost black, and clipping at 255 (Pillow's ``convert``) almost white. So one image saved
   with 16 full bits and with 8 gives the same picture within 1 grey level.
3. Transparency is dropped: the pixels count as they are stored (no background shows through).
4. Grey becomes three equal channels.
5. EXIF orientation 1 to 8 is applied: boxes are always in pixels of the image as it is displayed.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.dataset import Record
from fractura.core.errors import DataError
from fractura.core.files import refuse_special, unreadable
from fractura.core.memory import not_enough_memory
from fractura.imaging.dicom import (
    DICOM_EXTENSIONS,
    DicomIdentifiers,
    GreyValues,
    ImageFacts,
    dicom_facts,
    dicom_frame,
    dicom_identifiers,
    dicom_object,
    is_dicom,
    read_dicom,
    read_dicom_values,
)
from fractura.imaging.dicom.demographics import Demographics, dicom_demographics
from fractura.imaging.limits import SMALLER
from fractura.imaging.raster import raster_frame, read_raster, read_raster_values

PICTURE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".heic", ".heif", ".hif"})
IMAGE_EXTENSIONS = PICTURE_EXTENSIONS | DICOM_EXTENSIONS
_TEXT_EXTENSIONS = frozenset({".xml", ".txt", ".json", ".csv", ".yaml", ".yml", ".md"})
_DICOM_START = 132
_META_START = 512  # bytes in which a DICOM names its class


@dataclass(frozen=True, eq=False)
class Radiograph:
    """An image as it is displayed.

    Attributes:
        pixels: uint8 ``(h, w, 3)`` RGB, orientation applied, own memory.
        bit_depth: Bits that the stored values use: 8 (or less), or 10, 12, 14, 16 for deeper images.
        exif_orientation: 1 to 8 as the file says; it has been applied already.
        encoded_size: ``(width, height)`` as stored, before the orientation.
        facts: What a DICOM says of the image, nothing that names a person; empty for other files.
    """

    pixels: NDArray[np.uint8]
    bit_depth: int
    exif_orientation: int
    encoded_size: tuple[int, int]
    facts: ImageFacts = field(default_factory=ImageFacts)

    @property
    def width(self) -> int:
        """Pixels, as displayed."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels, as displayed."""
        return int(self.pixels.shape[0])


def read_radiograph(source: Path | bytes, *, name: str | None = None) -> Radiograph:
    """Read an image.

    Args:
        source: A file, or its encoded bytes.
        name: What to call the image in errors; the path by default.

    Raises:
        DataError: The file is missing, truncated, damaged, not a picture, too large, holds several pages or values
            that have no clear grey level, or is a DICOM but not a radiograph.
        NotEnoughMemoryError: Its pixels do not fit into memory.

    Examples:
        >>> black_pixel = io.BytesIO()
        >>> Image.new("L", (3, 2)).save(black_pixel, "PNG")
        >>> read_radiograph(black_pixel.getvalue()).pixels.shape
        (2, 3, 3)
    """
    title = _title(source, name)
    try:
        return _read_radiograph(source, title)
    except MemoryError as error:
        raise not_enough_memory("its pixels", error, file=title, hint=SMALLER) from error


def _read_radiograph(source: Path | bytes, title: str) -> Radiograph:
    data = _bytes_of(source, title)
    if is_dicom(data[:_DICOM_START], title):
        dicom = read_dicom(data, title)
        pixels = dicom.pixels if dicom.pixels.ndim == 3 else np.repeat(dicom.pixels[:, :, None], 3, axis=2)
        stored = int(pixels.shape[1]), int(pixels.shape[0])
        return Radiograph(np.array(pixels, order="C"), dicom.bit_depth, 1, stored, dicom.facts)
    raster = read_raster(data, title)
    return Radiograph(raster.pixels, raster.bit_depth, raster.orientation, raster.encoded_size)


def read_record(record: Record, data: bytes | None = None) -> Radiograph:
    """Read the image of a data set's record.

    Args:
        record: It.
        data: Its encoded bytes, where somebody has read them already.

    Raises:
        DataError: As for ``read_radiograph``; or the image does not have the size that it was labelled at.
    """
    radiograph = read_radiograph(record.read_bytes() if data is None else data, name=record.title)
    refuse_other_size(record, (radiograph.width, radiograph.height))
    return radiograph


def refuse_other_size(record: Record, size: tuple[int, int]) -> None:
    """Refuse an image that was replaced, scaled or turned since it was labelled.

    Args:
        record: What the data set says of it.
        size: Its width and height, as displayed.

    Raises:
        DataError: They differ.
    """
    if size != (record.width, record.height):
        raise DataError(
            f"has {size[0]} x {size[1]} pixels, but its annotation is for {record.width} x {record.height}",
            file=record.title,
            hint="the image was changed after it was labelled: examine the folder with fractura check",
        )


def read_grey_values(source: Path | bytes, *, name: str | None = None) -> GreyValues | None:
    """An image's grey values before they are cut to 8 bits, for viewing it through other windows.

    Args:
        source: A file, or its encoded bytes.
        name: What to call the image in errors; the path by default.

    Returns:
        The values, orientation applied; what their window shows is what ``read_radiograph`` gives (a DICOM's VOI LUT
        apart). None for colour images, and for pictures of 8 bits that are not DICOM.

    Raises:
        DataError: As for ``read_radiograph``.
    """
    title = _title(source, name)
    data = _bytes_of(source, title)
    read = read_dicom_values if is_dicom(data[:_DICOM_START], title) else read_raster_values
    return read(data, title)


def radiograph_size(source: Path | bytes, *, name: str | None = None) -> tuple[int, int]:
    """``(width, height)`` of an image as displayed, from its header alone.

    Raises:
        DataError: The file is missing, not a picture, too large, or its header is damaged. Pixels are not examined: an
            image that is cut off later still has a size.
    """
    return _displayed(_frame(source, name))


def radiograph_size_and_facts(source: Path | bytes, *, name: str | None = None) -> tuple[tuple[int, int], ImageFacts]:
    """``radiograph_size`` and ``radiograph_facts`` of a file that is opened once.

    Raises:
        DataError: As for both.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        if not _starts_dicom(stream, title):
            return _displayed(raster_frame(stream, title)), ImageFacts()
        size = _displayed((*dicom_frame(stream, title), 1))
        return size, dicom_facts(stream, title)


def radiograph_frame(source: Path | bytes, *, name: str | None = None) -> tuple[int, int, int]:
    """``(width, height, EXIF orientation)`` of an image as stored, from its header alone.

    Raises:
        DataError: As for ``radiograph_size``.
    """
    width, height, _, orientation = _frame(source, name)
    return width, height, orientation


def radiograph_channels(source: Path | bytes, *, name: str | None = None) -> int:
    """1 if an image is stored as grey, 3 if as colour (grey shades or not), from its header alone.

    Raises:
        DataError: As for ``radiograph_size``.
    """
    return _frame(source, name)[2]


def radiograph_facts(source: Path | bytes, *, name: str | None = None) -> ImageFacts:
    """What a DICOM says of its image (hashed patient, body part, view, side), from its header alone; else nothing.

    Raises:
        DataError: The file is missing, or a DICOM that is damaged or not a radiograph.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        return dicom_facts(stream, title) if _starts_dicom(stream, title) else ImageFacts()


def radiograph_identifiers(source: Path | bytes, *, name: str | None = None) -> DicomIdentifiers | None:
    """The numbers by which an archive finds the image again: for those who ask for them, see ``dicom_identifiers``.

    Returns:
        None for an image that is not DICOM.

    Raises:
        DataError: The file is missing, or a DICOM that is damaged.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        return dicom_identifiers(stream, title) if _starts_dicom(stream, title) else None


def radiograph_demographics(source: Path | bytes, *, name: str | None = None) -> Demographics:
    """Age and sex in the header of a DICOM, for tables that count people; of any other image nothing.

    Raises:
        DataError: The file is missing, or a DICOM that is damaged.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        return dicom_demographics(stream, title) if _starts_dicom(stream, title) else Demographics()


def is_image_file(path: Path) -> bool:
    """True if a file in a folder is an image, see ``kind_of_other``."""
    return kind_of_other(path) is None


def kind_of_other(path: Path) -> str | None:
    """What a file in a folder is called that is not an image; None if it is one.

    Pictures are known by their extension; DICOM by its content, as archives give it any extension or none (IM000001,
    1.2.840.113619.2.1, X.IMA). What a medium or an archive keeps beside the images is not one: directories, reports,
    presentation states, documents.

    Returns:
        ``DICOM structured report`` and the like, or the extension, or the name of a file without one.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURE_EXTENSIONS:
        return None
    other = suffix or path.name
    if suffix in _TEXT_EXTENSIONS:
        return other
    try:
        with path.open("rb") as stream:
            start = stream.read(_META_START)
    except OSError:  # reported where the image is read
        return None if suffix in DICOM_EXTENSIONS else other
    if not is_dicom(start, path.name):
        return None if suffix in DICOM_EXTENSIONS else other
    kind = dicom_object(start)
    return None if kind is None else f"DICOM {kind}"


def is_dicom_file(path: Path) -> bool:
    """True if a file is DICOM, judged by its content; False if it cannot be opened."""
    try:
        with path.open("rb") as stream:
            return is_dicom(stream.read(_DICOM_START), path.name)
    except OSError:
        return False


def shareable_picture(data: bytes, name: str) -> bytes:
    """An image's bytes to hand on: a DICOM becomes a PNG of what is displayed, as its header names the patient.

    Raises:
        DataError: It is a DICOM and cannot be read.
    """
    if not is_dicom(data[:_DICOM_START], name):
        return data
    stream = io.BytesIO()
    Image.fromarray(read_dicom(data, name).pixels).save(stream, "PNG")
    return stream.getvalue()


def _frame(source: Path | bytes, name: str | None) -> tuple[int, int, int, int]:
    """Width, height, channels and EXIF orientation as stored."""
    title = _title(source, name)
    with _stream(source, title) as stream:
        if _starts_dicom(stream, title):
            return *dicom_frame(stream, title), 1
        return raster_frame(stream, title)


def _displayed(frame: tuple[int, int, int, int]) -> tuple[int, int]:
    width, height, _, orientation = frame
    return (height, width) if orientation >= 5 else (width, height)


@contextmanager
def _stream(source: Path | bytes, title: str) -> Iterator[BinaryIO]:
    """The image as a file; a failure to open or read it becomes a DataError."""
    try:
        if not isinstance(source, bytes):
            refuse_special(Path(source))
        with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as stream:
            yield stream
    except OSError as error:
        raise unreadable(error, title) from error


def _starts_dicom(stream: BinaryIO, title: str) -> bool:
    start = stream.read(_DICOM_START)
    stream.seek(0)
    return is_dicom(start, title)


def _title(source: Path | bytes, name: str | None) -> str:
    if name is not None:
        return name
    return f"picture of {len(source)} bytes" if isinstance(source, bytes) else str(source)


def _bytes_of(source: Path | bytes, title: str) -> bytes:
    with _stream(source, title) as stream:
        return stream.read()
