"""How fast images are prepared for training, against the training steps of the default detector that wait for them.

    python -m benchmarks.loading [--images FOLDER]

The loader alone must be several times as fast, or it holds up training: on one core here, as the step uses all.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from accelerate import PartialState

from benchmarks.contest import in_turn, keep
from fractura.formats import read_dataset
from fractura.models import DEFAULT_MODEL
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.phantom import make_phantoms
from fractura.training.data import ImageDataset, collate
from fractura.training.devices import build_accelerator, use_all_cores
from fractura.training.optimization import build_optimizer
from fractura.training.sampling import ImageStream
from fractura.training.settings import TrainSettings
from fractura.training.step import LossModule, OptimizerStep

BATCH, STEPS, ROUNDS = 8, 4, 5


def main() -> None:
    """Prepare and train in turn."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of labelled images; phantoms without it")
    arguments = parser.parse_args()
    use_all_cores(1)
    with TemporaryDirectory() as place:
        data = (
            read_dataset(arguments.images)
            if arguments.images
            else make_phantoms(Path(place), images=BATCH * STEPS, seed=1)
        )
        settings = TrainSettings(data=Path(place), model=DEFAULT_MODEL, output=Path(place) / "out", batch_size=BATCH)
        count = min(len(data), BATCH * STEPS)
        stream = ImageStream.of(data, None, settings.seed)
        images = ImageDataset(data, stream, settings.data_augmentation_options, settings.max_number_of_boxes)

        def load() -> float:
            started = time.perf_counter()
            for number in range(count):
                assert images[number] is not None
            return count / (time.perf_counter() - started)

        detector = FasterRCNN(named_settings(DEFAULT_MODEL, 1)).to(memory_format=torch.channels_last).train()
        accelerator = build_accelerator(PartialState(cpu=True), "no")
        module, optimizer = accelerator.prepare(LossModule(detector), build_optimizer(settings, detector))
        step = OptimizerStep(
            accelerator, module, optimizer, longest_gradient=10.0, micro_batch=None, seed=0, warn=print
        )
        batch = collate([images[number] for number in range(BATCH)])

        def train() -> float:
            started = time.perf_counter()
            for number in range(2):
                step.run(batch, number)
            return 2 * BATCH / (time.perf_counter() - started)

        train()
        ours, peer = in_turn(load, train, ROUNDS)
    keep(
        "training-loader",
        f"images prepared for training, one core, batch {BATCH}",
        ("loader", ours),
        (f"training step of `{DEFAULT_MODEL}`, all cores", peer),
        unit="images/s",
        more_is_better=True,
        goal=3.0,
    )


if __name__ == "__main__":
    main()
