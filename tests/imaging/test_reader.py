"""The one reader of pixels: same image, same picture, whatever it is stored as; damaged images are refused by name."""

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fractura.core.errors import DataError
from fractura.imaging.limits import MAXIMUM_PIXELS
from fractura.imaging.reader import radiograph_size, read_radiograph

WIDTH, HEIGHT = 17, 11
GREY = np.add.outer(np.arange(HEIGHT) * 23, np.arange(WIDTH)).astype(np.uint8)  # 0 to 246, no symmetry
GREY[0, 0] = 255


def encode(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def deep(values: np.ndarray, kind: str = "PNG") -> bytes:
    return encode(Image.fromarray(values.astype(np.uint16)), kind)


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG written by hand: Pillow cannot write colour of 16 bits."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_colour(values: np.ndarray) -> bytes:
    rows = np.repeat(values.astype(">u2")[:, :, None], 3, axis=2)
    return png(values.shape[1], values.shape[0], 16, 2, b"".join(b"\0" + row.tobytes() for row in rows))


SAME_PICTURE = {
    "L png": lambda: encode(Image.fromarray(GREY), "PNG"),
    "L tiff": lambda: encode(Image.fromarray(GREY), "TIFF"),
    "L bmp": lambda: encode(Image.fromarray(GREY), "BMP"),
    "webp": lambda: encode(Image.fromarray(GREY), "WEBP", lossless=True),
    "RGB png": lambda: encode(Image.fromarray(GREY).convert("RGB"), "PNG"),
    "RGB tiff lzw": lambda: encode(Image.fromarray(GREY).convert("RGB"), "TIFF", compression="tiff_lzw"),
    "P png": lambda: encode(Image.fromarray(GREY).convert("P"), "PNG"),
    "LA png": lambda: encode(Image.merge("LA", [Image.fromarray(GREY), Image.fromarray(255 - GREY)]), "PNG"),
    "RGBA png": lambda: encode(Image.merge("RGBA", [Image.fromarray(GREY)] * 3 + [Image.new("L", (17, 11))]), "PNG"),
    "16-bit png": lambda: deep(GREY.astype(np.uint16) * 257),
    "16-bit tiff": lambda: deep(GREY.astype(np.uint16) * 257, "TIFF"),
    "16-bit big-endian tiff": lambda: encode(Image.fromarray(GREY.astype(">u2") * 257), "TIFF"),
    "12-bit png": lambda: deep(np.round(GREY * (4095 / 255))),
    "10-bit png": lambda: deep(np.round(GREY * (1023 / 255))),
    "14-bit tiff": lambda: deep(np.round(GREY * (16383 / 255)), "TIFF"),
    "32-bit tiff": lambda: encode(Image.fromarray(GREY.astype(np.int32) * 257), "TIFF"),
    "8 bits in 16": lambda: deep(GREY),
    "16-bit white-is-zero tiff": lambda: encode(
        Image.fromarray((255 - GREY).astype(np.uint16) * 257), "TIFF", tiffinfo={262: 0}
    ),
    "16-bit colour png": lambda: deep_colour(GREY.astype(np.uint16) * 257),
}


@pytest.mark.parametrize("kind", SAME_PICTURE)
def test_same_image_same_picture(kind):
    data = SAME_PICTURE[kind]()
    radiograph = read_radiograph(data)
    assert radiograph.pixels.dtype == np.uint8
    assert radiograph.pixels.shape == (HEIGHT, WIDTH, 3)
    assert radiograph.pixels.flags["C_CONTIGUOUS"]
    assert radiograph.pixels.flags["OWNDATA"]
    difference = np.abs(radiograph.pixels.astype(int) - GREY[:, :, None])
    assert difference.max() <= 1, kind
    assert radiograph_size(data) == (WIDTH, HEIGHT) == radiograph.encoded_size == (radiograph.width, radiograph.height)


@pytest.mark.parametrize(
    ("maximum", "bits"),
    [
        (0, 8),
        (255, 8),
        (256, 10),
        (1023, 10),
        (1024, 12),
        (4095, 12),
        (4096, 14),
        (16383, 14),
        (16384, 16),
        (65535, 16),
    ],
)
def test_bit_depth_is_the_smallest_that_holds_the_maximum(maximum, bits):
    radiograph = read_radiograph(deep(np.array([[0, maximum // 2, maximum]])))
    assert radiograph.bit_depth == bits
    expected = np.floor(np.array([0, maximum // 2, maximum]) * 255 / (2**bits - 1) + 0.5)
    assert radiograph.pixels[0, :, 0].tolist() == expected.tolist()


@given(st.integers(256, 65535), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_deep_grey_keeps_its_order(maximum, random):
    values = np.array(sorted([random.randrange(maximum + 1) for _ in range(30)] + [maximum]))
    pixels = read_radiograph(deep(values[None])).pixels[0, :, 0].astype(int)
    assert (np.diff(pixels) >= 0).all()
    assert pixels[-1] >= 63  # never near black: the brightest value uses at least a quarter of the range


def test_one_bit_image():
    radiograph = read_radiograph(encode(Image.fromarray(GREY > 100), "PNG"))
    assert set(np.unique(radiograph.pixels)) == {0, 255}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(kind, orientation):
    """A bright spot at a known place of the stored image lands where the EXIF standard says it is displayed."""
    stored = np.zeros((48, 96), np.uint8)
    stored[0:16, 16:40] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"tiffinfo": {274: orientation}} if kind == "TIFF" else {"exif": exif}
    data = encode(Image.fromarray(stored), kind, **options)
    left, top, right, bottom, width, height = {
        1: (16, 0, 40, 16, 96, 48),
        2: (56, 0, 80, 16, 96, 48),
        3: (56, 32, 80, 48, 96, 48),
        4: (16, 32, 40, 48, 96, 48),
        5: (0, 16, 16, 40, 48, 96),
        6: (32, 16, 48, 40, 48, 96),
        7: (32, 56, 48, 80, 48, 96),
        8: (0, 56, 16, 80, 48, 96),
    }[orientation]
    radiograph = read_radiograph(data)
    assert (radiograph.width, radiograph.height) == radiograph_size(data) == (width, height)
    assert radiograph.encoded_size == (96, 48)
    assert radiograph.exif_orientation == orientation
    bright = radiograph.pixels[:, :, 0] > 128
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == (left, top, right, bottom)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientation_that_means_nothing_is_upright(value):
    exif = Image.Exif()
    exif[0x0112] = value
    radiograph = read_radiograph(encode(Image.fromarray(GREY), "PNG", exif=exif))
    assert radiograph.exif_orientation == 1
    assert np.array_equal(radiograph.pixels[:, :, 0], GREY)


def test_png_orientation_behind_the_pixels():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(Image.fromarray(GREY), "PNG", exif=exif)
    start = data.index(b"eXIf") - 4
    end = start + 12 + struct.unpack(">I", data[start : start + 4])[0]
    moved = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert radiograph_size(moved) == (HEIGHT, WIDTH)
    assert read_radiograph(moved).pixels.shape == (WIDTH, HEIGHT, 3)


def test_extension_may_lie(tmp_path):
    path = tmp_path / "Röntgen 患者 1" / "image.jpg"
    path.parent.mkdir()
    path.write_bytes(SAME_PICTURE["16-bit png"]())
    assert radiograph_size(path) == (WIDTH, HEIGHT)
    assert np.abs(read_radiograph(path).pixels[:, :, 0].astype(int) - GREY).max() <= 1


NOISE = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)

REFUSED = {
    "empty": (lambda: b"", "is empty"),
    "text": (lambda: b"this is not an image", "is not a readable JPEG, PNG, TIFF, BMP, WebP, HEIC or DICOM picture"),
    "gif": (lambda: encode(Image.fromarray(GREY), "GIF"), "is not a readable .* WebP, HEIC or DICOM picture"),
    "cut jpeg": (lambda: encode(Image.fromarray(NOISE), "JPEG")[:-900], "is cut off"),
    "cut png": (lambda: encode(Image.fromarray(NOISE), "PNG")[:-900], "cannot be read"),
    "cut tiff": (lambda: encode(Image.fromarray(NOISE), "TIFF")[:-900], "cannot be read|is not a readable"),
    "cut bmp": (lambda: encode(Image.fromarray(NOISE), "BMP")[:-900], "is cut off"),
    "cut webp": (lambda: encode(Image.fromarray(NOISE), "WEBP")[:-900], "cannot be read"),
    "no pixels": (lambda: png(0, 5, 8, 0, b""), "has no pixels|is not a readable"),
    "bomb": (lambda: png(100_000, 100_000, 8, 0, b"\0"), "million pixels"),
    "just too large": (lambda: png(MAXIMUM_PIXELS + 1, 1, 8, 0, b"\0"), "million pixels"),
    "float": (lambda: encode(Image.fromarray(GREY.astype(np.float32)), "TIFF"), "floating-point"),
    "negative": (lambda: encode(Image.fromarray(GREY.astype(np.int32) - 1000), "TIFF"), "from -999 to -745"),
    "beyond 16 bits": (lambda: encode(Image.fromarray(GREY.astype(np.int32) * 1000), "TIFF"), "to 255000"),
    "dark colour of 16 bits": (lambda: deep_colour(GREY.astype(np.uint16) * 16), "fine grey levels"),
    "two pages": (
        lambda: encode(Image.fromarray(GREY), "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]),
        "holds 2 pages",
    ),
    "two pictures of a webp": (
        lambda: encode(Image.fromarray(GREY), "WEBP", save_all=True, append_images=[Image.fromarray(255 - GREY)]),
        "holds 2 pages",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_refused_by_name_with_a_hint(tmp_path, kind):
    data, message = REFUSED[kind]
    path = tmp_path / "image 1.jpg"
    path.write_bytes(data())
    for source, name in ((path, None), (path.read_bytes(), "image 1.jpg")):
        with pytest.raises(DataError, match=message) as caught:
            read_radiograph(source, name=name)
        assert "image 1.jpg" in str(caught.value)
        assert caught.value.hint


@pytest.mark.parametrize("reader", [read_radiograph, radiograph_size])
def test_missing_file_and_folder(tmp_path, reader):
    with pytest.raises(DataError, match="no such file") as caught:
        reader(tmp_path / "none.png")
    assert "none.png" in str(caught.value)
    with pytest.raises(DataError):
        reader(tmp_path)


@pytest.mark.parametrize("kind", ["L png", "16-bit tiff", "RGB tiff lzw", "L bmp", "webp", "jpeg"])
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6),
    cut=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
@pytest.mark.filterwarnings("ignore")
def test_mutated_images_are_read_or_refused(kind, edits, cut):
    whole = encode(Image.fromarray(GREY), "JPEG") if kind == "jpeg" else SAME_PICTURE[kind]()
    data = bytearray(whole)
    for place, value in edits:
        data[int(place * len(data))] = value
    if cut > 0.5:
        data = data[: int(cut * len(data))]
    for reader in (radiograph_size, read_radiograph):
        try:
            result = reader(bytes(data), name="mutant")
        except DataError as error:
            named = "mutant" in str(error) and bool(error.hint)
        else:
            size = result if isinstance(result, tuple) else (result.width, result.height)
            named = min(size) > 0
        assert named


def test_real_truncated_images(real_images):
    images = sorted(real_images("awkward/truncated_jpeg").glob("*.jpg"))
    assert len(images) == 4
    for radiograph in images:
        assert radiograph_size(radiograph) == (373, 454)  # the header is whole
        with pytest.raises(DataError, match="is cut off") as caught:
            read_radiograph(radiograph)
        assert radiograph.name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "orientation", "encoded", "shown"),
    [
        ("IMG0000428.jpg", 6, (373, 454), (454, 373)),
        ("IMG0000429.jpg", 8, (373, 454), (454, 373)),
        ("IMG0002588.jpg", 3, (181, 454), (181, 454)),
        ("IMG0002628.jpg", 8, (373, 454), (454, 373)),
    ],
)
def test_real_rotated_images(real_images, name, orientation, encoded, shown):
    path = real_images(f"awkward/exif_rotated/{name}")
    radiograph = read_radiograph(path)
    assert (radiograph.exif_orientation, radiograph.encoded_size, (radiograph.width, radiograph.height)) == (
        orientation,
        encoded,
        shown,
    )
    assert radiograph_size(path) == shown
    from PIL import ImageOps

    with Image.open(path) as image:
        assert np.array_equal(radiograph.pixels, np.asarray(ImageOps.exif_transpose(image).convert("RGB")))


def test_of_an_image_that_is_refused_nothing_else_is_said(tmp_path):
    """Pillow would warn of it on stderr, and with ``python -W error`` stop."""
    (tmp_path / "a.png").write_bytes(png(MAXIMUM_PIXELS + 1, 1, 8, 0, b"\0"))
    command = "import sys; from fractura.imaging.reader import radiograph_size; from pathlib import Path\n"
    command += "try: radiograph_size(Path(sys.argv[1]))\nexcept Exception as error: print(type(error).__name__)"
    words = [sys.executable, "-c", command, str(tmp_path / "a.png")]
    said = subprocess.run(words, capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("DataError\n", "")


def test_an_assertion_of_pillow_is_a_damaged_image(tmp_path, monkeypatch):
    """Its reader of PNG has some."""

    def asserts(_image):
        raise AssertionError

    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", asserts)
    with pytest.raises(DataError, match="cannot be read"):
        read_radiograph(tmp_path / "a.png")
