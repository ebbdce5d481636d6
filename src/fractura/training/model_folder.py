"""The trained-model folder: averaged weights and their card, written each time there are better ones."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

import fractura
from fractura.dataset import Dataset
from fractura.detectors.detector import Detector
from fractura.errors import ModelError
from fractura.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.training.checkpoint import write_tensors
from fractura.training.settings import TrainSettings

_PATHS = ("data", "val", "output", "fine_tune_checkpoint")
_LEAST_SHARE = 0.5
"""Share of the detector's weights that a checkpoint to start from must fill."""


def write_model(
    folder: Path,
    detector: Detector,
    *,
    settings: TrainSettings,
    train: Dataset,
    val: Dataset | None,
    threshold: float,
    metrics: Mapping[str, Any],
) -> None:
    """Write weights, then card; each replaces the former one whole.

    Args:
        folder: The model folder.
        detector: With the weights to save.
        settings: Of the run; of paths only the last part is kept, cards travel.
        train: Films trained on.
        val: Films validated on.
        threshold: Score from which a mark counts.
        metrics: Figures of the validation, and the step.

    Raises:
        ModelError: The disk is full or may not be written.
    """
    chosen = settings.to_dict()
    for name in _PATHS:
        chosen[name] = Path(chosen[name]).name if chosen[name] is not None else None
    if settings.model.startswith("hf:"):  # perhaps a local folder
        chosen["model"] = detector.architecture()["name"]
    card = ModelCard(
        name=folder.resolve().name,
        architecture=detector.architecture(),
        class_names=train.class_names,
        threshold=threshold,
        threshold_aim=settings.aim if val is not None else None,
        threshold_data=val.fingerprint() if val is not None else None,
        data={"train": train.describe(), "val": val.describe() if val is not None else None},
        settings=chosen,
        metrics=dict(metrics),
        versions=_versions(),
    )
    write_tensors(folder / WEIGHTS_FILE, detector.state_dict())
    write_card(card, folder)


def _versions() -> dict[str, str]:
    return {
        "fractura": fractura.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "accelerate": importlib.metadata.version("accelerate"),
    }


def load_fine_tune_checkpoint(detector: Detector, source: Path) -> str:
    """Start ``detector`` from the weights of another trained model, wherever names and shapes agree.

    Layers whose shape depends on the number of classes stay fresh if that number differs.

    Args:
        detector: Gets the weights.
        source: Trained-model folder, or its weights file.

    Returns:
        A line for people: how many tensors were taken, how many were left fresh, and which.

    Raises:
        ModelError: There are no weights, or they fill less than half of the detector: nothing is changed then.
    """
    path = source / WEIGHTS_FILE if source.is_dir() else source
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"cannot be read as weights ({error})", file=path, hint=f"give a model folder with {WEIGHTS_FILE}"
        ) from error
    own = detector.state_dict()
    taken = {name: value for name, value in found.items() if name in own and own[name].shape == value.shape}
    fresh = [name for name in own if name not in taken]
    share = _size(taken) / max(1, _size(own))
    if share < _LEAST_SHARE:
        raise ModelError(
            f"only {share:.0%} of the detector's weights are in it; the first that is not is {fresh[0]}",
            file=path,
            hint="start from a model of the same architecture",
        )
    detector.load_state_dict(taken, strict=False)
    unused = len(found) - len(taken)
    names = f": {', '.join(fresh[:4])}{', …' if len(fresh) > 4 else ''}" if fresh else ""
    return f"weights from {source}: {len(taken)} tensors taken, {unused} not used, {len(fresh)} left fresh{names}"


def _size(tensors: Mapping[str, Tensor]) -> int:
    return sum(value.numel() for value in tensors.values())
