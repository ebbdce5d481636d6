"""Starting training from another trained model: its weights, wherever names and shapes match."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from fractura.core.errors import ModelError
from fractura.core.model_card import CARD_FILE, WEIGHTS_FILE, ModelCard, read_card
from fractura.inference.built_in import locate_model
from fractura.inference.runtimes.onnx import OnnxModel
from fractura.models.detector import Detector
from fractura.models.weights import load_matching_weights


@dataclass(frozen=True)
class Start:
    """The model that training started from.

    Attributes:
        line: For people: how many tensors were taken, how many were left fresh, and which.
        images: Number and digests of the images it was trained on, if its card has them; see ``Dataset.describe``.
    """

    line: str
    images: dict[str, Any] | None


def start_from(detector: Detector, source: Path) -> Start:
    """Load the weights of another trained model into ``detector``.

    Layers whose shape depends on the number of classes stay fresh if that number differs.

    Args:
        detector: Receives the weights.
        source: ``built-in``, a trained-model folder or its weights file, or the ``.onnx`` file of a Faster R-CNN.

    Raises:
        ModelError: There are no weights, or they fill less than half of the detector; nothing has been changed then.
    """
    card, found = _read(source)
    loaded = load_matching_weights(
        detector,
        found,
        file=source,
        hint="start from a model of the same architecture"
        + (f": --model {card.architecture['name']}" if card is not None else ""),
    )
    return Start(f"weights from {source}: {loaded}", _images_behind(card) if card is not None else None)


def architecture_of(source: Path) -> dict[str, Any] | None:
    """The architecture of a model to start from; None for a weights file without a card.

    Raises:
        ModelError: There is no such model, or its card cannot be read.
    """
    path = locate_model(source)
    if not path.exists():
        raise ModelError("there is no such model to start from", file=source)
    if path.suffix.lower() == ".onnx":
        return OnnxModel(path, device="cpu").card.architecture
    folder = path if path.is_dir() else path.parent
    return read_card(folder).architecture if path.is_dir() or (folder / CARD_FILE).is_file() else None


def _read(source: Path) -> tuple[ModelCard | None, Mapping[str, Tensor]]:
    path = locate_model(source)
    if path.suffix.lower() == ".onnx":
        from fractura.training.exported_weights import read_exported_weights  # few runs need the package onnx

        return read_exported_weights(path)
    path = path / WEIGHTS_FILE if path.is_dir() else path
    try:
        found = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"cannot be read as weights ({error})", file=path, hint=f"give a model folder with {WEIGHTS_FILE}"
        ) from error
    return read_card(path.parent) if (path.parent / CARD_FILE).is_file() else None, found


def _images_behind(card: ModelCard) -> dict[str, Any] | None:
    digests = sorted(set((card.trained_on or {}).get("image_digests", "").split()))
    return {"images": len(digests), "image_digests": " ".join(digests)} if digests else None
