"""HEIC photographs, as telephones take them: through libheif, which only the extra ``heic`` brings.

The package is ``pi-heif``, which can decode only. Its twin ``pillow-heif`` is not used: it brings an encoder under GPL.
It runs in a process of its own: on some damaged files it ends that.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image

from fractura.core.errors import DataError
from fractura.imaging.heic_worker import ERROR, HEAD, REQUEST
from fractura.imaging.helper_process import HelperProcesses

_MOST_BYTES = 4
"""Of one pixel, in any mode of libheif."""
_SHORT = 4096

_helpers = HelperProcesses(Path(__file__).with_name("heic_worker.py"))


def heic_image(stream: BinaryIO, title: str) -> Image.Image:
    """A HEIC photograph, its header read and its pixels not yet decoded.

    libheif turns the pixels as the file asks, and the EXIF orientation then says upright: ISO/IEC 23008-12 gives it no
    say of its own.

    Raises:
        DataError: What decodes it is not installed.
        SyntaxError: It is damaged.
    """
    try:
        importlib.import_module("pi_heif.as_plugin")
    except ImportError as error:
        raise DataError(
            "is a HEIC photograph, and the package that reads those is not installed",
            file=title,
            hint='install it with: pip install "fractura[heic]", or save the image as JPEG or PNG',
        ) from error
    return _Photograph(stream.read())


class _Photograph(Image.Image):
    """What the helper says of a file; its pixels are asked for when they are needed."""

    format = "HEIF"

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data
        self._mode, self._size, _ = _ask(data, False, _SHORT)

    def load(self) -> Any:
        """As Pillow has it.

        Raises:
            SyntaxError: The pixels cannot be decoded, or are not as many as the header says.
        """
        if self._data:
            width, height = self._size
            mode, size, pixels = _ask(self._data, True, width * height * _MOST_BYTES + _SHORT)
            if (mode, size) != (self._mode, self._size):
                raise SyntaxError(f"its header says {width}x{height}, its pixels are {size[0]}x{size[1]}")
            self.im = Image.frombytes(mode, size, pixels).im
            self._data = b""
        return super().load()


def _ask(data: bytes, wants_pixels: bool, limit: int) -> tuple[str, tuple[int, int], bytes]:
    """Mode, size and pixels, by the helper."""
    said = _helpers.ask(REQUEST.pack(wants_pixels, len(data)) + data, limit)
    if said is None:
        raise SyntaxError("its decoder fails")
    mode, width, height = HEAD.unpack_from(said)
    mode = mode.rstrip(b"\0")
    if mode == ERROR:
        raise SyntaxError(said[HEAD.size :].decode("utf-8", "replace"))
    return mode.decode("ascii"), (width, height), said[HEAD.size :]
