"""Small images with one bright patch, and settings for runs of seconds."""

import pytest
from support.training_fakes import make_images

from fractura.training.settings import TrainSettings


@pytest.fixture
def images(tmp_path):
    """(train, val)."""
    return make_images(tmp_path / "train", 12, seed=1), make_images(tmp_path / "val", 6, seed=2)


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
