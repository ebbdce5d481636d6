"""HEIC photographs: pixels, orientation, limits, damage, and what is said where their reader is not installed.

`reference/heic/turned.heic` is a grey drawing of 96 x 48 pixels, stored lying on its side with the turn that telephones
write (`irot`, and EXIF orientation 6). pillow-heif 1.8.1 made it, once and without loss.
"""

import struct
import sys

import numpy as np
import pytest
from support.material import REFERENCE, absent

from fractura.core.errors import DataError
from fractura.imaging.limits import MAXIMUM_PIXELS
from fractura.imaging.reader import is_image_file, radiograph_channels, radiograph_size, read_radiograph

FILE = REFERENCE / "heic" / "turned.heic"
DATA = FILE.read_bytes()
STORED = np.add.outer(np.arange(48) * 4, np.arange(96) // 2).astype(np.uint8)
STORED[0:16, 16:40] = 255


@pytest.fixture
def _heif():
    try:
        import pi_heif  # noqa: F401
    except ImportError:
        absent("needs pi-heif: pip install pi-heif")


def claiming(width, height):
    """The photograph with another size in its header, and nothing cut off from it."""
    place = DATA.index(b"ispe") + 8
    return (DATA[:place] + struct.pack(">II", width, height) + DATA[place + 8 :]).replace(b"clap", b"free")


@pytest.mark.usefixtures("_heif")
def test_a_photograph_stands_upright():
    radiograph = read_radiograph(FILE)
    assert np.array_equal(radiograph.pixels, np.repeat(np.rot90(STORED, -1)[:, :, None], 3, axis=2))
    assert (radiograph.exif_orientation, radiograph.bit_depth) == (1, 8), "turned already, and not once more"
    assert radiograph_size(FILE) == (48, 96)
    assert radiograph_channels(FILE) == 1
    assert is_image_file(FILE)


@pytest.mark.usefixtures("_heif")
@pytest.mark.parametrize("length", [12, 20, 50, 200, 836, len(DATA) - 100, len(DATA) - 1])
def test_a_photograph_that_is_cut_off_is_refused(length):
    with pytest.raises(DataError, match="cannot be read"):
        read_radiograph(DATA[:length], name="x.heic")


@pytest.mark.usefixtures("_heif")
@pytest.mark.parametrize("reader", [read_radiograph, radiograph_size])
@pytest.mark.parametrize("size", [(30_000, 30_000), (MAXIMUM_PIXELS // 2000 + 1, 2000), (100_000, 100_000)])
def test_a_photograph_too_large_is_refused_before_it_is_decoded(reader, size):
    with pytest.raises(DataError, match=r"million pixels|exceeds the maximum image size"):
        reader(claiming(*size), name="x.heic")


def test_without_its_reader_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif.as_plugin", None)
    with pytest.raises(DataError, match="is a HEIC photograph, and the package that reads those") as caught:
        read_radiograph(FILE)
    assert "turned.heic" in str(caught.value)
    assert 'pip install "fractura[heic]"' in (caught.value.hint or "")


@pytest.mark.usefixtures("_heif")
@pytest.mark.parametrize("reader", [read_radiograph, radiograph_size])
def test_a_photograph_that_crashes_the_decoder_is_refused(reader):
    """One changed byte, at which libheif 1.23 ends the process that it runs in."""
    with pytest.raises(DataError, match="is damaged and cannot be read"):
        reader(DATA[:178] + b"\x80" + DATA[179:], name="x.heic")
    assert radiograph_size(DATA) == (48, 96), "the next one is read by another process"


@pytest.mark.usefixtures("_heif")
def test_a_photograph_of_another_size_than_its_header_says_is_refused():
    with pytest.raises(DataError, match="its header says 48x196704, its pixels are 48x96"):
        read_radiograph(DATA[:371] + b"\3" + DATA[372:], name="x.heic")  # of the clip
