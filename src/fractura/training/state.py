"""The state of a run: one file, replaced in one rename, so that a killed process always leaves a complete state.

Tensors (weights, averaged weights, optimiser) and everything else (as JSON in the header) share one safetensors file:
there are no two files that could disagree, and nothing to unpickle.

The random state is not stored because there is none: each step seeds its generators from the run's seed and the step's
number (``seed_step``), and images and augmentation do likewise.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from pydantic import BaseModel
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from fractura.core.dataset import Dataset
from fractura.core.errors import ModelError, UsageError
from fractura.core.json_text import parse_json
from fractura.models.detector import Detector
from fractura.models.weights import write_tensors
from fractura.training.settings import TrainSettings, differences

FORMAT_VERSION = 1
STATE_FILE = "training_state.safetensors"
_HEADER = "fractura_training_state"
_BEFORE_THE_FIRST_STEP = 2**40
"""A step number that no run reaches: seeds the fresh weights."""


@dataclass
class RunProgress:
    """How far a run has come: everything in its state that is not a tensor.

    Attributes:
        step: Optimiser steps done.
        best: Metrics of the best validation so far; None before the first.
        best_step: Its step.
        validations: Step, metrics and whether it was the best so far, of every validation.
        skipped_images: Images skipped so far because they cannot be read.
        dropped_boxes: Boxes lost in augmentation so far.
        images_shown: Images shown so far.
    """

    step: int = 0
    best: dict[str, Any] | None = None
    best_step: int | None = None
    validations: list[dict[str, Any]] = field(default_factory=list)
    skipped_images: dict[str, str] = field(default_factory=dict)
    dropped_boxes: int = 0
    images_shown: int = 0

    @property
    def validations_without_gain(self) -> int:
        """Number of validations since the best one."""
        return sum(item["step"] > (self.best_step or 0) for item in self.validations)


@dataclass(frozen=True, kw_only=True)
class RunIdentity:
    """What must be unchanged for a run to be resumed.

    Attributes:
        settings: ``TrainSettings.to_dict``.
        data: Fingerprint of the images to train on.
        val: Fingerprint of the images to validate on, if any.
        architecture: Of the detector.
        class_names: Of the data.
    """

    settings: dict[str, Any]
    data: str
    val: str | None
    architecture: dict[str, Any]
    class_names: list[str]

    @classmethod
    def of(cls, settings: TrainSettings, train: Dataset, val: Dataset | None, detector: Detector) -> Self:
        """The identity of a run that is about to start."""
        return cls(
            settings=settings.to_dict(),
            data=train.fingerprint(),
            val=val.fingerprint() if val is not None else None,
            architecture=detector.architecture(),
            class_names=list(train.class_names),
        )


class StateHeader(BaseModel):
    """The part of the state file that is JSON.

    Attributes:
        format_version: Of the file.
        groups: Parameter groups of the optimiser.
        scaler: State of the gradient scaler, if fp16 was used.
        progress: How far the run had come.
        identity: Which run it is.
    """

    format_version: int
    groups: list[dict[str, Any]]
    scaler: dict[str, Any] | None
    progress: RunProgress
    identity: RunIdentity


def save_state(
    folder: Path,
    *,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: Mapping[str, Any] | None,
    progress: RunProgress,
    identity: RunIdentity,
) -> None:
    """Write the state of a run into ``folder``; the previous state stays until the new one is complete.

    Raises:
        DataError: The disk is full or not writable.
    """
    state = optimizer.state_dict()
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"average/{name}": value for name, value in average.state_dict().items()}
    for index, values in state["state"].items():
        tensors |= {f"optimizer/{index}/{name}": torch.as_tensor(value) for name, value in values.items()}
    header = {
        "format_version": FORMAT_VERSION,
        "groups": state["param_groups"],
        "scaler": dict(scaler) if scaler is not None else None,
        "progress": asdict(progress),
        "identity": asdict(identity),
    }
    write_tensors(folder / STATE_FILE, tensors, {_HEADER: json.dumps(header)})


@dataclass(frozen=True)
class SavedState:
    """A state that has been read; its tensors are still in the file.

    Attributes:
        path: The file.
        header: Everything but the tensors.
    """

    path: Path
    header: StateHeader

    def restore(self, *, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Load weights, averaged weights and optimiser state into the given objects.

        Raises:
            ModelError: The file does not fit them.
        """
        try:
            parts = _parts(self.path)
            state = _optimizer_state(
                parts["optimizer"], [p for group in optimizer.param_groups for p in group["params"]]
            )
            model.load_state_dict(parts["model"])
            average.load_state_dict(parts["average"])
            optimizer.load_state_dict({"state": state, "param_groups": _groups(self.header.groups, optimizer)})
        except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"does not fit this detector: {error}", file=self.path) from error


def _parts(path: Path) -> dict[str, dict[str, Tensor]]:
    """The tensors of model, average and optimiser, by name.

    Raises:
        ValueError: One belongs to none of them.
    """
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
    with safe_open(path, framework="pt") as stream:
        for key in stream.keys():  # noqa: SIM118  (not a dict)
            kind, _, name = key.partition("/")
            if kind not in parts:
                raise ValueError(f"it holds the tensor {key}")
            parts[kind][name] = stream.get_tensor(key)
    return parts


def _optimizer_state(found: Mapping[str, Tensor], parameters: Sequence[Tensor]) -> dict[int, dict[str, Tensor]]:
    """What the optimiser keeps of each parameter, by the parameter's number.

    Raises:
        ValueError: It cannot be of an optimiser of these parameters: torch would notice that only in its next step.
    """
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in found.items():
        index, _, name = key.partition("/")
        if not (index.isascii() and index.isdigit() and len(index) < 9 and int(index) < len(parameters)):
            raise ValueError(f"it holds the tensor optimizer/{key}")
        if value.shape != (() if name == "step" else parameters[int(index)].shape) or not value.is_floating_point():
            raise ValueError(f"the tensor optimizer/{key} has the shape {list(value.shape)} and is {value.dtype}")
        state.setdefault(int(index), {})[name] = value
    if len({frozenset(values) for values in state.values()}) > 1:
        raise ValueError("its optimiser lacks tensors of some parameters")
    return state


def _groups(found: list[dict[str, Any]], optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """The parameter groups of the state; a setting that only a later torch has is taken from the optimiser.

    Raises:
        ValueError: They are not those of this optimiser, or a setting is of another kind.
    """
    own = optimizer.state_dict()["param_groups"]
    if len(found) != len(own):
        raise ValueError(f"it has {len(found)} groups of parameters, not {len(own)}")
    for saved, ours in zip(found, own, strict=True):
        for name, value in ours.items():
            if name in saved and not _is_alike(saved[name], value):
                raise ValueError(f"its optimiser has {name} = {saved[name]!r}")
    return [{**ours, **saved} for saved, ours in zip(found, own, strict=True)]


def _is_alike(saved: object, own: object) -> bool:
    """Both are finite numbers, or lists as long of such; all else must be equal."""
    if isinstance(own, tuple | list):
        if not isinstance(saved, tuple | list) or len(saved) != len(own):
            return False
        return all(_is_alike(first, second) for first, second in zip(saved, own, strict=True))
    if isinstance(own, bool) or not isinstance(own, int | float):
        return saved == own
    return isinstance(saved, int | float) and not isinstance(saved, bool) and abs(saved) < math.inf


def load_state(folder: Path) -> SavedState:
    """Read the state of a run.

    Raises:
        ModelError: There is none, or the file is not a training state.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        raise ModelError(
            "there is no saved state to resume from", file=path, hint="train without --resume into a new folder"
        )
    try:
        with safe_open(path, framework="pt") as stream:
            values = parse_json((stream.metadata() or {})[_HEADER])
        if values["format_version"] != FORMAT_VERSION:
            raise ModelError(f"has format {values['format_version']}, this version reads {FORMAT_VERSION}", file=path)
        return SavedState(path, StateHeader.model_validate(values))
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"is not a training state ({error})", file=path) from error


def refuse_other_run(saved: RunIdentity, now: RunIdentity, folder: Path) -> None:
    """Check that a resumed run is the same run.

    Raises:
        UsageError: Data, detector or settings differ; every difference is listed.
    """
    found = differences(saved.settings, now.settings)
    if saved.class_names != now.class_names:
        found.append(f"class names were {saved.class_names}, are {now.class_names}")
    if saved.data != now.data:
        found.append("the images to train on or their boxes have changed")
    if saved.val != now.val:
        found.append("the images to validate on or their boxes have changed")
    if saved.architecture != now.architecture and not any(text.startswith("model ") for text in found):
        found.append("the detector's architecture has changed")
    if found:
        raise UsageError(
            "this is not the run that stopped here: " + "; ".join(found),
            file=folder,
            hint="resume with the same data and settings, or train into a new folder",
        )


def seed_step(seed: int, step: int, process: int) -> None:
    """Seed Python, NumPy and torch for one step, so that a resumed run draws the numbers it would have drawn anyway."""
    digest = hashlib.sha256(f"{seed}/{step}/{process}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little", signed=True))
    random.seed(digest)
    np.random.seed(int.from_bytes(digest[8:12], "little"))


def seed_fresh_weights(seed: int) -> None:
    """Call before a detector is built: every process then starts from the same random weights."""
    seed_step(seed, _BEFORE_THE_FIRST_STEP, 0)
