"""Detections are drawn where they are, in their own colour, readable and inside the image."""

import numpy as np
import pytest
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.inference.render import (
    DETECTION_COLOURS,
    GROUND_TRUTH_COLOUR,
    draw_boxes,
    draw_heat,
    side_by_side,
    with_caption,
)


def radiograph(width=300, height=200):
    return np.zeros((height, width, 3), np.uint8)


def drawn(boxes, *, pixels=None, names=("fracture", "cast"), ground_truth=None):
    return np.asarray(draw_boxes(radiograph() if pixels is None else pixels, boxes, names, ground_truth=ground_truth))


def where(picture, colour):
    return (picture == np.array(colour, np.uint8)).all(axis=2)


def test_the_line_runs_along_the_box_and_the_image_is_not_touched():
    pixels = radiograph()
    picture = drawn(Boxes([[50, 60, 120, 150]], [0], [0.5]), pixels=pixels)
    line = where(picture, DETECTION_COLOURS[0])
    assert line[60:151, 50].all()
    assert line[60:151, 120].all()
    assert line[150, 50:121].all()
    assert not line[70:140, 60:110].any()
    assert not pixels.any()
    assert picture.shape == pixels.shape


def test_each_class_has_its_colour_and_ground_truth_is_dashed():
    picture = drawn(
        Boxes([[50, 60, 90, 150], [150, 60, 200, 150]], [0, 1], [0.5, 0.6]),
        ground_truth=Boxes([[220, 20, 290, 190]], [0]),
    )
    assert where(picture, DETECTION_COLOURS[0])[100, 50]
    assert where(picture, DETECTION_COLOURS[1])[100, 150]
    left_side = where(picture, GROUND_TRUTH_COLOUR)[20:191, 220]
    assert 0.3 < left_side.mean() < 0.8


@pytest.mark.parametrize("size", [(60, 40), (300, 200), (1500, 2500)])
@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_the_label_stays_inside_the_image_wherever_the_box_is(size, corner):
    width, height = size
    left, top = corner[0] * width * 0.8, corner[1] * height * 0.8
    boxes = Boxes([[left, top, left + width * 0.2, top + height * 0.2]], [0], [0.87])
    picture = drawn(boxes, pixels=radiograph(width, height), names=("f",))
    # A label far from the border has the same number of pixels: none was cut off.
    middle = Boxes([[width * 0.4, height * 0.4, width * 0.6, height * 0.6]], [0], [0.87])
    expected = drawn(middle, pixels=radiograph(width, height), names=("f",))
    dark = [np.asarray(image)[where(image, DETECTION_COLOURS[0])].size for image in (picture, expected)]
    assert dark[0] == pytest.approx(dark[1], rel=0.15)


def test_lines_and_letters_grow_with_the_image():
    small = where(drawn(Boxes([[50, 60, 120, 150]], [0])), DETECTION_COLOURS[0])[100].sum()
    large = drawn(Boxes([[500, 600, 1200, 1500]], [0]), pixels=radiograph(3000, 2000))
    assert where(large, DETECTION_COLOURS[0])[1400].sum() > 2 * small


@pytest.mark.parametrize(
    "corners",
    [[-50, -50, 1000, 1000], [10, 10, 10, 10], [299.9, 199.9, 300, 200], [400, 400, 500, 500], [90, 90, 20, 20]],
)
def test_boxes_beyond_the_image_or_without_extent_do_no_harm(corners):
    assert where(drawn(Boxes([corners], [0], [0.5])), DETECTION_COLOURS[0]).any()


def test_many_classes_and_strange_names_are_drawn():
    boxes = Boxes([[10, 10, 90, 90]], [20], [0.5])
    names = [f"骨折 <b>[x] {index}" for index in range(21)]
    assert where(drawn(boxes, names=names), DETECTION_COLOURS[20 % len(DETECTION_COLOURS)]).any()


def test_side_by_side_holds_both():
    left, right = Image.new("RGB", (30, 20), (255, 0, 0)), Image.new("RGB", (40, 50), (0, 255, 0))
    both = np.asarray(side_by_side(left, right))
    assert both.shape[0] == 50
    assert where(both, (255, 0, 0)).sum() == 600
    assert where(both, (0, 255, 0)).sum() == 2000


def test_heat_is_brightest_where_it_is_strongest_and_leaves_the_rest_alone():
    pixels = np.full((80, 90, 3), 60, np.uint8)
    heat = np.zeros(pixels.shape[:2], np.float32)
    heat[20:40, 20:40] = 1.0
    drawn = np.asarray(draw_heat(pixels, heat, Boxes.empty(scored=True))).astype(int)
    assert drawn[30, 30].sum() > 3 * 60 + 200
    assert (drawn[heat == 0] == pixels[heat == 0]).all()


@pytest.mark.parametrize("size", [(1, 1), (60, 40), (373, 454), (4000, 3000)])
@pytest.mark.parametrize("scale", [None, ("none", "most")])
def test_a_caption_stands_below_the_picture(size, scale):
    width, height = size
    picture = Image.new("RGB", size, (90, 90, 90))
    whole = np.asarray(with_caption(picture, "image score 0.83, 2 detections at threshold 0.30", scale=scale))
    assert whole.shape[1] == width
    assert (whole[:height] == 90).all()
    strip = whole[height:]
    assert len(strip) >= 15
    if width > 300:
        assert strip.max() > 200  # letters
        assert strip[:, -width // 20 :].max() == 0  # which end before the border


@pytest.mark.parametrize("letter", "áéíóúüñÁÑ¿¡äößçøéèłşğ–—×≥µ²αЖ")
def test_every_letter_of_a_caption_is_drawn(letter):
    """Pillow's own font draws a box in place of accents and dashes."""
    missing = with_caption(Image.new("RGB", (200, 20)), "\uffff")
    drawn = with_caption(Image.new("RGB", (200, 20)), letter)
    assert np.asarray(drawn).any()
    assert not np.array_equal(np.asarray(drawn), np.asarray(missing))


def test_any_mixture_of_scripts_is_drawn():
    """Found by fuzzing: some made the library that lays out text give up."""
    text = "M\U00056179\x1d\U0008e0927\x93j\U00018e8a\U00011464\x99\xc1\x0f\xe3\x9c? \u05d0\u0627\ud800"
    assert drawn(Boxes([[20, 40, 80, 90]], [0], [0.5]), names=(text,)).any()
    assert np.asarray(with_caption(Image.new("RGB", (200, 20)), text)).any()
