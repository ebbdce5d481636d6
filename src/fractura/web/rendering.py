"""Renders images as PNG for the browser through the one reader of pixels, deep images through any grey window."""

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
from fractura.web.api_errors import WebError, image_vanished
from fractura.web.settings import WebSettings
from fractura.web.uploads import ImageSource

Decoded = TypeVar("Decoded")
_IMAGES_KEPT = 4
_FAST_COMPRESSION = 1


@dataclass(frozen=True)
class Rendering:
    """How to render an image.

    Attributes:
        centre: Centre of the grey window; None for the image's own window.
        width: Width of the grey window.
        side: Longest side in pixels; None for full size.
    """

    centre: float | None = None
    width: float | None = None
    side: int | None = None


class ImageCache:
    """Renders images and caches the last few decoded ones, for the next window of the same image.

    Args:
        settings: The limits on images.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._images: OrderedDict[Hashable, Radiograph] = OrderedDict()
        self._values: OrderedDict[Hashable, GreyValues | None] = OrderedDict()

    def radiograph(self, source: ImageSource) -> Radiograph:
        """An image, decoded.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        return self._cached(
            self._images, source, lambda: read_within_limits(source.source, source.title, self._settings)
        )

    def grey_values(self, source: ImageSource) -> GreyValues | None:
        """Its grey values, for any window; None where the image has no more than 8 bits.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        self.radiograph(source)  # checks that it is readable and within the limits
        return self._cached(self._values, source, lambda: read_grey_values(source.source, name=source.title))

    def png(self, source: ImageSource, rendering: Rendering) -> bytes:
        """An image as PNG.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        if rendering.centre is None or rendering.width is None:
            return png_bytes(self.radiograph(source).pixels, rendering.side)
        values = self.grey_values(source)
        return png_bytes(
            self.radiograph(source).pixels if values is None else values.shown(rendering.centre, rendering.width),
            rendering.side,
        )

    def _cached(
        self, cache: OrderedDict[Hashable, Decoded], source: ImageSource, read: Callable[[], Decoded]
    ) -> Decoded:
        with self._lock:
            if source.key in cache:
                cache.move_to_end(source.key)
                return cache[source.key]
        try:
            found = read()
        except DataError as error:
            raise WebError.of(error, 422, "image_unreadable") from error
        with self._lock:
            cache[source.key] = found
            while len(cache) > _IMAGES_KEPT:
                cache.popitem(last=False)
        return found


def read_within_limits(source: Path | bytes, title: str, settings: WebSettings) -> Radiograph:
    """Read an image, after checking its size and header against the limits.

    Raises:
        WebError: It is too large, or cannot be read.
    """
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > settings.image_bytes:
            raise WebError(413, "image_too_large", f"the image has more than {settings.image_bytes} bytes")
        width, height = radiograph_size(source, name=title)
        if width * height > settings.image_pixels:
            raise WebError(413, "image_too_large", f"the image has more than {settings.image_pixels} pixels")
        return read_radiograph(source, name=title)
    except DataError as error:
        raise WebError.of(error, 422, "image_unreadable") from error
    except OSError as error:
        raise image_vanished() from error


def png_bytes(pixels: NDArray[np.uint8], side: int | None) -> bytes:
    """Encode pixels as PNG, as grey where all channels agree.

    Args:
        pixels: uint8 ``(h, w)`` or ``(h, w, 3)``.
        side: Longest side of the result; smaller images are not enlarged.
    """
    if pixels.ndim == 3:
        grey = pixels[:, :, 0]
        if (grey == pixels[:, :, 1]).all() and (grey == pixels[:, :, 2]).all():
            pixels = np.ascontiguousarray(grey)
    image = Image.fromarray(pixels)
    if side is not None and max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.BOX)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=_FAST_COMPRESSION)
    return stream.getvalue()
