"""Pictures that claim more than they hold, or hold more than they claim."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path


def put(path: Path, content: bytes | str) -> Path:
    """A file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    return path


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *, data: bytes | None = None, before: bytes = b"", depth: int = 8) -> bytes:
    """A grey PNG; ``data`` is what its IDAT holds packed, by default as much as it claims."""
    rows = zlib.compress((b"\0" + bytes((width * depth + 7) // 8)) * height) if data is None else data
    head = struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height & 0xFFFFFFFF, depth, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", head) + before + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@functools.cache
def zeros(megabytes: int) -> bytes:
    """So many MiB of zeros, packed a thousandfold."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


def _png_text(kind: bytes, megabytes: int) -> bytes:
    head = {b"zTXt": b"Comment\0\0", b"iCCP": b"icc\0\0", b"iTXt": b"XML:com.adobe.xmp\0\1\0\0\0"}[kind]
    return png(8, 8, before=png_chunk(kind, head + zeros(megabytes)))


def encoded(kind: str, size: tuple[int, int] = (32, 32), **options: object) -> bytes:
    """An honest picture."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L" if kind != "WEBP" else "RGB", size, 100 if kind != "WEBP" else (100,) * 3).save(
        stream, kind, **options
    )
    return stream.getvalue()


def jpeg(width: int, height: int) -> bytes:
    """A JPEG whose frame header claims a size."""
    data = bytearray(encoded("JPEG"))
    place = data.index(b"\xff\xc0")
    data[place + 5 : place + 9] = struct.pack(">HH", min(height, 65_535), min(width, 65_535))
    return bytes(data)


def bmp(width: int, height: int, *, packed: bool = False) -> bytes:
    """A BMP that claims a size."""
    data = bytearray(encoded("BMP"))
    data[18:26] = struct.pack("<II", width & 0x7FFFFFFF, height & 0x7FFFFFFF)
    if packed:
        data[30:34] = struct.pack("<I", 1)  # run lengths
    return bytes(data)


def tiff(width: int, height: int, *, compression: int = 1, data: bytes = b"\0" * 64, more: dict | None = None) -> bytes:
    """A TIFF of one strip."""
    tags = {
        256: (4, width & 0xFFFFFFFF), 257: (4, height & 0xFFFFFFFF), 258: (3, 8), 259: (3, compression), 262: (3, 1),
        273: (4, 8), 277: (3, 1), 278: (4, height & 0xFFFFFFFF), 279: (4, len(data)), **(more or {}),
    }  # fmt: skip
    entries = b"".join(
        struct.pack("<HHI", tag, kind, count) + struct.pack("<I", value)
        for tag, (kind, value, count) in sorted((tag, (*entry, 1)[:3]) for tag, entry in tags.items())
    )
    place = 8 + len(data) + len(data) % 2
    return (
        b"II*\0" + struct.pack("<I", place) + data.ljust(place - 8, b"\0") + struct.pack("<H", len(tags)) + entries
    ) + struct.pack("<I", 0)


def tiff_loop() -> bytes:
    """A TIFF whose next page is its first one."""
    data = bytearray(tiff(8, 8))
    data[-4:] = data[4:8]
    return bytes(data)


def webp(width: int, height: int) -> bytes:
    """A WebP whose extended header claims a canvas."""
    inner = encoded("WEBP", lossless=True)[12:]
    head = struct.pack("<I", 0)[:1] + bytes(3) + struct.pack("<I", (width - 1) & 0xFFFFFF)[:3]
    head += struct.pack("<I", (height - 1) & 0xFFFFFF)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + head + inner
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animated_webp() -> bytes:
    """Many pages."""
    from PIL import Image

    stream = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (n % 256, n // 256, 0)) for n in range(2000)]
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def dicom_claim(width: int, height: int, *, frames: int = 1) -> bytes:
    """A DICOM whose header claims a size."""
    import numpy as np
    from pydicom import dcmread
    from support.dicom_images import dicom

    dataset = dcmread(io.BytesIO(dicom(np.zeros((8, 8), np.uint16))))
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = min(height, 65_535), min(width, 65_535), frames
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def dicom_stream(syntax: str, frame: bytes, *, size: int = 8, samples: int = 1) -> bytes:
    """A DICOM of 8 bits around a compressed frame."""
    import numpy as np
    from pydicom import dcmread
    from pydicom.encaps import encapsulate
    from support.dicom_images import dicom

    dataset = dcmread(io.BytesIO(dicom(np.zeros((8, 8), np.uint8))))
    dataset.Rows = dataset.Columns = size
    dataset.PixelData = encapsulate([frame])
    dataset.file_meta.TransferSyntaxUID = syntax
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def jpeg_2000(width: int, height: int, *, tile: int | None = None) -> bytes:
    """A JPEG 2000 codestream that claims a size, in tiles of a pixel if asked."""
    from PIL import Image

    stream = io.BytesIO()
    Image.new("L", (8, 8), 100).save(stream, "JPEG2000", no_jp2=True)
    data = bytearray(stream.getvalue())
    place = data.index(b"\xff\x51") + 6
    data[place : place + 8] = struct.pack(">II", width & 0xFFFFFFFF, height & 0xFFFFFFFF)
    data[place + 16 : place + 24] = struct.pack(
        ">II", *(((tile or 0) or side & 0xFFFFFFFF) for side in (width, height))
    )
    return bytes(data)


def jpeg_ls(width: int, height: int) -> bytes:
    """A JPEG-LS stream that claims a size."""
    head = b"\xff\xd8\xff\xf7" + struct.pack(">HBHHB", 11, 8, min(height, 65_535), min(width, 65_535), 1) + b"\1\x11\0"
    return head + b"\xff\xda" + struct.pack(">HB", 8, 1) + b"\1\0\0\0\0" + bytes(64) + b"\xff\xd9"


def dicom_nested(depth: int) -> bytes:
    """Sequences in sequences, in one of the few elements that are read."""
    inner = b""
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
        inner = b"\x08\0\x18\x22SQ\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    whole = dicom_claim(8, 8)
    place = whole.index(struct.pack("<HH", 0x08, 0x60))
    return whole[:place] + inner + whole[place:]


def dicom_nested_openly(depth: int) -> bytes:
    """The same without an end: every level is opened and none closed."""
    level = b"\x08\0\x18\x22SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    whole = dicom_claim(8, 8)
    place = whole.index(struct.pack("<HH", 0x08, 0x60))
    return whole[:place] + level * depth


def dicom_deflated(megabytes: int) -> bytes:
    """A deflated DICOM of zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    whole = dicom_claim(8, 8)
    meta = whole[: whole.index(struct.pack("<HH", 0x08, 0x16), 132)]
    return meta.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0\0"[:20]) + body


def example(image: bytes, **features: bytes) -> bytes:
    """A TFRecord of one example."""
    from fractura.formats.tfrecord.example import encode_features, example_from
    from fractura.formats.tfrecord.frames import write_frame

    stream = io.BytesIO()
    write_frame(stream, example_from(encode_features({"image/encoded": image, **features})))
    return stream.getvalue()


def pictures() -> dict[str, Callable[[tuple[int, int]], bytes]]:
    """Each format of pictures, as a function of the size that it claims."""
    return {
        "PNG": lambda side: png(*side, data=zeros(1)),
        "PNG of 1 bit": lambda side: png(*side, data=zeros(64), depth=1),
        "JPEG": lambda side: jpeg(*side),
        "BMP": lambda side: bmp(*side),
        "BMP with run lengths": lambda side: bmp(*side, packed=True),
        "TIFF": lambda side: tiff(*side),
        "TIFF, deflated": lambda side: tiff(*side, compression=8, data=zeros(64)),
        "TIFF of PackBits": lambda side: tiff(*side, compression=32773, data=b"\x81\0" * 100_000),
        "WebP": lambda side: webp(*side),
        "DICOM": lambda side: dicom_claim(*side),
        "DICOM of frames": lambda side: dicom_claim(8, 8, frames=side[0]),
        "DICOM of JPEG 2000": lambda side: dicom_stream("1.2.840.10008.1.2.4.90", jpeg_2000(*side)),
        "DICOM of JPEG 2000 in tiles": lambda side: dicom_stream(
            "1.2.840.10008.1.2.4.90", jpeg_2000(*side, tile=1), size=min(side[0], 9000)
        ),
        "DICOM of JPEG-LS": lambda side: dicom_stream(
            "1.2.840.10008.1.2.4.80", jpeg_ls(*side), size=min(9000, side[0])
        ),
        "DICOM of JPEG": lambda side: dicom_stream("1.2.840.10008.1.2.4.50", jpeg(*side), size=min(9000, side[0])),
        "DICOM of RLE": lambda side: dicom_stream(
            "1.2.840.10008.1.2.5", struct.pack("<16I", 1, 64, *[0] * 14) + b"\x81\0" * 200_000, size=min(9000, side[0])
        ),
    }  # fmt: skip


def odd_pictures() -> dict[str, Callable[[], bytes]]:
    """Bombs that claim no size."""
    return {
        "PNG zTXt": lambda: _png_text(b"zTXt", 256),
        "PNG iCCP": lambda: _png_text(b"iCCP", 256),
        "PNG iTXt": lambda: _png_text(b"iTXt", 256),
        "PNG of many text chunks": lambda: png(
            8, 8, before=png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(900_000))) * 500
        ),
        "PNG that unpacks to more": lambda: png(8, 8, data=zeros(256)),
        "TIFF that follows itself": tiff_loop,
        "TIFF of many strips": lambda: tiff(8, 8, more={273: (4, 8, 2**31), 279: (4, 8, 2**31)}),
        "TIFF of a huge tag": lambda: tiff(8, 8, more={700: (1, 8, 2**32 - 1)}),
        "WebP of many pages": animated_webp,
        "GIF": lambda: b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\0\0\0,\0\0\0\0" + b"\xff" * 5 + b";",
        "DICOM, deflated": lambda: dicom_deflated(512),
        "DICOM, nested": lambda: dicom_nested(500),
        "DICOM, nested deeply": lambda: dicom_nested_openly(20_000),
        "DICOM of a huge length": lambda: dicom_claim(8, 8).replace(b"OW\0\0\x80\0\0\0", b"OW\0\0\xfe\xff\xff\xff"),
        "nothing but zeros": lambda: bytes(1 << 20),
    }
