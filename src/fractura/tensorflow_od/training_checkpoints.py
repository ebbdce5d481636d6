"""Store the state of a run as TensorFlow does: ``ckpt-N`` and ``checkpoint`` in ``model_dir``.

Follows tensorflow/models research/object_detection/model_lib_v2.py:600-730 and ``tf.train.CheckpointManager``.
"""

from __future__ import annotations

import pprint
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fractura.core.errors import ModelError
from fractura.core.reporter import Reporter
from fractura.models import Detector
from fractura.models.faster_rcnn.faster_rcnn import REGULARIZATION_LOSS, FasterRCNN
from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.checkpoint_state import latest_checkpoint, read_checkpoint_state, write_checkpoint_state
from fractura.tensorflow_od.restoring import read_number, restore, restore_averages
from fractura.tensorflow_od.variables import (
    AVERAGE,
    BASE_OPTIMIZER,
    OPTIMIZER,
    key_of,
    model_variables,
    parameters_by_path,
    slot_key,
    to_array,
    to_tensor,
    trainable_paths,
)
from fractura.training.data import Batch
from fractura.training.logging import Events, RunHooks
from fractura.training.settings import TrainSettings
from fractura.training.state import RunProgress
from fractura.training.store import Restored, RunState, StateStore
from fractura.training.tensorflow_optimizers import TensorFlowOptimizer

MAX_TO_KEEP = 7
_PICTURES, _STEPS_PER_PICTURE = 3, 100


class TensorFlowCheckpoints(StateStore, RunHooks):
    """Writes checkpoints that TensorFlow can read, and logs what its training logs.

    Args:
        averaged: Moving averages of the weights are part of the optimiser, as with ``use_moving_average``.
        pictures: Write images as the network sees them to the event files.
        latest: Checkpoint to resume from; None if the run is new.
    """

    events_folder = "train"
    shows_last_step = True
    shares_output = True

    def __init__(
        self, *, averaged: bool = False, pictures: bool = True, latest: CheckpointReader | None = None
    ) -> None:
        self._averaged = averaged
        self._place = BASE_OPTIMIZER if averaged else OPTIMIZER
        self._latest = latest
        self._pictures = pictures
        self._saved_step: int | None = None
        self._counter = 0
        self._detector: Detector | None = None

    def advice(self, settings: TrainSettings) -> str:
        """How to go on after losses that were not finite, for an error: the command's own flags know no rate."""
        return "lower the learning rate in the pipeline.config, and give the same command again: it goes on from there"

    def save(self, state: RunState) -> None:
        """Write the next ``ckpt-N`` and delete the eighth-last; each step is written only once."""
        self._detector = state.detector
        step = state.progress.step
        if step == self._saved_step:
            return
        self._counter += 1
        prefix = state.output / f"ckpt-{self._counter}"
        write_checkpoint(prefix, self._variables(state, step))
        self._saved_step = step
        kept = [path for path in self._listed(state.output) if path != prefix] + [prefix]
        for old in kept[:-MAX_TO_KEEP]:  # before they are taken from the list, so that a kill forgets none
            for file in sorted(old.parent.glob(f"{old.name}.*")):  # the index and its data; never ckpt-10 for ckpt-1
                file.unlink(missing_ok=True)
        write_checkpoint_state(state.output, kept[-MAX_TO_KEEP:])

    def _listed(self, folder: Path) -> list[Path]:
        """The checkpoints in the folder, and the one resumed from where its run was killed before it could list it."""
        listed = read_checkpoint_state(folder)
        if self._latest is None or self._latest.prefix is None:
            return listed
        resumed = folder / self._latest.prefix.name
        is_there = resumed.with_name(f"{resumed.name}.index").is_file()
        return [resumed, *listed] if is_there and resumed not in listed else listed

    def _variables(self, state: RunState, step: int) -> dict[str, Any]:
        variables: dict[str, Any] = dict(model_variables(state.detector))
        optimizer = _tensorflow_optimizer(state)
        for path, parameter in parameters_by_path(state.detector):
            for ours, theirs in optimizer.slots.items():
                variables[slot_key(path, theirs, self._place)] = to_array(optimizer.slot(parameter, ours))
        if self._averaged:
            averages = dict(state.average.named_parameters())
            for path, name in trainable_paths(state.detector).items():
                variables[slot_key(path, AVERAGE)] = to_array(averages[name])
        numbers = {name: np.float32(value) for name, value in optimizer.hyperparameters.items()}
        return variables | {
            key_of(f"{self._place}/iter"): np.int64(step),
            **{key_of(f"{self._place}/{name}"): value for name, value in numbers.items()},
            key_of("step"): np.int64(step),
            key_of("save_counter"): np.int64(self._counter),
        }

    def restore(self, state: RunState) -> Restored:
        """Resume from the latest checkpoint, whether TensorFlow or fractura wrote it.

        Raises:
            ModelError: It does not match the model, or does not say at which step it was written.
        """
        reader = self._latest
        if reader is None:
            raise ModelError("contains no checkpoint to resume from", file=state.output)
        self._detector = state.detector
        restore(state.detector, reader, "full")
        step = read_number(reader, "step")
        if step is None:
            raise ModelError(
                "does not say at which step it was written, so training cannot resume from it",
                file=reader.prefix,
                hint="an exported checkpoint has no training state: use it as fine_tune_checkpoint, of type full",
            )
        optimizer = _tensorflow_optimizer(state)
        optimizer.iterations = step
        with torch.no_grad():
            for path, parameter in parameters_by_path(state.detector):
                for ours, theirs in optimizer.slots.items():
                    key = slot_key(path, theirs, self._place)
                    if key in reader:
                        optimizer.slot(parameter, ours).copy_(to_tensor(reader.read(key)))
        state.average.load_state_dict(state.detector.state_dict())
        if self._averaged:
            restore_averages(state.average, reader, trainable_paths(state.detector))
        self._counter, self._saved_step = read_number(reader, "save_counter") or 0, step
        return Restored(RunProgress(step=step, images_shown=step * state.identity.settings["batch_size"]), None)

    def step_begins(self, events: Events, step: int, batch: Batch) -> None:
        """Write the images of the first of every hundred steps, under the number of steps done."""
        if self._pictures and step % _STEPS_PER_PICTURE == 0 and isinstance(self._detector, FasterRCNN) and len(batch):
            events.picture("train_input_images", side_by_side(self._detector, batch), step)

    def step_logged(
        self, events: Events, reporter: Reporter, row: Mapping[str, float], parts: Mapping[str, float]
    ) -> None:
        """Print TensorFlow's log lines, and write the events that only TensorFlow has."""
        step = int(row["step"])
        losses = {f"Loss/{name}": value for name, value in sorted(parts.items())}
        shown = {
            "Loss/regularization_loss": 0.0,  # TensorFlow shows it even where nothing is regularised
            **losses,
            "Loss/total_loss": row["loss"],
            "learning_rate": row["learning_rate"],
        }
        seconds = 1 / row["steps_per_second"] if row["steps_per_second"] > 0 else 0.0
        reporter.say(f"Step {step} per-step time {seconds:.3f}s")
        reporter.say(pprint.pformat(shown, width=40))
        if REGULARIZATION_LOSS not in parts:
            events.scalar(f"Loss/{REGULARIZATION_LOSS}", 0.0, step)


def _tensorflow_optimizer(state: RunState) -> TensorFlowOptimizer:
    assert isinstance(state.optimizer, TensorFlowOptimizer)  # a pipeline.config names no other
    return state.optimizer


@torch.no_grad()
def side_by_side(detector: FasterRCNN, batch: Batch) -> np.ndarray:
    """The first images of a batch as the network sees them: uint8 ``(height, images * width, 3)``."""
    canvas, _ = detector.preprocess(batch.images[:_PICTURES])
    rows = canvas.permute(0, 2, 3, 1).clamp(0, 255).to(torch.uint8).cpu()
    return np.concatenate(list(rows.numpy()), axis=1)


def open_latest(model_dir: Path) -> CheckpointReader | None:
    """The latest checkpoint in ``model_dir``; None if there is none.

    Raises:
        ModelError: It cannot be read.
    """
    prefix = latest_checkpoint(model_dir)
    return None if prefix is None else CheckpointReader(prefix)
