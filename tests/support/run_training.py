"""A small run in a process of its own, for tests that kill it or start several.

Arguments: FOLDER STEPS [resume] [JSON of changed settings].
"""

import json
import sys
import time
from pathlib import Path

import torch

from fractura.core.reporter import STDERR
from fractura.training import TrainSettings, train

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script, this knows only its own folder
from support.training_fakes import FakeDetector, make_images


class Slow(FakeDetector):
    """Takes its time, so that a kill meets it at any point."""

    def losses(self, images, targets):
        time.sleep(0.02)
        return super().losses(images, targets)


def main(folder, steps, resume=False, changes=None):
    """Train in ``folder``, on images made there; the change "plain" leaves out all that is random."""
    changes = dict(changes or {})
    plain = changes.pop("plain", False)
    train_images, val_images = make_images(folder / "train", 12, seed=1), make_images(folder / "val", 4, seed=2)
    torch.manual_seed(0)
    values = {
        "data": folder / "train",
        "output": folder / "model",
        "model": "fake",
        "num_steps": steps,
        "batch_size": 4,
        "optimizer": "adamw",
        "learning_rate_base": 0.02,
        "eval_every": 7,
        "checkpoint_every_n": 3,
        "log_every": 1,
        "workers": 0,
        "device": "cpu",
        **changes,
    }
    detector = Slow(dropout=0.0) if plain else Slow()
    if plain:
        detector.body[1] = torch.nn.Identity()  # batch norm sees other batches when several processes share one
    return train(
        TrainSettings.create(values),
        resume=resume,
        detector=detector,
        train_data=train_images,
        val_data=val_images,
        reporter=STDERR,
    )


if __name__ == "__main__":
    arguments = sys.argv[1:]
    document = json.loads(arguments[-1]) if arguments[-1].startswith("{") else None
    main(Path(arguments[0]), int(arguments[1]), "resume" in arguments, document)
