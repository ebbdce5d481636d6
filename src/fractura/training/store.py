"""Where the state of a run is kept: ``OUTPUT/last``, unless another ``StateStore`` is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fractura.core.errors import ModelError
from fractura.models.detector import Detector
from fractura.training.settings import TrainSettings
from fractura.training.state import RunIdentity, RunProgress, load_state, refuse_other_run, save_state

STATE_FOLDER = "last"


def stored_settings(output: Path) -> dict[str, Any]:
    """All settings of the run in ``output``, for ``TrainSettings.create`` to start from when it is resumed.

    Raises:
        ModelError: There is no run to resume, or its state cannot be read.
    """
    return load_state(output / STATE_FOLDER).header.identity.settings


@dataclass(frozen=True, kw_only=True)
class RunState:
    """The live objects that a state is made of, and that it is restored into.

    Attributes:
        output: Folder of the run.
        detector: Its weights as trained.
        average: The detector with averaged weights.
        optimizer: With its velocities.
        scaler: Gradient scaler of fp16, if used.
        progress: How far the run has come.
        identity: Which run it is.
    """

    output: Path
    detector: Detector
    average: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: Any | None
    progress: RunProgress
    identity: RunIdentity


@dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes:
        progress: How far the run had come.
        num_steps: How many steps it was meant to have; None if that is not known.
    """

    progress: RunProgress
    num_steps: int | None


class StateStore:
    """Keeps the state in ``OUTPUT/last``. A subclass may keep it elsewhere, in another program's files.

    Attributes:
        shares_output: True if the output folder may hold other files when a run starts.
    """

    shares_output = False

    def advice(self, settings: TrainSettings) -> str:
        """How to go on after losses that were not finite, for an error: what to type."""
        return (
            f"then go on with the same command and --resume, with --learning-rate {settings.learning_rate_base / 10:g} "
            "or --mixed-precision no"
        )

    def save(self, state: RunState) -> None:
        """Store ``state``; called on the main process."""
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
        """Load the stored state into the objects of ``state``; called on every process.

        Raises:
            ModelError: There is none, or it cannot be read.
            UsageError: It belongs to another run.
        """
        saved = load_state(state.output / STATE_FOLDER)
        header = saved.header
        num_steps = header.identity.settings.get("num_steps")
        refuse_other_run(header.identity, state.identity, state.output)
        saved.restore(model=state.detector, average=state.average, optimizer=state.optimizer)
        if header.scaler is not None and state.scaler is not None:
            try:
                state.scaler.load_state_dict(header.scaler)
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                raise ModelError(f"its gradient scaler cannot be restored: {error!r}", file=saved.path) from error
        return Restored(header.progress, num_steps if isinstance(num_steps, int) else None)
