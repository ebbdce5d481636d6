"""JPEGs decoded to TensorFlow's pixels: its default is libjpeg-turbo's fast inverse DCT, with smooth chroma upsampling.

See tensorflow/core/lib/jpeg/jpeg_mem.cc and core/kernels/image/decode_image_op.cc (``JDCT_IFAST``, and
``fancy_upscaling`` is true). Everywhere else fractura decodes with Pillow, whose DCT is the accurate one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec

from fractura.core.dataset import Record
from fractura.imaging.headers import image_kind
from fractura.imaging.raster import upright
from fractura.imaging.reader import Radiograph, read_record

_SAME = "JPEGs are decoded as TensorFlow decodes them (its fast DCT)"
_OTHER = (
    "JPEGs are decoded with the accurate DCT, TensorFlow's default is the fast one: about 4 in 10 pixel values differ, "
    "by up to 17 of 255, and first losses by less than 0.001; for TensorFlow's pixels: pip install simplejpeg"
)


def choose_reader() -> tuple[Callable[[Record], Radiograph], str]:
    """What reads the images of a record in training and evaluation, and a line for people that says which way."""
    if find_spec("simplejpeg") is None:
        return read_record, _OTHER
    return read_record_as_tensorflow, _SAME


def read_record_as_tensorflow(record: Record) -> Radiograph:
    """Read the image of a record; a JPEG has TensorFlow's pixels (turned as its EXIF orientation says, as everywhere).

    A JPEG in CMYK is read as everywhere else.

    Raises:
        DataError: As for ``read_record``.
        ImportError: simplejpeg is not installed; see ``choose_reader``.
    """
    import simplejpeg

    data = record.read_bytes()
    radiograph = read_record(record, data)  # refuses what is damaged or of another size
    if image_kind(data) != "jpeg":
        return radiograph
    try:
        if simplejpeg.decode_jpeg_header(data)[2] in ("CMYK", "YCCK"):
            return radiograph
        pixels = simplejpeg.decode_jpeg(data, "RGB", fastdct=True, fastupsample=False)
    except ValueError:
        return radiograph
    return replace(radiograph, pixels=upright(pixels, radiograph.exif_orientation))
