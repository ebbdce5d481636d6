"""Runs a model folder with PyTorch."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from fractura.core.boxes import Boxes
from fractura.core.errors import MissingDependencyError, ModelError, first_line
from fractura.core.memory import is_out_of_memory, not_enough_memory
from fractura.core.model_card import WEIGHTS_FILE, ModelCard, read_card
from fractura.inference.runtimes.runtime import Device, Precision, checked_boxes, refuse_wrong_image
from fractura.models import Detector, build_from_architecture
from fractura.models.layers import fold_norms

_NETWORK_ERRORS = (RuntimeError, MemoryError, ValueError, TypeError, IndexError, ArithmeticError)
"""What a network raises whose architecture does not make sense."""


class TorchModel:
    """A model folder: ``card.json`` and ``weights.safetensors``.

    Args:
        folder: The model folder.
        device: ``auto`` uses CUDA where there is a device, else the CPU.
        precision: ``bf16`` multiplies in 16 bits, unless a short trial finds that slower on this machine.

    Attributes:
        precision: What it computes in.

    Raises:
        ModelError: Card or weights are missing, damaged, or do not belong together.
        MissingDependencyError: CUDA was asked for and there is none.
    """

    def __init__(self, folder: Path, *, device: Device = "auto", precision: Precision = "float32") -> None:
        self._folder = folder
        self._card = read_card(folder)
        self._device = _choose(device)
        self.precision: Precision = "bf16" if precision == "bf16" and bf16_pays(self._device) else "float32"
        self._detector = fold_norms(load_detector(self._card, folder)).to(self._device)

    @property
    def card(self) -> ModelCard:
        """What is known of the model."""
        return self._card

    @property
    def device(self) -> str:
        """``cuda`` or ``cpu``: where it runs."""
        return self._device.type

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """All candidates on one image, best first; see ``Runtime.detect``."""
        refuse_wrong_image(image)
        tensor = torch.from_numpy(np.require(image, requirements=["C", "W"])).to(self._device)
        size = f"an image of {image.shape[1]} x {image.shape[0]} pixels"
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self._device.type, torch.bfloat16, enabled=self.precision == "bf16"),
            ):
                found = self._detector.detect([tensor])[0]
        except _NETWORK_ERRORS as error:
            if is_out_of_memory(error):
                raise not_enough_memory(size, error) from error
            raise ModelError(
                f"the model fails on {size} ({first_line(error)})",
                file=self._folder,
                hint="the architecture on its card may be wrong: copy the model again from its source",
            ) from error
        return checked_boxes(found, self._card, self._folder)


def load_detector(card: ModelCard, folder: Path) -> Detector:
    """Build the detector of a card and fill it with the folder's weights, on the CPU and ready for use (eval mode).

    Raises:
        ModelError: The weights are missing, damaged, or not those of the card's architecture.
    """
    file = folder / WEIGHTS_FILE
    if not file.is_file():
        raise ModelError("there are no weights here", file=file, hint="copy the whole model folder, not only its card")
    try:
        weights = load_file(file)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"the weights cannot be read ({error})", file=file, hint="copy the model again from its source"
        ) from error
    detector = build_from_architecture(card.architecture)
    try:
        detector.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:300]
        raise ModelError(
            f"the weights are not those of the card's architecture ({first})",
            file=file,
            hint="card and weights must come from one training run",
        ) from error
    return detector.eval()


@cache
def bf16_pays(device: torch.device) -> bool:
    """True if matrices are multiplied faster in bf16 than in float32 here: a trial of milliseconds.

    Processors with AVX512-BF16 or AMX are two to three times as fast, most others many times slower.
    """
    return _trial(torch.bfloat16, device) < _trial(torch.float32, device)


def _trial(kind: torch.dtype, device: torch.device) -> float:
    square, times = torch.ones(768, 768, dtype=kind, device=device), []
    for _ in range(4):
        started = time.perf_counter()
        float((square @ square)[0, 0])  # waits for a GPU
        times.append(time.perf_counter() - started)
    return min(times)


def _choose(device: Device) -> torch.device:
    if device == "cuda" and not torch.cuda.is_available():
        raise MissingDependencyError(
            "PyTorch finds no CUDA device", hint="use the CPU, or install a driver and a PyTorch that has CUDA"
        )
    return torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
