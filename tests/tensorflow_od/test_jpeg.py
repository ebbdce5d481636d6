"""JPEGs decoded to TensorFlow's pixels, bit for bit."""

import io

import numpy as np
import pytest
from PIL import Image
from support.encoded_images import encoded
from support.material import absent

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.imaging.reader import read_record
from fractura.tensorflow_od import jpeg
from fractura.training.data import ImageDataset
from fractura.training.sampling import ImageStream

SIZE = (133, 101)


@pytest.fixture(autouse=True)
def simplejpeg():
    try:
        import simplejpeg
    except ImportError:
        absent("needs simplejpeg: pip install 'fractura[tensorflow]'")
    return simplejpeg


def photo(mode="RGB", orientation=1, **options):
    """A picture with soft and sharp edges, in colour."""
    few = np.random.default_rng(0).integers(0, 256, (12, 17, 3), dtype=np.uint8)
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    stream = io.BytesIO()
    picture = Image.fromarray(few).resize(SIZE, Image.Resampling.BICUBIC).convert(mode)
    picture.save(stream, "JPEG", exif=exif, **options)
    return stream.getvalue()


def record(folder, data, size=SIZE):
    (folder / "x.jpg").write_bytes(data)
    return Record(folder / "x.jpg", *size, Boxes([[1, 2, 30, 40]], [0]))


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(
    "options",
    [
        {"quality": 20, "subsampling": 0},
        {"quality": 75, "subsampling": 1},
        {"quality": 75, "subsampling": 2},
        {"quality": 95, "subsampling": 2, "progressive": True},
    ],
    ids=str,
)
def test_pixels_are_tensorflows(tensorflow, tmp_path, mode, options):
    data = photo(mode, **options)
    theirs = tensorflow.io.decode_image(data, channels=3).numpy()
    here = record(tmp_path, data)
    assert np.array_equal(jpeg.read_record_as_tensorflow(here).pixels, theirs)
    assert not np.array_equal(read_record(here).pixels, theirs), "else none of this is needed"


def test_real_radiographs_have_tensorflows_pixels(tensorflow, tmp_path, real_images):
    for path in sorted(real_images("fracatlas").rglob("*.jpg"))[:8]:
        data = path.read_bytes()
        theirs = tensorflow.io.decode_image(data, channels=3).numpy()
        here = record(tmp_path, data, (theirs.shape[1], theirs.shape[0]))
        assert np.array_equal(jpeg.read_record_as_tensorflow(here).pixels, theirs), path.name


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path, orientation):
    here = record(tmp_path, photo(orientation=orientation), SIZE if orientation < 5 else SIZE[::-1])
    ours, usual = jpeg.read_record_as_tensorflow(here), read_record(here)
    assert ours.pixels.shape == usual.pixels.shape
    assert np.abs(ours.pixels.astype(int) - usual.pixels).max() < 20
    assert ours.exif_orientation == orientation


@pytest.mark.parametrize("data", [encoded("PNG", SIZE, "RGB"), encoded("JPEG", SIZE, "CMYK")], ids=["PNG", "CMYK"])
def test_other_images_are_read_as_everywhere(tmp_path, data):
    here = record(tmp_path, data)
    assert np.array_equal(jpeg.read_record_as_tensorflow(here).pixels, read_record(here).pixels)


@pytest.mark.parametrize(
    ("data", "size", "problem"),
    [(photo()[:-200], SIZE, "cut off"), (photo(), (7, 7), "133 x 101 pixels"), (b"junk", SIZE, "not a readable")],
)
def test_unusable_images_are_refused_as_everywhere(tmp_path, data, size, problem):
    with pytest.raises(DataError, match=problem):
        jpeg.read_record_as_tensorflow(record(tmp_path, data, size))


@pytest.mark.parametrize(
    ("installed", "reader", "said"),
    [(True, jpeg.read_record_as_tensorflow, "fast DCT"), (False, read_record, "pip install simplejpeg")],
)
def test_without_the_library_a_line_says_what_differs(monkeypatch, installed, reader, said):
    monkeypatch.setattr(jpeg, "find_spec", lambda name: object() if installed else None)
    chosen, line = jpeg.choose_reader()
    assert chosen is reader
    assert said in line


def test_training_reads_through_it(tmp_path):
    data = Dataset(("a",), (record(tmp_path, photo()),))
    stream = ImageStream.of(data, None, 0)
    ours, usual = (
        ImageDataset(data, stream, (), read_image=read)[0].image.numpy()
        for read in (jpeg.read_record_as_tensorflow, read_record)
    )
    assert np.array_equal(ours, jpeg.read_record_as_tensorflow(data.records[0]).pixels)
    assert not np.array_equal(ours, usual)
