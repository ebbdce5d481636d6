"""Images as PNG for the browser, through the one reader of pixels; images with more than 8 bits through any window."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.errors import DataError
from fractura.imaging.dicom import GreyValues
from fractura.imaging.reader import Radiograph, radiograph_size, read_grey_values, read_radiograph
from fractura.web.errors import WebError
from fractura.web.settings import WebSettings
from fractura.web.uploads import ImageSource

Kept = TypeVar("Kept")
_IMAGES_KEPT = 4
_QUICK = 1


@dataclass(frozen=True)
class Rendering:
    """How an image is to be shown.

    Attributes:
        centre: Of the window; None for the image's own.
        width: Of the window.
        side: Longest side in pixels; None for full size.
    """

    centre: float | None = None
    width: float | None = None
    side: int | None = None


class PictureShelf:
    """Renders images and keeps the last few decoded ones, for the next window of the same image.

    Args:
        settings: The limits on images.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._images: OrderedDict[Hashable, Radiograph] = OrderedDict()
        self._values: OrderedDict[Hashable, GreyValues | None] = OrderedDict()

    def image(self, source: ImageSource) -> Radiograph:
        """An image, decoded.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        return self._kept(self._images, source, lambda: read_within_limits(source.source, source.name, self._settings))

    def grey_values(self, source: ImageSource) -> GreyValues | None:
        """Its grey values for any window; None where the image has no more than the browser can show.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        self.image(source)  # within the limits, and readable
        return self._kept(self._values, source, lambda: read_grey_values(source.source, name=source.name))

    def png(self, source: ImageSource, rendering: Rendering) -> bytes:
        """An image as PNG.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        if rendering.centre is None or rendering.width is None:
            return png_bytes(self.image(source).pixels, rendering.side)
        values = self.grey_values(source)
        return png_bytes(
            self.image(source).pixels if values is None else values.shown(rendering.centre, rendering.width),
            rendering.side,
        )

    def _kept(self, shelf: OrderedDict[Hashable, Kept], source: ImageSource, read: Callable[[], Kept]) -> Kept:
        with self._lock:
            if source.key in shelf:
                shelf.move_to_end(source.key)
                return shelf[source.key]
        try:
            found = read()
        except DataError as error:
            raise WebError.of(error, 422, "image_unreadable") from error
        with self._lock:
            shelf[source.key] = found
            while len(shelf) > _IMAGES_KEPT:
                shelf.popitem(last=False)
        return found


def read_within_limits(source: Path | bytes, name: str, settings: WebSettings) -> Radiograph:
    """Read an image after its header was found to be within the limits.

    Raises:
        WebError: It is too large, or cannot be read.
    """
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > settings.image_bytes:
            raise WebError(413, "image_too_large", f"the image has more than {settings.image_bytes} bytes")
        width, height = radiograph_size(source, name=name)
        if width * height > settings.image_pixels:
            raise WebError(413, "image_too_large", f"the image has more than {settings.image_pixels} pixels")
        return read_radiograph(source, name=name)
    except DataError as error:
        raise WebError.of(error, 422, "image_unreadable") from error
    except OSError as error:
        raise WebError(422, "image_unreadable", "the image cannot be opened", hint="is it still there?") from error


def png_bytes(pixels: NDArray[np.uint8], side: int | None) -> bytes:
    """A picture as PNG, grey where all channels agree.

    Args:
        pixels: uint8 ``(h, w)`` or ``(h, w, 3)``.
        side: Longest side wanted; a smaller picture is not enlarged.
    """
    if pixels.ndim == 3:
        grey = pixels[:, :, 0]
        if (grey == pixels[:, :, 1]).all() and (grey == pixels[:, :, 2]).all():
            pixels = np.ascontiguousarray(grey)
    image = Image.fromarray(pixels)
    if side is not None and max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.BOX)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=_QUICK)
    return stream.getvalue()
