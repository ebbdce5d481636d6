"""Films as PNG for the browser, through the one reader of pixels; films with more than 8 bits through any window."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.errors import DataError
from fractura.radiograph import Radiograph, radiograph_size, read_radiograph
from fractura.web.problems import WebError
from fractura.web.settings import WebSettings

_FILMS_KEPT = 4
_QUICK = 1


@dataclass(frozen=True)
class Look:
    """How a film is to be shown.

    Attributes:
        centre: Of the window; None for the film's own.
        width: Of the window.
        side: Longest side in pixels; None for full size.
    """

    centre: float | None = None
    width: float | None = None
    side: int | None = None


class PictureShelf:
    """Renders films and keeps the last few decoded ones, for the next window of the same film.

    Args:
        settings: The limits on films.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._films: OrderedDict[Hashable, Radiograph] = OrderedDict()

    def film(self, source: Path | bytes, key: Hashable, name: str) -> Radiograph:
        """A film, decoded.

        Args:
            source: File, or its bytes.
            key: Identity of its content.
            name: What to call it in errors.

        Raises:
            WebError: It is too large, or cannot be read.
        """
        with self._lock:
            if key in self._films:
                self._films.move_to_end(key)
                return self._films[key]
        film = read_within_limits(source, name, self._settings)
        with self._lock:
            self._films[key] = film
            while len(self._films) > _FILMS_KEPT:
                self._films.popitem(last=False)
        return film

    def png(self, source: Path | bytes, key: Hashable, name: str, look: Look) -> bytes:
        """A film as PNG; see ``film`` for what may be wrong."""
        return png_bytes(self.film(source, key, name).pixels, look.side)


def read_within_limits(source: Path | bytes, name: str, settings: WebSettings) -> Radiograph:
    """Read a film after its header was found to be within the limits.

    Raises:
        WebError: It is too large, or cannot be read.
    """
    try:
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if size > settings.film_bytes:
            raise WebError(413, "film_too_large", f"the film has more than {settings.film_bytes} bytes")
        width, height = radiograph_size(source, name=name)
        if width * height > settings.film_pixels:
            raise WebError(413, "film_too_large", f"the film has more than {settings.film_pixels} pixels")
        return read_radiograph(source, name=name)
    except DataError as error:
        raise WebError.of(error, 422, "film_unreadable") from error
    except OSError as error:
        raise WebError(422, "film_unreadable", "the film cannot be opened", hint="is it still there?") from error


def png_bytes(pixels: NDArray[np.uint8], side: int | None) -> bytes:
    """A picture as PNG, grey where all channels agree.

    Args:
        pixels: uint8 ``(h, w, 3)``.
        side: Longest side wanted; a smaller picture is not enlarged.
    """
    grey = pixels[:, :, 0]
    is_grey = bool((grey == pixels[:, :, 1]).all() and (grey == pixels[:, :, 2]).all())
    image = Image.fromarray(np.ascontiguousarray(grey) if is_grey else pixels)
    if side is not None and max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.BOX)
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=_QUICK)
    return stream.getvalue()
