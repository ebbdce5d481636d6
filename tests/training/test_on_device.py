"""The recipe's loop on the device: images packed in one file, boxes that go where pixels go, weights that learn."""

import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes"))

from on_device.images import MOST_BOXES, SHRUNK, pack, unpack
from on_device.loop import FasterRCNN, Order, Plan, learn, rate, settings_of
from on_device.randomize import MILD, Randomisation, Randomiser

SIZES = [(200, 160), (120, 240), (1024, 819), (90, 90)]
BOX = (0.4, 0.5, 0.6, 0.62)
"""As shares of width and height."""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Grey images with a white ellipse in their box; the last has none. Returns the data set and its packed file."""
    folder = tmp_path_factory.mktemp("images")
    records = []
    for number, (width, height) in enumerate(SIZES):
        box = np.array([BOX]) * [width, height, width, height]
        pixels = np.full((height, width), 40, np.uint8)
        if number < 3:
            y, x = np.mgrid[0:height, 0:width] + 0.5
            left, top, right, bottom = box[0]
            across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
            pixels[across**2 + down**2 <= 1] = 255
        path = folder / f"{number}.png"
        Image.fromarray(pixels).save(path)
        boxes = Boxes(box[: number < 3].astype(np.float32).reshape(-1, 4), np.zeros(int(number < 3), np.int64))
        records.append(Record(image=path, width=width, height=height, boxes=boxes))
    data = Dataset(("fracture",), tuple(records))
    pack([data], folder / "images.npz")
    return data, folder / "images.npz"


def test_images_and_boxes_come_back(stored):
    data, file = stored
    pictures = unpack(file)
    assert pictures.counts.tolist() == [1, 1, 1, 0]
    assert pictures.pixels.shape == (4, 1, SHRUNK, SHRUNK)
    assert pictures.boxes.shape == (4, MOST_BOXES, 4)
    for place, record in enumerate(data):
        size = [record.width, record.height]
        shrunk = [SHRUNK, round(SHRUNK * 819 / 1024)] if place == 2 else size
        assert pictures.sizes[place].tolist() == shrunk
        if place < 2:
            width, height = size
            assert torch.equal(
                pictures.pixels[place, 0, :height, :width],
                torch.from_numpy(np.array(Image.open(record.image))),
            )
        if place < 3:
            expected = np.array(BOX) * [*shrunk, *shrunk]
            assert pictures.boxes[place, 0].numpy() == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("mirrored", [False, True])
def test_plain_images_fit_the_canvas(stored, mirrored):
    batch = Randomiser(unpack(stored[1]), 128, MILD).plain(torch.arange(4), mirrored)
    left, right = (1 - BOX[2], 1 - BOX[0]) if mirrored else (BOX[0], BOX[2])
    for place, (width, height) in enumerate(SIZES[:3]):
        scale = 128 / max(width, height)
        expected = [left * width, BOX[1] * height, right * width, BOX[3] * height]
        assert batch.boxes[place, 0].tolist() == pytest.approx([scale * each for each in expected], abs=0.5)
        assert batch.canvas[place, 0, int(height * scale) + 1 :].eq(0).all()
    assert batch.real[:, 0].tolist() == [True, True, True, False]


def test_boxes_go_where_pixels_go(stored):
    torch.manual_seed(0)
    geometry = replace(MILD, zoom=(0.7, 1.6), stretch=1.3, gamma=1.0, contrast=1.0, brightness=0.0, noise=0.0)
    draw = Randomiser(unpack(stored[1]), 192, geometry)
    inner = 0
    for _ in range(30):
        batch = draw.draw(torch.tensor([0, 1, 2]))
        for canvas, box, real in zip(batch.canvas, batch.boxes[:, 0], batch.real[:, 0], strict=True):
            assert real, "the chosen box stays on the canvas"
            y, x = torch.nonzero(canvas[0] > 150, as_tuple=True)
            found = torch.tensor([x.min(), y.min(), x.max() + 1, y.max() + 1], dtype=torch.float32)
            if (box > 2).all() and (box < 190).all():
                inner += 1
                assert (found - box).abs().max() <= 2.0
    assert inner > 50


def test_everything_at_once_keeps_to_the_range_of_grey_levels(stored):
    torch.manual_seed(1)
    sure = Randomisation(
        curve=1, inversion=0.5, sharpness=1, locality=1, coarse=1, noise=1, jpeg=1, collimation=1, stamps=1
    )
    batch = Randomiser(unpack(stored[1]), 128, sure).draw(torch.arange(4).repeat(4))
    assert batch.canvas.shape == (16, 3, 128, 128)
    assert batch.canvas.min() >= 0
    assert batch.canvas.max() <= 255
    assert batch.canvas.flatten(1).std(dim=1).min() > 1
    assert not batch.real[3::4].any()


def test_each_image_comes_once_before_any_comes_again():
    order = Order(torch.arange(10), torch.Generator().manual_seed(0))
    taken = torch.cat([order.take(4) for _ in range(5)]).tolist()
    assert sorted(taken[:10]) == sorted(taken[10:]) == list(range(10))
    assert taken[:10] != taken[10:]


def test_the_learning_rate_rises_and_falls_to_nothing():
    plan = Plan(learning_rate=1.0, warm_up=0.1)
    assert rate(plan, 0.0) == 0
    assert rate(plan, 0.05) == pytest.approx(0.5)
    assert rate(plan, 0.1) == pytest.approx(1.0)
    assert rate(plan, 0.55) == pytest.approx(0.5)
    assert rate(plan, 1.0) == pytest.approx(0.0, abs=1e-9)


def test_a_short_run_learns_and_leaves_half_precision_weights_and_a_log(stored, tmp_path):
    plan = Plan(side=96, batch_size=4, steps=12, learning_rate=2e-3, ema_decay=0.5, strength="mild", drop_connect=0.0)
    torch.manual_seed(0)
    detector = FasterRCNN(settings_of(plan))
    learn(detector, unpack(stored[1]), plan, tmp_path / "weights.pt", memory_format=torch.channels_last)
    weights = torch.load(tmp_path / "weights.pt", weights_only=True)
    assert weights.keys() == detector.state_dict().keys()
    assert all(value.dtype == torch.float16 for value in weights.values())
    rows = (tmp_path / "weights.log").read_text().splitlines()
    assert '"steps": 12' in rows[0]
    assert '"step": 12' in rows[-1]
    assert all(math.isfinite(value.float().sum()) for value in weights.values())
