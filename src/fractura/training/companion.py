"""What goes along with a run: who keeps its state, and who hears of its steps.

By itself a run keeps its state in ``OUTPUT/last``. Where it stands in for another program, a companion of that
program's room keeps it in that program's files instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fractura.models.detector import Detector
from fractura.training.data import Batch
from fractura.training.progress import Reporter
from fractura.training.state import Progress, RunIdentity, load_state, refuse_other_run, save_state
from fractura.training.tensorboard import Events

STATE_FOLDER = "last"


def stored_settings(output: Path) -> dict[str, Any]:
    """All settings of the run in ``output``, for ``TrainSettings.create`` to start from when it is resumed.

    Raises:
        ModelError: There is no run to go on with, or its state cannot be read.
    """
    return load_state(output / STATE_FOLDER).identity.settings


@dataclass(frozen=True)
class RunState:
    """All that a state is made of, and is put back into.

    Attributes:
        output: Folder of the run.
        detector: Its weights as trained.
        average: The detector with averaged weights.
        optimizer: Its velocities.
        scaler: Gradient scaler of fp16, if used.
        progress: Where the run is.
        identity: What the run is.
    """

    output: Path
    detector: Detector
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    scaler: Any | None
    progress: Progress
    identity: RunIdentity


@dataclass(frozen=True)
class Restored:
    """What was put back: where the run was, and how many steps it was meant to have (None if that is not known)."""

    progress: Progress
    num_steps: int | None


class Companion:
    """Keeps the state in ``OUTPUT/last``, whole at any moment.

    Attributes:
        events_folder: Where TensorBoard events go, inside the output.
        shares_output: True if other files may be in the output folder when a run starts.
    """

    events_folder = "tensorboard"
    shares_output = False

    def save(self, state: RunState) -> None:
        """Keep ``state``; called on the main process."""
        save_state(
            state.output / STATE_FOLDER,
            model=state.detector,
            average=state.average,
            optimizer=state.optimizer,
            scaler=state.scaler.state_dict() if state.scaler is not None else None,
            progress=state.progress,
            identity=state.identity,
        )

    def restore(self, state: RunState) -> Restored:
        """Put the kept state back into the objects of ``state``; called on every process.

        Raises:
            ModelError: There is none, or it cannot be read.
            UsageError: It is that of another run.
        """
        saved = load_state(state.output / STATE_FOLDER)
        refuse_other_run(saved.identity, state.identity, state.output)
        saved.restore(model=state.detector, average=state.average, optimizer=state.optimizer)
        if saved.scaler is not None and state.scaler is not None:
            state.scaler.load_state_dict(saved.scaler)
        return Restored(saved.progress, saved.identity.settings["num_steps"])

    def logged(
        self, events: Events, reporter: Reporter, row: Mapping[str, float], parts: Mapping[str, float], batch: Batch
    ) -> None:
        """Hear of a logged step; called on the main process.

        Args:
            events: For more events of this step.
            reporter: For people.
            row: ``step``, ``learning_rate``, ``loss``, ``steps_per_second``, …
            parts: Losses by name.
            batch: The images of the step.
        """
