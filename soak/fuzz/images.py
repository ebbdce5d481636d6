"""The one reader of pixels: DICOM, JPEG, PNG, TIFF, WebP, BMP and HEIC."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

from fractura.core.errors import FracturaError
from fractura.imaging import helper_process
from fractura.imaging import reader as pixels
from fractura.imaging.headers import image_header
from fractura.imaging.raster import read_raster_values
from soak.fuzz.harness import Read, Reader, Seed
from soak.fuzz.mutations import change_bytes
from soak.fuzz.seeds import phantom, shared_files

_LARGEST = 1 << 13
"""Bytes of a file to start from: of larger ones most of the damage would be to pixels, which decoders pass on."""


def _encoded(kind: str) -> list[bytes]:
    """A radiograph of 24 x 24 pixels in the modes and options of a format."""
    grey = phantom(24)
    deep = grey.astype(np.uint16) * 15
    exif = Image.Exif()
    exif[0x0112] = 6
    colour = Image.fromarray(np.dstack([grey, grey // 2, 255 - grey]))
    images = {
        "JPEG": [
            (Image.fromarray(grey), {}),
            (colour, {"exif": exif, "progressive": True}),
            (colour.convert("CMYK"), {"quality": 50}),
            (colour, {"restart_marker_blocks": 1, "subsampling": 2}),
        ],
        "PNG": [
            (Image.fromarray(grey), {}),
            (Image.fromarray(deep), {}),
            (colour, {"exif": exif}),
            (colour.convert("P"), {"transparency": 1}),
            (colour.convert("RGBA"), {}),
            (Image.fromarray(grey).convert("1"), {}),
        ],
        "TIFF": [
            (Image.fromarray(grey), {"compression": name})
            for name in (None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg", "tiff_adobe_deflate")
        ]
        + [(Image.fromarray(deep), {}), (colour, {"exif": exif}), (Image.fromarray(grey.astype(np.float32)), {})]
        + [
            (Image.fromarray(grey).convert("1"), {"compression": "group4"}),
            (colour, {"tiffinfo": {317: 2}, "compression": "tiff_lzw"}),
        ],
        "WEBP": [(Image.fromarray(grey), {}), (colour, {"lossless": True, "exif": exif}), (colour.convert("RGBA"), {})],
        "BMP": [(Image.fromarray(grey), {}), (colour, {}), (colour.convert("P"), {}), (colour.convert("1"), {})],
    }
    found = []
    for image, options in images[kind]:
        stream = io.BytesIO()
        image.save(stream, kind, **{key: value for key, value in options.items() if value is not None})
        found.append(stream.getvalue())
    return found


def _read(data: bytes, _name: str) -> str:
    image_header(data)
    try:
        size = pixels.radiograph_size(data, name="a")
    except FracturaError:
        size = None
    radiograph = pixels.read_radiograph(data, name="a")
    assert radiograph.pixels.dtype == np.uint8
    assert size == (radiograph.width, radiograph.height), (
        f"{size} by its header, {radiograph.pixels.shape} by its pixels"
    )
    if radiograph.bit_depth > 8 and not pixels.is_dicom(data[:132], "a"):
        read_raster_values(data, "a")
    return f"{radiograph.bit_depth} {radiograph.exif_orientation} {len(set(radiograph.encoded_size))}"


def _prepare(seeds: Callable[[], Sequence[bytes]], *shared: str) -> Callable[[Path], tuple[Sequence[Seed], Read]]:
    return lambda _folder: ([*map(Seed, seeds()), *shared_files(*shared, largest=_LARGEST)], _read)


def _heic() -> list[bytes]:
    """That of the tests: nothing that is installed writes any."""
    from support.material import REFERENCE

    return [(REFERENCE / "heic" / "turned.heic").read_bytes()]


def _repair_png(data: bytes, _draw: random.Random) -> bytes:
    """The right checksum of every chunk that is whole."""
    out, position = bytearray(data), 8
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        out[end : end + 4] = struct.pack(">I", zlib.crc32(data[position + 4 : end]))
        position = end + 4
    return bytes(out)


def _prepare_dicom(folder: Path) -> tuple[Sequence[Seed], Read]:
    import pydicom.data
    from support.dicom_images import LOSSLESS, as_jpeg, dicom

    grey = phantom(12)
    deep = grey.astype(np.uint16) * 15
    colour = np.dstack([grey, grey // 2, 255 - grey])
    seeds = [dicom(deep, bits=12, syntax=syntax, WindowCenter=2000, WindowWidth=3000) for syntax in LOSSLESS.values()]
    seeds += [
        as_jpeg(grey),
        dicom(
            grey, PhotometricInterpretation="MONOCHROME1", BodyPartExamined="WRIST", ViewPosition="AP", Laterality="L"
        ),
        dicom(colour, SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0),
        dicom(np.stack([deep, deep]), bits=12),
        dicom(deep.astype(np.int16), RescaleSlope="2", RescaleIntercept="-100", PixelPaddingValue=3),
        dicom(deep, PatientAge="034Y", PatientSex="F", PixelSpacing=["0.1", "0.1"], StudyInstanceUID="1.2.3"),
    ]
    examples = sorted(Path(pydicom.data.__file__).parent.glob("test_files/*.dcm"))
    path = folder / "IM000001"

    def read(data: bytes, name: str) -> str:
        said = []
        for about in (pixels.radiograph_facts, pixels.radiograph_identifiers, pixels.radiograph_demographics):
            try:
                said.append(type(about(data, name="a")).__name__)
            except FracturaError as error:
                said.append(type(error).__name__)
        path.write_bytes(data)
        with patch.object(helper_process, "SECONDS", 2.0):
            said.append(str(pixels.kind_of_other(path)))
            return f"{said} {_read(data, name)}"

    seeds += [example.read_bytes() for example in examples if example.stat().st_size <= _LARGEST]
    return [*map(Seed, seeds), *shared_files("cases/data/dicom*/*", largest=_LARGEST)], read


def _change_header(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Damage to the first bytes alone, where headers are."""
    end = min(len(data), draw.choice((64, 256, 1024)))
    return change_bytes(data[:end], draw, others) + data[end:]


IMAGES = (
    Reader(
        "dicom", "DICOM", _prepare_dicom, (change_bytes, _change_header), traced=("fractura", "pydicom"), seconds=120
    ),
    Reader(
        "jpeg",
        "JPEG",
        _prepare(lambda: _encoded("JPEG"), "data/**/*.jpg"),
        (change_bytes, _change_header),
        traced=("fractura", "PIL"),
    ),
    Reader(
        "png",
        "PNG",
        _prepare(lambda: _encoded("PNG"), "cases/data/**/*.png"),
        (change_bytes, _change_header),
        repair=_repair_png,
        traced=("fractura", "PIL"),
        found="an assertion inside Pillow, 4 of 44,899 (`test_an_assertion_of_pillow_is_a_damaged_image`)",
    ),
    Reader(
        "tiff", "TIFF", _prepare(lambda: _encoded("TIFF")), (change_bytes, _change_header), traced=("fractura", "PIL")
    ),
    Reader(
        "webp", "WebP", _prepare(lambda: _encoded("WEBP")), (change_bytes, _change_header), traced=("fractura", "PIL")
    ),
    Reader("bmp", "BMP", _prepare(lambda: _encoded("BMP")), (change_bytes, _change_header), traced=("fractura", "PIL")),
    Reader(
        "heic",
        "HEIC",
        _prepare(_heic),
        (change_bytes, _change_header),
        traced=("fractura", "pi_heif"),
        found="a byte at which libheif ended the process; a size that is not that of the pixels (`test_heic.py`)",
    ),
)
