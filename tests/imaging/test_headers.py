"""Headers, completeness and orientation of images, against Pillow and against the pixels themselves."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.encoded_images import encoded

from fractura.core.errors import DataError
from fractura.imaging.headers import image_header
from fractura.imaging.reader import read_radiograph


@pytest.mark.parametrize(
    ("data", "kind", "complete"),
    [
        (encoded(), "jpeg", True),
        (encoded(mode="RGB", progressive=True), "jpeg", True),
        (encoded(quality=1, restart_marker_rows=1), "jpeg", True),
        (encoded(comment=b"\xff\xd9 in a comment"), "jpeg", True),
        (encoded() + b"\0\0rubbish", "jpeg", True),
        (encoded("PNG"), "png", True),
        (encoded("PNG") + b"rubbish", "png", True),
        (encoded()[:-2], "jpeg", False),
        (encoded("PNG")[:-12], "png", False),
        (encoded("BMP"), "bmp", False),
        (encoded("GIF"), "gif", False),
        (encoded("TIFF"), "tiff", False),
        (encoded("WEBP"), "webp", False),
        (b"\0\0\0\x1cftypheic\0\0\0\0", "heic", False),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "unknown", False),
        (b"", "unknown", False),
        (b"\xff\xd8\xff\xd9", "jpeg", False),
        (b"\x89PNG\r\n\x1a\n", "png", False),
    ],
)
def test_kind_and_completeness(data, kind, complete):
    header = image_header(data)
    assert (header.kind, header.complete) == (kind, complete)
    if complete:
        assert (header.width, header.height) == (37, 23)


def decodes(data):
    try:
        read_radiograph(data)
    except DataError:
        return False
    return True


@pytest.mark.parametrize(
    "data", [encoded(size=(60, 40)), encoded(mode="RGB", progressive=True), encoded("PNG"), encoded("PNG", mode="RGB")]
)
def test_no_cut_off_image_is_called_complete(data):
    for length in range(len(data)):
        assert not image_header(data[:length]).complete
    assert image_header(data).complete
    assert decodes(data)


@settings(deadline=None)
@given(st.sampled_from([encoded(), encoded("PNG")]), st.data())
def test_any_bytes_have_some_header(data, draws):
    damaged = bytearray(data)
    for _ in range(draws.draw(st.integers(1, 5))):
        damaged[draws.draw(st.integers(0, len(damaged) - 1))] = draws.draw(st.integers(0, 255))
    header = image_header(bytes(damaged))
    assert header.width >= 0


def test_a_damaged_png_chunk_is_noticed():
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1
    assert not image_header(bytes(data)).complete


def test_real_images_that_are_cut_off(real_images):
    cut = sorted(real_images("awkward/truncated_jpeg").glob("*.jpg"))
    assert cut
    assert not any(image_header(image.read_bytes()).complete for image in cut)
