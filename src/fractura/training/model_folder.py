"""The trained-model folder: averaged weights and their card, written each time there are better ones."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from fractura._version import __version__
from fractura.core.dataset import Dataset
from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.models.detector import Detector
from fractura.training.settings import TrainSettings
from fractura.training.state import write_tensors

_PATHS = ("data", "val", "output", "fine_tune_checkpoint")


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
    """Write weights, then card; each replaces the former one whole.

    Args:
        folder: The model folder.
        detector: With the weights to save.
        settings: Of the run; of paths only the last part is kept, cards travel.
        train: Images trained on.
        val: Images validated on.
        threshold: Score from which a detection counts.
        metrics: Metrics of the validation, and the step.
        start: Images behind the weights that training started from; see ``Start.images``.

    Raises:
        ModelError: The disk is full or may not be written.
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
    write_tensors(folder / WEIGHTS_FILE, detector.state_dict())
    write_card(card, folder)


def _versions() -> dict[str, str]:
    return {
        "fractura": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "accelerate": importlib.metadata.version("accelerate"),
    }
