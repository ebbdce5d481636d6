"""The trained-model folder: averaged weights and their card, rewritten whenever better ones are found."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from fractura._version import __version__
from fractura.core.dataset import Dataset
from fractura.core.errors import UsageError
from fractura.core.leftovers import holds_nothing, remove_temporary_files
from fractura.core.model_card import CARD_FILE, WEIGHTS_FILE, ModelCard, write_card
from fractura.models.detector import Detector
from fractura.models.weights import partial_file, write_tensors
from fractura.training.settings import TrainSettings
from fractura.training.state import STATE_FILE
from fractura.training.store import STATE_FOLDER

_PATHS = ("data", "val", "output", "fine_tune_checkpoint")


def check_output(output: Path, resume: bool) -> None:
    """Check that the output folder contains no other run.

    Raises:
        UsageError: The folder is not empty and the run is not resumed, or it is a file.
    """
    if output.exists() and not output.is_dir():
        raise UsageError("the output must be a folder", file=output, hint="choose another --output")
    if not resume and output.is_dir() and not _is_unused(output):
        raise UsageError(
            "the output folder is not empty",
            file=output,
            hint="resume the run in it with --resume, or choose a new folder",
        )


def remove_partial_files(output: Path) -> None:
    """Delete what a killed run had half written, which a run that is complete would not write again."""
    for file in (output / WEIGHTS_FILE, output / STATE_FOLDER / STATE_FILE):
        with suppress(OSError):  # a read-only disk says so even where there is none
            partial_file(file).unlink()
    remove_temporary_files(output, below=True)


def _is_unused(output: Path) -> bool:
    """Nothing lies in the folder, or only what a run left that was killed before its first state was whole."""
    return holds_nothing(output, besides=[partial_file(Path(STATE_FILE)).name])


def write_model(
    folder: Path,
    detector: Detector,
    *,
    settings: TrainSettings,
    train: Dataset,
    val: Dataset | None,
    threshold: float,
    metrics: Mapping[str, Any],
    start: Mapping[str, Any] | None = None,
) -> None:
    """Write weights and card; a reader finds those that belong together, or no card for an instant.

    Args:
        folder: The model folder.
        detector: Holds the weights to save.
        settings: Of the run; only the last part of each path is kept, because cards are shared.
        train: Images trained on.
        val: Images validated on.
        threshold: Score from which a detection counts.
        metrics: Metrics of the validation, and the step.
        start: Images behind the weights that training started from; see ``Start.images``.

    Raises:
        DataError: The disk is full or not writable.
    """
    chosen = settings.to_dict()
    for name in _PATHS:
        chosen[name] = Path(chosen[name]).name if chosen[name] is not None else None
    if settings.model.startswith("hf:"):  # perhaps a local folder
        chosen["model"] = detector.architecture()["name"]
    data = {"train": train.describe(), "val": val.describe() if val is not None else None}
    if start is not None:
        data["start"] = dict(start)
    card = ModelCard(
        name=folder.resolve().name,
        architecture=detector.architecture(),
        class_names=train.class_names,
        threshold=threshold,
        threshold_aim=settings.aim if val is not None else None,
        threshold_data=val.fingerprint() if val is not None else None,
        data=data,
        settings=chosen,
        metrics=dict(metrics),
        versions=_versions(),
    )

    def write_weights() -> None:
        """When all of the card is on the disk but its name; a kill leaves no card rather than one of other weights."""
        file = folder / CARD_FILE
        write_tensors(folder / WEIGHTS_FILE, detector.state_dict(), before_rename=lambda: file.unlink(missing_ok=True))

    write_card(card, folder, before_rename=write_weights)


def _versions() -> dict[str, str]:
    return {
        "fractura": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "accelerate": importlib.metadata.version("accelerate"),
    }
