"""Pillow images and arrays as pixels for a model, through the one reader of pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.errors import DataError, UsageError
from fractura.imaging.reader import read_radiograph

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def pixels_of(image: Image.Image | NDArray[Any]) -> NDArray[np.uint8]:
    """The pixels that ``read_radiograph`` would give for a file of this image: uint8 ``(h, w, 3)``.

    Args:
        image: A Pillow image (its EXIF orientation is applied), or an array: uint8 or uint16 ``(h, w)``, or uint8
            ``(h, w, 3)`` RGB.

    Raises:
        UsageError: The array has another shape or type.
        DataError: The image has grey levels without a defined black and white.
        TypeError: It is neither.

    Examples:
        >>> pixels_of(np.full((2, 3), 4095, np.uint16))[0, 0]
        array([255, 255, 255], dtype=uint8)
    """
    if isinstance(image, np.ndarray):
        return _pixels_of_array(image)
    if isinstance(image, Image.Image):
        return _pixels_of_picture(image)
    raise TypeError(f"an image is a path, a Pillow image or an array, not {type(image).__name__}")


def _pixels_of_array(image: NDArray[Any]) -> NDArray[np.uint8]:
    if image.size and image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return np.array(image, order="C")
    if image.size and image.dtype in (np.uint8, np.uint16) and image.ndim == 2:
        return _pixels_of_picture(Image.fromarray(np.ascontiguousarray(image)))
    raise UsageError(
        f"an image is uint8 or uint16 (h, w), or uint8 (h, w, 3), not {image.dtype} {image.shape}",
        hint="scale grey levels to 0..255 and convert them to uint8",
    )


def _pixels_of_picture(picture: Image.Image) -> NDArray[np.uint8]:
    picture.load()
    orientation = picture.getexif()
    if picture.mode == "F":
        raise DataError(
            "holds floating-point grey levels, whose black and white are not defined",
            hint="convert it to 8 or 16 bits",
        )
    if picture.mode.startswith("I"):
        if getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            raise DataError("is a TIFF whose zero is white, which Pillow does not apply", hint="give its path instead")
        levels = np.asarray(picture)
        if levels.min() < 0 or levels.max() > np.iinfo(np.uint16).max:
            raise DataError("holds grey levels outside 0 to 65535", hint="convert it to 8 or 16 bits")
        picture = Image.fromarray(levels.astype(np.uint16))
    elif picture.mode not in _PNG_MODES:
        picture = picture.convert("RGB")
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=0, exif=orientation)
    return read_radiograph(stream.getvalue(), name="image").pixels
