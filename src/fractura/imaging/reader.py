"""The one reader of pixels: training, evaluation, detection, the checks and the page all see an image through it.

What it does, in this order:

1. Decode with Pillow: JPEG, PNG, TIFF or BMP, whatever the file's extension says; DICOM through
   ``fractura.imaging.dicom``, which gives the picture that a viewer shows. A truncated or damaged file is an error;
   missing pixels are never made up.
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
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.errors import DataError
from fractura.imaging.dicom import (
    DICOM_EXTENSIONS,
    GreyValues,
    ImageFacts,
    Window,
    dicom_facts,
    dicom_frame,
    is_dicom,
    read_dicom,
    read_dicom_values,
)

IMAGE_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"}) | DICOM_EXTENSIONS
MAXIMUM_PIXELS = 89_478_485  # Pillow's own line for a decompression bomb: a 3-channel picture of 256 MiB.

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP")
_READABLE = "JPEG, PNG, TIFF, BMP or DICOM"
_BIT_DEPTHS = (8, 10, 12, 14, 16)
_ORIENTATION = 0x0112
_DICOM_START = 132
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_PHOTOMETRIC = 256, 257, 258, 262
_DAMAGED = "save the image again from its source, or leave it out"
_TURN = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}
# What Pillow's decoders raise on damaged files, found by feeding them such files.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    EOFError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


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
        DataError: The file is missing, truncated, damaged, no picture, too large, holds several pages or values
            that have no clear grey level, or is a DICOM but no radiograph.
    """
    title = _title(source, name)
    data = source if isinstance(source, bytes) else _read_bytes(Path(source), title)
    if is_dicom(data[:_DICOM_START], title):
        dicom = read_dicom(data, title, MAXIMUM_PIXELS)
        pixels = dicom.pixels if dicom.pixels.ndim == 3 else np.repeat(dicom.pixels[:, :, None], 3, axis=2)
        stored = int(pixels.shape[1]), int(pixels.shape[0])
        return Radiograph(np.array(pixels, order="C"), dicom.bit_depth, 1, stored, dicom.facts)
    with _opened(io.BytesIO(data), title) as image:
        orientation, encoded = _orientation(image), _encoded_size(image)
        stored_bits = _stored_bits(image, data)
        inverted = _is_inverted_deep_tiff(image)
        image.load()
        left = _valid_orientation(image.getexif().get(_ORIENTATION))  # Pillow turns TIFF itself and drops the tag
        if image.mode.startswith("I") or image.mode == "F":
            grey, bit_depth = _to_eight_bits(np.asarray(image), title, inverted=inverted)
            pixels = np.repeat(grey[:, :, None], 3, axis=2)
        else:
            pixels, bit_depth = np.asarray(image.convert("RGB")), 8
            if stored_bits > 8:
                _refuse_dark_colour(pixels, title)
                bit_depth = 16
        turned = _TURN[left](pixels)
    return Radiograph(np.array(turned, dtype=np.uint8, order="C"), bit_depth, orientation, encoded)


def read_grey_values(source: Path | bytes, *, name: str | None = None) -> GreyValues | None:
    """An image's grey values before they are cut to 8 bits, for looking at it through other windows.

    Args:
        source: A file, or its encoded bytes.
        name: What to call the image in errors; the path by default.

    Returns:
        The values, orientation applied; what their window shows is what ``read_radiograph`` gives (a DICOM's VOI LUT
        apart). None for colour images, and pictures of 8 bits that are no DICOM.

    Raises:
        DataError: As for ``read_radiograph``.
    """
    title = _title(source, name)
    data = source if isinstance(source, bytes) else _read_bytes(Path(source), title)
    if is_dicom(data[:_DICOM_START], title):
        return read_dicom_values(data, title, MAXIMUM_PIXELS)
    with _opened(io.BytesIO(data), title) as image:
        inverted = _is_inverted_deep_tiff(image)
        image.load()
        if not (image.mode.startswith("I") or image.mode == "F"):
            return None
        stored = np.asarray(image)
        white = (1 << _to_eight_bits(stored, title, inverted=inverted)[1]) - 1
        turned = _TURN[_valid_orientation(image.getexif().get(_ORIENTATION))](stored)
    values = np.arange(white + 1, dtype=np.float64)
    return GreyValues(turned.astype(np.int32), values, Window(white / 2, white, "LINEAR_EXACT"), inverted)


def radiograph_size(source: Path | bytes, *, name: str | None = None) -> tuple[int, int]:
    """``(width, height)`` of an image as displayed, from its header alone.

    Raises:
        DataError: The file is missing, no picture, too large or its header is damaged. Pixels are not examined: a
            image that is cut off later still has a size.
    """
    width, height, orientation = radiograph_frame(source, name=name)
    return (height, width) if orientation >= 5 else (width, height)


def radiograph_frame(source: Path | bytes, *, name: str | None = None) -> tuple[int, int, int]:
    """``(width, height, EXIF orientation)`` of an image as stored, from its header alone.

    Raises:
        DataError: As for ``radiograph_size``.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        if _starts_dicom(stream, title):
            width, height, _ = dicom_frame(stream, title, MAXIMUM_PIXELS)
            return width, height, 1
        with _opened(stream, title) as image:
            return *_encoded_size(image), _orientation(image)


def radiograph_channels(source: Path | bytes, *, name: str | None = None) -> int:
    """1 if an image is stored as grey, 3 if as colour (grey shades or not), from its header alone.

    Raises:
        DataError: As for ``radiograph_size``.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        if _starts_dicom(stream, title):
            return dicom_frame(stream, title, MAXIMUM_PIXELS)[2]
        with _opened(stream, title) as image:
            return 1 if image.mode in ("1", "L", "LA", "F") or image.mode.startswith("I") else 3


def radiograph_facts(source: Path | bytes, *, name: str | None = None) -> ImageFacts:
    """What a DICOM says of its image (hashed patient, body part, view, side), from its header alone; else nothing.

    Raises:
        DataError: The file is missing, or a DICOM that is damaged or no radiograph.
    """
    title = _title(source, name)
    with _stream(source, title) as stream:
        return dicom_facts(stream, title, MAXIMUM_PIXELS) if _starts_dicom(stream, title) else ImageFacts()


def is_image_file(path: Path) -> bool:
    """True if a file in a folder is an image: by its extension; archives name DICOM files without one."""
    if path.suffix.lower() in IMAGE_EXTENSIONS:
        return True
    # Such as IM000001, or 1.2.840.113619.2.1
    return (not path.suffix or path.suffix[1:].isdigit()) and is_dicom_file(path)


def is_dicom_file(path: Path) -> bool:
    """True if a file is DICOM, told by its content; False if it cannot be opened."""
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
    image = read_dicom(data, name, MAXIMUM_PIXELS)
    stream = io.BytesIO()
    Image.fromarray(image.pixels).save(stream, "PNG")
    return stream.getvalue()


@contextmanager
def _stream(source: Path | bytes, title: str) -> Iterator[BinaryIO]:
    """The image as a file; what is wrong with opening or reading it becomes a DataError."""
    try:
        with io.BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb") as stream:
            yield stream
    except OSError as error:
        raise _cannot_open(error, title) from error


def _starts_dicom(stream: BinaryIO, title: str) -> bool:
    start = stream.read(_DICOM_START)
    stream.seek(0)
    return is_dicom(start, title)


def _title(source: Path | bytes, name: str | None) -> str:
    if name is not None:
        return name
    return f"picture of {len(source)} bytes" if isinstance(source, bytes) else str(source)


def _read_bytes(path: Path, title: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _cannot_open(error, title) from error


def _cannot_open(error: OSError, title: str) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("there is no such file", file=title, hint="check the path and the spelling")
    if isinstance(error, IsADirectoryError):
        return DataError("is a folder, not an image", file=title, hint=f"give a file: {_READABLE}")
    return DataError(f"cannot be opened: {error.strerror or error}", file=title, hint="check that you may read it")


@contextmanager
def _opened(stream: BinaryIO, title: str) -> Iterator[Image.Image]:
    """The picture in ``stream``; whatever the decoder raises, then or later, becomes a DataError."""
    try:
        with Image.open(stream, formats=_FORMATS) as image:
            _refuse_shape(image, title)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(title) from error
    except Image.UnidentifiedImageError as error:
        empty = "is empty" if stream.seek(0, io.SEEK_END) == 0 else f"is not a readable {_READABLE} picture"
        raise DataError(empty, file=title, hint=f"save the image as {_READABLE}, or leave the file out") from error
    except _DECODER_ERRORS as error:
        text = str(error) or type(error).__name__
        problem = "is cut off" if "truncated" in text.lower() else "is damaged"
        raise DataError(f"{problem} and cannot be read ({text})", file=title, hint=_DAMAGED) from error


def _refuse_shape(image: Image.Image, title: str) -> None:
    if min(image.size) < 1:
        raise DataError("has no pixels", file=title, hint=_DAMAGED)
    if image.size[0] * image.size[1] > MAXIMUM_PIXELS:
        raise _too_large(title)
    pages = getattr(image, "n_frames", 1)
    # Only TIFF pages are images of their own; the further pictures of a JPEG are previews.
    if image.format == "TIFF" and pages > 1:
        raise DataError(f"holds {pages} pages", file=title, hint="save each page as an image of its own")


def _too_large(title: str) -> DataError:
    return DataError(
        f"claims more than {MAXIMUM_PIXELS / 1e6:.0f} million pixels",
        file=title,
        hint="an image this large is most likely damaged; if it is real, scale it down first",
    )


def _valid_orientation(value: object) -> int:
    """``value`` as an orientation; viewers treat anything but 1 to 8 as upright, and so do we."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info and not _png_may_hold_exif(image):
        return 1  # getexif() would decode the whole image to look behind the pixels
    return _valid_orientation(image.getexif().get(_ORIENTATION))


def _png_may_hold_exif(image: Image.Image) -> bool:
    """Walk the chunk headers: EXIF sits in ``eXIf``, or in text chunks that older programs wrote."""
    stream: BinaryIO | None = getattr(image, "fp", None)
    if stream is None:
        return True
    before = stream.tell()
    try:
        stream.seek(8)
        while len(header := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", header)
            if kind in (b"eXIf", b"tEXt", b"zTXt", b"iTXt"):
                return True
            if kind == b"IEND":
                return False
            stream.seek(length + 4, io.SEEK_CUR)
        return False
    finally:
        stream.seek(before)


def _encoded_size(image: Image.Image) -> tuple[int, int]:
    tags = getattr(image, "tag_v2", None)
    if tags is not None and _TIFF_WIDTH in tags:  # newer Pillow gives a TIFF's size as displayed
        return int(tags[_TIFF_WIDTH]), int(tags[_TIFF_HEIGHT])
    return image.size


def _stored_bits(image: Image.Image, data: bytes) -> int:
    """Bits per value in the file; Pillow cuts 16-bit colour down to 8 without a word."""
    if image.format == "PNG" and len(data) > 24:
        return data[24]
    bits = getattr(image, "tag_v2", {}).get(_TIFF_BITS, 8)
    return int(max(bits) if isinstance(bits, tuple) else bits)


def _is_inverted_deep_tiff(image: Image.Image) -> bool:
    """True for WhiteIsZero with more than 8 bits; Pillow inverts such images with 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return image.mode.startswith("I") and tags.get(_TIFF_PHOTOMETRIC, 1) == 0


def _to_eight_bits(values: np.ndarray, title: str, *, inverted: bool) -> tuple[NDArray[np.uint8], int]:
    """Scale deep grey values, ``(h, w)``, to uint8; returns them with the bits they use."""
    if values.dtype.kind == "f":
        raise DataError(
            "holds floating-point grey levels, whose black and white are not defined",
            file=title,
            hint="save it with 8 or 16 bits",
        )
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest >= 1 << _BIT_DEPTHS[-1]:
        raise DataError(
            f"holds grey levels from {lowest} to {highest}; they must lie in 0 to 65535",
            file=title,
            hint="save it with 8 or 16 bits, without a sign",
        )
    bits = next(bits for bits in _BIT_DEPTHS if highest < 1 << bits)
    white = (1 << bits) - 1
    steps = np.arange(white + 1, dtype=np.float64) * (255 / white)
    table = np.floor(steps + 0.5).astype(np.uint8)
    return (table[::-1] if inverted else table)[values], bits


def _refuse_dark_colour(pixels: np.ndarray, title: str) -> None:
    """Refuse 16-bit colour images that use 14 bits or fewer: only the high bytes are here, they would be near black."""
    if int(pixels.max()) < 64:
        raise DataError(
            "is a colour image of 16 bits that uses only the low ones, and its fine grey levels would be lost",
            file=title,
            hint="save it as a grey image of 16 bits, or as colour of 8",
        )
