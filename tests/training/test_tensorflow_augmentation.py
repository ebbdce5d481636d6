"""TensorFlow's augmentation by its own names: held to TensorFlow where it is installed, to its formulas everywhere."""

import colorsys

import numpy as np
import pytest
from support.augmentation import Draws, labelled_image

from fractura.training.augmentation import RandomExposure, RandomHorizontalFlip, augment
from fractura.training.settings import TrainSettings
from fractura.training.tensorflow_augmentation import (
    RandomAdjustBrightness,
    RandomAdjustContrast,
    RandomAdjustHue,
    RandomAdjustSaturation,
    RandomDistortColor,
    RandomRgbToGray,
    RandomRotation90,
    RandomSquareCropByScale,
    crop_border,
    square_crop,
)


def test_brightness_and_contrast_by_their_formulas():
    x = labelled_image()
    unit = x.image.astype(np.float64) / 255
    brighter = RandomAdjustBrightness().apply(x, Draws(0.15)).image
    assert np.abs(brighter - np.clip((unit + 0.15) * 255, 0, 255)).max() < 1e-3
    mean = unit.mean(axis=(0, 1))
    contrasted = RandomAdjustContrast().apply(x, Draws(1.2)).image
    assert np.abs(contrasted - np.clip(((unit - mean) * 1.2 + mean) * 255, 0, 255)).max() < 1e-3


def test_hue_and_saturation_by_the_standard_library():
    x = labelled_image(6, 7)
    turned = RandomAdjustHue().apply(x, Draws(0.02)).image
    faded = RandomAdjustSaturation().apply(x, Draws(0.8)).image
    for row, column in np.ndindex(6, 7):
        hue, saturation, value = colorsys.rgb_to_hsv(*(x.image[row, column] / 255.0))
        wanted = np.array(colorsys.hsv_to_rgb((hue + 0.02) % 1, saturation, value)) * 255
        assert np.abs(turned[row, column] - wanted).max() < 2e-3
        wanted = np.array(colorsys.hsv_to_rgb(hue, saturation * 0.8, value)) * 255
        assert np.abs(faded[row, column] - wanted).max() < 2e-3


def test_grey_from_colours():
    x = labelled_image()
    grey = RandomRgbToGray().apply(x, Draws(0.1)).image
    assert np.abs(grey - (x.image @ [0.2989, 0.587, 0.114])[..., None]).max() < 1e-3
    assert RandomRgbToGray().apply(x, Draws(0.11)) is x


@pytest.mark.parametrize(("ordering", "order"), [(0, "bshc"), (1, "bcsh")])
def test_distorted_colours_are_four_steps_in_order(ordering, order):
    steps = {
        "b": (RandomAdjustBrightness(max_delta=32 / 255), 32 / 255),
        "s": (RandomAdjustSaturation(min_delta=0.5, max_delta=1.5), 1.5),
        "h": (RandomAdjustHue(max_delta=0.2), -0.2),
        "c": (RandomAdjustContrast(min_delta=0.5, max_delta=1.5), 0.5),
    }
    x = expected = labelled_image()
    for letter in order:
        option, draw = steps[letter]
        expected = option.apply(expected, Draws(draw))
    draws = Draws(*(steps[letter][1] for letter in order))
    found = RandomDistortColor(color_ordering=ordering).apply(x, draws)
    assert np.array_equal(found.image, expected.image)


@pytest.mark.parametrize("option", [RandomAdjustHue(max_delta=0.5), RandomAdjustSaturation()])
def test_grey_images_keep_their_grey(option):
    x = labelled_image(grey=True)
    after = option.apply(x, np.random.default_rng(0)).image
    assert np.abs(after - x.image).max() < 1e-3


@pytest.mark.slow
def test_colours_against_tensorflow(tensorflow):
    x = labelled_image(64, 48)
    unit = tensorflow.constant(x.image, tensorflow.float32) / 255
    image = tensorflow.image
    for delta in (-0.02, 0.013, 0.02):
        ours = RandomAdjustHue().apply(x, Draws(delta)).image
        assert np.abs(ours - np.clip(image.adjust_hue(unit, delta) * 255, 0, 255)).max() < 0.01
    for factor in (0.8, 1.1, 1.25):
        ours = RandomAdjustSaturation().apply(x, Draws(factor)).image
        assert np.abs(ours - np.clip(image.adjust_saturation(unit, factor) * 255, 0, 255)).max() < 0.01
        ours = RandomAdjustContrast().apply(x, Draws(factor)).image
        assert np.abs(ours - np.clip(image.adjust_contrast(unit, factor) * 255, 0, 255)).max() < 0.01
    turned = RandomRotation90().apply(x, Draws(0.0)).image
    assert np.array_equal(turned, image.rot90(x.image).numpy())


@pytest.mark.parametrize(
    ("length", "border"), [(1000, 128), (256, 128), (255, 64), (128, 64), (127, 32), (40, 16), (2, 1)]
)
def test_border_of_the_centre(length, border):
    assert crop_border(128, length) == border
    assert border <= length / 2


def test_square_inside_the_image():
    x = labelled_image(100, 100, [(10, 10, 30, 30), (60, 60, 90, 95), (40, 40, 50, 50)])
    cut = square_crop(x, 40, 50, 50)
    assert cut.image.shape == (40, 40, 3)
    assert np.array_equal(cut.image, x.image[30:70, 30:70])
    assert cut.boxes.tolist() == [[30, 30, 40, 40], [10, 10, 20, 20]]
    assert (cut.labels.tolist(), cut.dropped) == ([1, 2], 1)


def test_square_over_the_border_is_padded_with_black_and_loses_the_last_row():
    x = labelled_image(40, 60, [(0, 0, 10, 10)])
    cut = square_crop(x, 78, 30, 20)  # reaches 19 above, 9 left, and beyond bottom and right
    assert cut.image.shape == (78, 78, 3)
    assert np.array_equal(cut.image[19 : 19 + 39, 9 : 9 + 59], x.image[:39, :59])
    assert not cut.image[:19].any()
    assert not cut.image[58:].any()
    assert not cut.image[:, 68:].any()
    assert cut.boxes.tolist() == [[9, 19, 19, 29]]


def test_odd_side():
    x = labelled_image(100, 100, [(70, 40, 80, 50)])
    cut = square_crop(x, 41, 50, 50)  # 20 pixels to each side: the last row and column of 41 stay black
    assert np.array_equal(cut.image[:40, :40], x.image[30:70, 30:70])
    assert not cut.image[40:].any()
    assert cut.boxes.tolist() == [[40, 10, 41, 20]]


def test_scales_and_centres_of_the_square():
    option = RandomSquareCropByScale()
    x = labelled_image(200, 300)
    for index, scale in enumerate(np.linspace(0.6, 1.3, 8, dtype=np.float32)):
        assert option.apply(x, Draws(index, 64, 150)).image.shape[0] == int(scale * np.float32(300))
    for seed in range(50):
        result = option.apply(x, np.random.default_rng(seed))
        assert result.image.shape[0] == result.image.shape[1]
        assert len(result.boxes) + result.dropped == 1


def test_quarter_turn():
    x = labelled_image(40, 60, [(5, 8, 20, 30)])
    turned = RandomRotation90().apply(x, Draws(0.2))
    assert np.array_equal(turned.image, np.rot90(x.image))
    left, top, right, bottom = turned.boxes[0].astype(int)
    assert np.array_equal(turned.image[top:bottom, left:right], np.rot90(x.image[8:30, 5:20]))
    assert RandomRotation90().apply(x, Draws(0.7)) is x


def test_nothing_is_rounded_between_steps_and_ours_get_whole_pixels():
    x = labelled_image()
    options = [RandomAdjustContrast(), RandomHorizontalFlip(probability=1.0)]
    floating = augment(x, options, [1]).image
    assert floating.dtype == np.float32
    assert not np.array_equal(floating, np.rint(floating))
    assert augment(x, [*options, RandomExposure()], [1]).image.dtype == np.uint8


def test_settings_know_them_by_name_with_the_defaults_of_the_protos(tmp_path):
    from fractura.tensorflow_od.pipeline_schema import Effect, ValueField
    from fractura.tensorflow_od.pipeline_training_fields import AUGMENTATIONS

    names = sorted(AUGMENTATIONS)
    values = {"data": tmp_path, "output": tmp_path, "model": "m"}
    settings = TrainSettings.create({**values, "data_augmentation_options": [{"name": name} for name in names]})
    assert [option.name for option in settings.data_augmentation_options] == names
    again = TrainSettings.create(settings.to_dict())
    assert again.data_augmentation_options == settings.data_augmentation_options
    for option in settings.data_augmentation_options:
        for name, row in AUGMENTATIONS[option.name].items():
            if isinstance(row, ValueField) and row.effect is Effect.HONOURED:
                assert getattr(option, name) == row.default, (option.name, name)


def test_only_so_many_boxes_are_trained_on(tmp_path):
    from PIL import Image

    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset, Record
    from fractura.training.data import ImageDataset
    from fractura.training.sampling import ImageStream

    Image.new("RGB", (50, 50)).save(tmp_path / "image.png")
    boxes = Boxes([[n, n, n + 9, n + 9] for n in range(5)], [0] * 5)
    data = Dataset(("a",), (Record(tmp_path / "image.png", 50, 50, boxes),))
    stream = ImageStream.of(data, None, 0)
    assert len(ImageDataset(data, stream, (), 3)[0].target.boxes) == 3
    assert len(ImageDataset(data, stream, ())[0].target.labels) == 5
