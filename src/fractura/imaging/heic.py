"""HEIC photographs, as telephones take them: through libheif, which only the extra ``heic`` brings.

The package is ``pi-heif``, which can decode only. Its twin ``pillow-heif`` is not used: it brings an encoder under GPL.
"""

from __future__ import annotations

import importlib
from typing import Any, BinaryIO

from PIL import Image

from fractura.core.errors import DataError


def heic_image(stream: BinaryIO, title: str) -> Image.Image:
    """A HEIC photograph, its header read and its pixels not yet decoded.

    libheif turns the pixels as the file asks, and the EXIF orientation then says upright: ISO/IEC 23008-12 gives it no
    say of its own.

    Raises:
        DataError: What decodes it is not installed.
        SyntaxError: It is damaged.
    """
    try:
        plugin: Any = importlib.import_module("pi_heif.as_plugin")
    except ImportError as error:
        raise DataError(
            "is a HEIC photograph, and the package that reads those is not installed",
            file=title,
            hint='install it with: pip install "fractura[heic]", or save the image as JPEG or PNG',
        ) from error
    image: Image.Image = plugin.HeifImageFile(stream)
    return image
