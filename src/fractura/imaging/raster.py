"""JPEG, PNG, TIFF, BMP and WebP through Pillow, HEIC through libheif; silent conversions are undone or refused.

Pillow cuts 16-bit colour down to 8 bits, clips deep grey at 255, and inverts WhiteIsZero images of 8 bits only; what
its decoders raise on damaged files is whatever their authors thought of. All of that is dealt with here.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from fractura.core.errors import DataError
from fractura.core.memory import is_out_of_memory, not_enough_memory
from fractura.imaging.dicom.header import Window
from fractura.imaging.dicom.windowing import GreyValues
from fractura.imaging.headers import image_kind, png_may_hold_exif
from fractura.imaging.heic import heic_image
from fractura.imaging.limits import BIT_DEPTHS, SMALLER, bit_depth_of, refuse_huge, too_large

READABLE = "JPEG, PNG, TIFF, BMP, WebP, HEIC or DICOM"

# Pillow warns of what ``refuse_huge`` refuses.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, module=r"PIL\.Image")
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_PAGED = ("TIFF", "WEBP")  # each page is an image of its own; the further pictures of a JPEG or HEIC are previews
_KIND_BYTES = 16
_ORIENTATION = 0x0112
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_PHOTOMETRIC = 256, 257, 258, 262
_BYTES_PER_PIXEL = 12  # decoded, as RGB, turned, and what a decoder holds besides
_DAMAGED = "save the image again from its source, or leave it out"
_TURN: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
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
    AssertionError,  # of Pillow's reader of PNG
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
class RasterImage:
    """A decoded image.

    Attributes:
        pixels: uint8 ``(h, w, 3)`` RGB, orientation applied.
        bit_depth: Bits that the stored values use.
        orientation: EXIF orientation, 1 to 8; it has been applied already.
        encoded_size: ``(width, height)`` as stored.
    """

    pixels: NDArray[np.uint8]
    bit_depth: int
    orientation: int
    encoded_size: tuple[int, int]


def upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Pixels as stored, ``(h, w, …)``, to pixels as displayed, in their own memory.

    >>> upright(np.array([[1, 2]]), 6).tolist()
    [[1], [2]]

    Args:
        stored: As the decoder gives them.
        orientation: EXIF orientation, 1 to 8.
    """
    return np.array(_TURN[orientation](stored), order="C")


def read_raster(data: bytes, title: str) -> RasterImage:
    """Decode an image.

    Raises:
        DataError: It is not a picture, cut off, damaged, too large, or its grey levels are not defined.
    """
    with _opened(io.BytesIO(data), title) as image:
        orientation, encoded_size = _orientation(image), _encoded_size(image)
        stored_bits, inverted = _stored_bits(image, data), _is_inverted_deep_tiff(image)
        image.load()
        left = _valid_orientation(image.getexif().get(_ORIENTATION))  # Pillow turns TIFF itself and drops the tag
        if _is_deep(image):
            grey, bit_depth = _to_eight_bits(np.asarray(image), title, inverted=inverted)
            pixels = np.repeat(grey[:, :, None], 3, axis=2)
        else:
            pixels, bit_depth = np.asarray(image.convert("RGB")), 8
            if stored_bits > 8:
                _refuse_dark_colour(pixels, title)
                bit_depth = 16
        displayed = upright(pixels, left)
    return RasterImage(displayed, bit_depth, orientation, encoded_size)


def read_raster_values(data: bytes, title: str) -> GreyValues | None:
    """The grey values of an image of more than 8 bits, orientation applied; None for any other image.

    Raises:
        DataError: As for ``read_raster``.
    """
    with _opened(io.BytesIO(data), title) as image:
        inverted = _is_inverted_deep_tiff(image)
        image.load()
        if not _is_deep(image):
            return None
        stored = np.asarray(image)
        white = (1 << _to_eight_bits(stored, title, inverted=inverted)[1]) - 1
        turned = _TURN[_valid_orientation(image.getexif().get(_ORIENTATION))](stored)
    values = np.arange(white + 1, dtype=np.float64)
    return GreyValues(turned.astype(np.int32), values, Window(white / 2, white, "LINEAR_EXACT"), inverted)


def raster_frame(stream: BinaryIO, title: str) -> tuple[int, int, int, int]:
    """``(width, height, channels, EXIF orientation)`` as stored, from the header alone; 1 channel is grey, 3 colour.

    Raises:
        DataError: It is not a picture, too large, or its header is damaged.
    """
    with _opened(stream, title) as image:
        channels = 1 if image.mode in ("1", "L", "LA") or _is_deep(image) else 3
        return *_encoded_size(image), channels, _orientation(image)


@contextmanager
def _opened(stream: BinaryIO, title: str) -> Iterator[Image.Image]:
    """The picture in ``stream``; whatever the decoder raises, now or later, becomes a DataError."""
    try:
        with _image(stream, title) as image:
            _refuse_shape(image, title)
            yield image
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_large(title) from error
    except UnidentifiedImageError as error:
        empty = "is empty" if stream.seek(0, io.SEEK_END) == 0 else f"is not a readable {READABLE} picture"
        raise DataError(empty, file=title, hint=f"save the image as {READABLE}, or leave the file out") from error
    except _DECODER_ERRORS as error:
        if is_out_of_memory(error) and not _has_room(stream):
            raise not_enough_memory("its pixels", error, file=title, hint=SMALLER) from error
        text = str(error) or type(error).__name__
        problem = "is cut off" if "truncated" in text.lower() else "is damaged"
        raise DataError(f"{problem} and cannot be read ({text})", file=title, hint=_DAMAGED) from error


def _has_room(stream: BinaryIO) -> bool:
    """True if memory is there for the picture's pixels, so that what failed to get some asked for too much of it."""
    try:
        stream.seek(0)
        with Image.open(stream, formats=_FORMATS) as image:
            np.empty(image.width * image.height * _BYTES_PER_PIXEL, np.uint8)
    except MemoryError:
        return False
    except _DECODER_ERRORS:
        return True
    return True


def _image(stream: BinaryIO, title: str) -> Image.Image:
    """The picture with its header read, by what the file holds, whatever its name says."""
    kind = image_kind(stream.read(_KIND_BYTES))
    stream.seek(0)
    return heic_image(stream, title) if kind == "heic" else Image.open(stream, formats=_FORMATS)


def _refuse_shape(image: Image.Image, title: str) -> None:
    if min(image.size) < 1:
        raise DataError("has no pixels", file=title, hint=_DAMAGED)
    refuse_huge(*image.size, title)
    pages = getattr(image, "n_frames", 1)
    if image.format in _PAGED and pages > 1:
        raise DataError(f"holds {pages} pages", file=title, hint="save each page as an image of its own")


def _is_deep(image: Image.Image) -> bool:
    """True for grey values of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def _valid_orientation(value: object) -> int:
    """``value`` as an orientation; viewers treat anything but 1 to 8 as upright, and so do we."""
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        stream: BinaryIO | None = getattr(image, "fp", None)
        if stream is not None and not png_may_hold_exif(stream):
            return 1  # getexif() would decode the whole image to see what follows the pixels
    return _valid_orientation(image.getexif().get(_ORIENTATION))


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


def _to_eight_bits(values: NDArray[Any], title: str, *, inverted: bool) -> tuple[NDArray[np.uint8], int]:
    """Scale deep grey values, ``(h, w)``, to uint8; returns them with the bits they use."""
    if values.dtype.kind == "f":
        raise DataError(
            "holds floating-point grey levels, whose black and white are not defined",
            file=title,
            hint="save it with 8 or 16 bits",
        )
    lowest, highest = int(values.min()), int(values.max())
    if lowest < 0 or highest >= 1 << BIT_DEPTHS[-1]:
        raise DataError(
            f"holds grey levels from {lowest} to {highest}; they must lie in 0 to 65535",
            file=title,
            hint="save it with 8 or 16 bits, without a sign",
        )
    bits = bit_depth_of(highest)
    white = (1 << bits) - 1
    steps = np.arange(white + 1, dtype=np.float64) * (255 / white)
    table = np.floor(steps + 0.5).astype(np.uint8)
    return (table[::-1] if inverted else table)[values], bits


def _refuse_dark_colour(pixels: NDArray[np.uint8], title: str) -> None:
    """Refuse 16-bit colour images that use 14 bits or fewer: only the high bytes are here, they would be near black."""
    if int(pixels.max()) < 64:
        raise DataError(
            "is a colour image of 16 bits that uses only the low ones, and its fine grey levels would be lost",
            file=title,
            hint="save it as a grey image of 16 bits, or as colour of 8",
        )
