"""Images of noise, encoded, with or without an EXIF orientation."""

import io

import numpy as np
from PIL import Image


def encoded(kind="JPEG", size=(37, 23), mode="L", **options):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def with_orientation(orientation, kind="JPEG", **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(kind, exif=exif, **options)
