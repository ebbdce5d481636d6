"""Small films with one bright patch, and settings for runs of seconds."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fractura.boxes import Boxes
from fractura.dataset import Dataset, Record
from fractura.training.settings import TrainSettings

sys.path.insert(0, str(Path(__file__).parent))  # for fake_detector, also in the processes that tests start


def make_films(folder, count, *, negative_every=3, seed=0, size=(48, 40)):
    """``count`` PNG films with one bright patch each, every ``negative_every``-th without."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    records = []
    for number in range(count):
        pixels = generator.integers(0, 60, (height, width), dtype=np.uint8)
        boxes = Boxes.empty()
        if not negative_every or number % negative_every:
            left, top = generator.integers(2, width - 18), generator.integers(2, height - 18)
            box_width, box_height = generator.integers(8, 15, 2)
            pixels[top : top + box_height, left : left + box_width] = 230
            boxes = Boxes([[left, top, left + box_width, top + box_height]], [0])
        path = folder / f"film{seed}_{number:03d}.png"
        Image.fromarray(pixels).save(path)
        records.append(Record(path, width, height, boxes))
    return Dataset(("fracture",), tuple(records), folder)


@pytest.fixture
def films(tmp_path):
    """(train, val)."""
    return make_films(tmp_path / "train", 12, seed=1), make_films(tmp_path / "val", 6, seed=2)


@pytest.fixture
def settings(tmp_path):
    """Settings by keyword, for a run of a second."""

    def build(**changes):
        values = {
            "data": tmp_path / "train",
            "output": tmp_path / "model",
            "model": "fake",
            "num_steps": 6,
            "batch_size": 4,
            "optimizer": "adamw",
            "learning_rate_base": 0.01,
            "eval_every": 3,
            "checkpoint_every_n": 2,
            "log_every": 1,
            "workers": 0,
            "device": "cpu",
            **changes,
        }
        return TrainSettings.create(values)

    return build
