"""Looking at an image whole, mirrored and in parts: every way finds the same things in the same places."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage
from support.tiny_models import write_tiny_onnx

from fractura.core.boxes import Boxes
from fractura.core.errors import UsageError
from fractura.core.model_card import ModelCard
from fractura.inference import load_model
from fractura.inference.views import MOST_PARTS, WHOLE, Part, detect_in_views, known_views, parts_of

CARD = ModelCard(name="bright", architecture={"name": "bright"}, class_names=("square",))
CANVAS = 100


class BrightSquares:
    """Finds bright rectangles in what is left of an image when its longer side is shrunk to ``CANVAS`` pixels.

    Like a detector it sees nothing that shrinking wipes out, and boxes what it sees of a thing that is cut.
    """

    card = CARD

    def __init__(self):
        self.sizes = []

    def detect(self, image):
        self.sizes.append(image.shape[:2])
        step = max(max(image.shape[:2]) // CANVAS, 1)
        rows, columns = image.shape[0] // step, image.shape[1] // step
        small = image[: rows * step, : columns * step, 0].reshape(rows, step, columns, step).mean(axis=(1, 3))
        found = [
            (columns.start, rows.start, columns.stop, rows.stop)
            for rows, columns in ndimage.find_objects(ndimage.label(small > 45)[0])
        ]
        corners = np.reshape(np.array(found, np.float32), (-1, 4)) * step
        return Boxes(corners, [0] * len(found), [0.8] * len(found))


def image(*squares, width=200, height=200):
    pixels = np.zeros((height, width, 3), np.uint8)
    for left, top, right, bottom in squares:
        pixels[top:bottom, left:right] = 255
    return pixels


def corners(boxes):
    return sorted(tuple(row) for row in boxes.xyxy.round(3).tolist())


def test_whole_alone_is_exactly_what_the_model_gives(tmp_path):
    model = load_model(write_tiny_onnx(tmp_path / "tiny.onnx"))
    pixels = image(width=120, height=80)
    assert detect_in_views(model, pixels) == detect_in_views(model, pixels, WHOLE) == model.detect(pixels)


@pytest.mark.parametrize("size", [(200, 200), (454, 373), (101, 57)])
@pytest.mark.parametrize("view", ["whole", "flipped", "tiles", "flipped_tiles", "tiles=128"])
def test_the_parts_of_a_view_cover_the_image(view, size):
    width, height = size
    covered = np.zeros((height, width), bool)
    for part in parts_of(view, width, height):
        left, top, right, bottom = part.window
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert part.mirrored == view.startswith("flipped")
        covered[top:bottom, left:right] = True
    assert covered.all()


def test_neighbouring_tiles_overlap_by_a_quarter_or_more():
    columns = sorted({part.window[::2] for part in parts_of("tiles=512", 4000, 700)})
    assert columns[0][0] == 0
    assert columns[-1][1] == 4000
    for (_, right), (left, _) in pairwise(columns):
        assert right - left >= 128


@pytest.mark.parametrize("mirrored", [False, True])
def test_what_is_found_in_a_part_is_placed_on_the_image(mirrored):
    pixels = image((60, 100, 70, 130))
    part = Part((50, 80, 150, 180), mirrored)
    assert corners(part.place(BrightSquares().detect(part.cut(pixels)))) == [(60, 100, 70, 130)]


@pytest.mark.parametrize(
    "views",
    [
        ("flipped",),
        ("tiles",),
        ("whole", "flipped"),
        ("whole", "tiles"),
        ("whole", "flipped", "tiles", "flipped_tiles"),
    ],
)
def test_every_way_of_looking_finds_the_same(views):
    # One square lies on the border of two tiles (80 and 120), one where all four meet, one in a corner.
    squares = [(70, 30, 90, 50), (110, 90, 130, 110), (90, 96, 106, 104), (184, 184, 200, 200)]
    found = detect_in_views(BrightSquares(), image(*squares), views)
    assert corners(found) == sorted(squares)
    assert found.scores.tolist() == pytest.approx([0.8] * 4)


def test_half_boxes_at_inner_borders_do_not_survive():
    # From 20 to 180: no tile (0 to 120, 80 to 200) shows it whole, so that only the whole image has it.
    wide = (20, 90, 180, 110)
    assert corners(detect_in_views(BrightSquares(), image(wide), ("tiles",))) == []
    found = detect_in_views(BrightSquares(), image(wide), ("whole", "tiles"))
    assert corners(found) == [wide]
    assert found.scores.tolist() == pytest.approx([0.8])


def test_tiles_see_what_is_lost_when_a_large_image_is_shrunk():
    fractures = [(400, 500, 416, 514), (3980, 3000, 3996, 3016), (1500, 2990, 1512, 3006)]
    pixels = image(*fractures, width=4000, height=3200)
    assert len(detect_in_views(BrightSquares(), pixels)) == 0
    model = BrightSquares()
    found = detect_in_views(model, pixels, ("whole", "tiles=512"))
    assert np.abs(np.array(corners(found)) - np.array(sorted(fractures))).max() <= 5
    # One pass over the whole image, 11 x 8 tiles, none larger than was asked for.
    assert model.sizes[0] == (3200, 4000)
    assert len(model.sizes) == 89
    assert set(model.sizes[1:]) == {(512, 512)}


def test_tiles_as_large_as_the_image_are_not_looked_at_twice():
    model = BrightSquares()
    pixels = image((10, 10, 20, 20))
    assert detect_in_views(model, pixels, ("whole", "tiles=256")) == model.detect(pixels)
    assert len(model.sizes) == 2


def test_a_image_of_one_pixel():
    pixels = image(width=1, height=1)
    assert len(detect_in_views(BrightSquares(), pixels, ("whole", "flipped", "tiles", "tiles=512"))) == 0


@pytest.mark.parametrize(
    ("views", "said"),
    [
        (("hole",), "did you mean 'whole'"),
        (("tiles=",), "no view 'tiles='"),
        (("whole=300",), "no view 'whole=300'"),
        (("tiles=-300",), "no view"),
        (("tiles=64",), "use 128 or more"),
        (("whole", "whole"), "each once"),
        ((), "one or more"),
    ],
)
def test_views_that_are_none_are_refused(views, said):
    with pytest.raises(UsageError) as caught:
        known_views(views)
    assert said in str(caught.value)


def test_tiles_that_would_take_for_ever_are_refused():
    assert len(parts_of("tiles=128", 1900, 1900)) <= MOST_PARTS
    with pytest.raises(UsageError, match="choose larger tiles"):
        parts_of("tiles=128", 4000, 4000)
