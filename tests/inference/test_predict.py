"""``Model.predict``: what it takes, what it gives, and how a prediction shows itself."""

import io

import numpy as np
import pytest
from PIL import Image
from support.tiny_models import CARD, write_tiny_onnx

from fractura.core.errors import DataError, UsageError
from fractura.imaging.reader import read_radiograph
from fractura.inference import load_model
from fractura.inference.pixels import pixels_of
from fractura.inference.settings import DetectionSettings

CURVES = {"detection": {"x": [0, 1], "y": [0, 0.5]}, "image": {"x": [0, 1], "y": [0, 0.9]}}


@pytest.fixture(name="model")
def tiny(tmp_path):
    return load_model(write_tiny_onnx(tmp_path / "tiny.onnx"))


@pytest.fixture(name="file")
def image_file(tmp_path):
    Image.fromarray(np.zeros((100, 200), np.uint8)).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_one_file_gives_one_prediction_and_a_list_gives_a_list(model, file):
    prediction = model.predict(file)
    assert (prediction.name, prediction.path, prediction.width, prediction.height) == ("a", file, 200, 100)
    assert prediction.boxes.scores.tolist() == pytest.approx([0.9, 0.5])
    assert prediction.image_score == pytest.approx(0.9)
    assert (prediction.probabilities, prediction.image_probability) == (None, None)
    assert prediction.class_names == model.class_names == ("fracture", "cast")
    several = model.predict([file, str(file), np.zeros((100, 200), np.uint8)])
    assert [each.name for each in several] == ["a", "a", "image"]
    assert all(each.boxes == prediction.boxes for each in several)
    assert model.predict([]) == []


def test_threshold_and_views_are_the_callers_where_they_are_given(model, file):
    assert len(model.predict(file, 0).boxes) == 3
    assert len(model.predict(file, 0.95).boxes) == 0
    assert model.predict(file, 0.95).image_score == pytest.approx(0.9)
    assert model.predict(file, views=["flipped"]).settings.views == ("flipped",)
    assert model.predict(file, tile=True).settings.views == ("whole", "tiles=1536")


def test_probabilities_come_from_the_card(tmp_path, file):
    card = CARD.model_copy(update={"calibration": {"method": "isotonic", **CURVES}})
    model = load_model(write_tiny_onnx(tmp_path / "calibrated.onnx", card=card))
    prediction = model.predict(file)
    assert prediction.probabilities.tolist() == pytest.approx([0.45, 0.25])
    assert prediction.image_probability == pytest.approx(0.81)
    row = prediction.to_dict()
    assert [each["probability"] for each in row["detections"]] == pytest.approx([0.45, 0.25])
    assert model.predict(file, views=["flipped"]).probabilities is None


def test_a_prediction_shows_itself_and_is_saved(model, file, tmp_path):
    prediction = model.predict(file)
    with Image.open(io.BytesIO(prediction._repr_png_())) as shown:
        assert shown.format == "PNG"
        assert shown.width == 200
        assert shown.height > 100  # a caption below
    prediction.save(tmp_path / "drawn.jpg")
    prediction.save(str(tmp_path / "drawn.png"))
    assert Image.open(tmp_path / "drawn.jpg").format == "JPEG"
    assert np.array_equal(np.asarray(Image.open(tmp_path / "drawn.png")), np.asarray(prediction.plot()))
    with pytest.raises(UsageError, match=r"jpg or \.png"):
        prediction.save(tmp_path / "drawn.gif")


def test_what_is_no_image_is_refused(model, tmp_path):
    with pytest.raises(DataError, match="no such file"):
        model.predict(tmp_path / "missing.png")
    with pytest.raises(DataError, match="detect_images"):
        model.predict(tmp_path)
    with pytest.raises(UsageError, match="not float64"):
        model.predict(np.zeros((10, 10)))
    with pytest.raises(UsageError, match=r"\(0, 10\)"):
        model.predict(np.zeros((0, 10), np.uint8))
    with pytest.raises(TypeError, match="not int"):
        model.predict(3)


@pytest.mark.parametrize(
    ("options", "views", "threshold"),
    [
        ({}, ("whole", "flipped"), 0.4),
        ({"fast": True}, ("whole",), 0.6),
        ({"threshold": 0.2}, ("whole", "flipped"), 0.2),
        ({"fast": True, "threshold": 0.2}, ("whole",), 0.2),
        ({"tile": True}, ("whole", "flipped", "tiles=1536"), 0.4),
        ({"tile": 256, "fast": True}, ("whole", "tiles=256"), 0.6),
        ({"views": ["flipped"]}, ("flipped",), 0.4),
    ],
)
def test_which_views_and_which_threshold(options, views, threshold):
    card = CARD.model_copy(update={"views": ("whole", "flipped"), "fast_threshold": 0.6})
    assert DetectionSettings.of(card, **options) == DetectionSettings(views=views, threshold=threshold)


def test_without_a_fast_threshold_fast_uses_the_other():
    assert DetectionSettings.of(CARD, fast=True).threshold == CARD.threshold


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"views": ["whole"], "fast": True}, "views are given"),
        ({"views": ["whole"], "tile": 256}, "views are given"),
        ({"views": ["hole"]}, "did you mean 'whole'"),
        ({"tile": 0}, "too small"),
        ({"threshold": -0.1}, r"0\.\.1"),
    ],
)
def test_settings_that_are_not_possible(options, said):
    with pytest.raises(UsageError, match=said):
        DetectionSettings.of(CARD, **options)


def encoded(picture, kind, **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


NOISE = np.random.default_rng(0).integers(0, 256, (20, 31, 4), dtype=np.uint8)
PICTURES = {
    "grey": Image.fromarray(NOISE[:, :, 0]),
    "colour": Image.fromarray(NOISE[:, :, :3]),
    "transparent": Image.fromarray(NOISE),
    "palette": Image.fromarray(NOISE[:, :, :3]).quantize(16),
    "black and white": Image.fromarray(NOISE[:, :, 0]).convert("1"),
    "12 bits": Image.fromarray(NOISE[:, :, 0].astype(np.uint16) * 16),
    "16 bits": Image.fromarray(NOISE[:, :, 0].astype(np.uint16) * 257),
}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("name", PICTURES)
def test_pillow_images_are_read_like_files(name, kind):
    data = encoded(PICTURES[name], kind)
    with Image.open(io.BytesIO(data)) as picture:
        assert np.array_equal(pixels_of(picture), read_radiograph(data).pixels)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_orientation_of_a_pillow_image_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(PICTURES["grey"], "JPEG", exif=exif)
    with Image.open(io.BytesIO(data)) as picture:
        assert np.array_equal(pixels_of(picture), read_radiograph(data).pixels)


def test_cmyk_is_read_like_a_file():
    data = encoded(PICTURES["colour"].convert("CMYK"), "JPEG")
    with Image.open(io.BytesIO(data)) as picture:
        assert np.array_equal(pixels_of(picture), read_radiograph(data).pixels)


@pytest.mark.parametrize(
    ("array", "grey"),
    [
        (np.full((2, 3), 7, np.uint8), 7),
        (np.full((2, 3), 4095, np.uint16), 255),
        (np.full((2, 3, 3), 9, np.uint8), 9),
        (np.asfortranarray(np.full((2, 3, 3), 9, np.uint8)), 9),
    ],
)
def test_arrays(array, grey):
    pixels = pixels_of(array)
    assert (pixels.dtype, pixels.shape) == (np.uint8, (2, 3, 3))
    assert pixels.flags.c_contiguous
    assert (pixels == grey).all()


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (Image.fromarray(np.zeros((2, 3), np.float32)), "floating-point"),
        (Image.fromarray(np.full((2, 3), 70_000, np.int32)), "0 to 65535"),
        (Image.fromarray(np.full((2, 3), -1, np.int32)), "0 to 65535"),
    ],
)
def test_grey_levels_without_a_meaning_are_refused(picture, said):
    with pytest.raises(DataError, match=said):
        pixels_of(picture)


def test_a_tiff_whose_zero_is_white_must_come_as_a_file():
    data = encoded(PICTURES["12 bits"], "TIFF", tiffinfo={262: 0})
    with Image.open(io.BytesIO(data)) as picture, pytest.raises(DataError, match="give its path"):
        pixels_of(picture)
