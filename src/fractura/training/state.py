"""The state of a run in one file, replaced in one rename: kill the process at any moment and the last state is whole.

Tensors (weights, averaged weights, optimiser) and everything else (as JSON in the header) sit in the same
safetensors file, so there is no pair of files that could disagree, and nothing to unpickle.

The random state is not stored because there is none to store: each step seeds its generators from the run's seed and
the step's number (``seed_step``), images and augmentation likewise.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from fractura.core.errors import ModelError, UsageError
from fractura.training.settings import differences

FORMAT_VERSION = 1
STATE_FILE = "training_state.safetensors"
_PARTIAL = ".training_state.partial"


@dataclass
class Progress:
    """Where a run is: everything of its state that is not a tensor.

    Attributes:
        step: Optimiser updates made.
        best: Metrics of the best validation so far; None before the first.
        best_step: Its step.
        validations: Step, metrics and whether it was the best so far, of every validation.
        skipped_images: Images left out so far because they cannot be read.
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
        """Since the best one."""
        return sum(item["step"] > (self.best_step or 0) for item in self.validations)


@dataclass(frozen=True)
class RunIdentity:
    """What must be the same for a run to go on.

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


def save_state(
    folder: Path,
    *,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
    scaler: Mapping[str, Any] | None,
    progress: Progress,
    identity: RunIdentity,
) -> None:
    """Write the state of a run into ``folder``; the previous state is whole until the new one is.

    Raises:
        ModelError: The disk is full or may not be written.
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
    write_tensors(folder / STATE_FILE, tensors, {"fractura_training_state": json.dumps(header)})


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file in one rename.

    Raises:
        ModelError: The disk is full or may not be written.
    """
    partial = path.parent / (_PARTIAL if path.name == STATE_FILE else f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(_own_memory(tensors), partial, metadata=dict(metadata) if metadata else None)
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise ModelError(
            f"cannot be written: {error}", file=path, hint="make room on the disk; what was there before is unharmed"
        ) from error


def _own_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors, none sharing memory with another: what safetensors takes."""
    seen: set[int] = set()
    own = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        storage = value.untyped_storage()
        whole = value.numel() * value.element_size() == storage.nbytes()
        if value.numel() and (storage.data_ptr() in seen or not whole):
            value = value.clone()
        seen.add(value.untyped_storage().data_ptr())
        own[name] = value
    return own


@dataclass(frozen=True)
class SavedState:
    """A state read back, not yet put to work.

    Attributes:
        path: File it came from.
        progress: Where the run was.
        identity: What the run was.
        groups: Parameter groups of the optimiser.
        scaler: State of the gradient scaler, if fp16 was used.
    """

    path: Path
    progress: Progress
    identity: RunIdentity
    groups: list[dict[str, Any]]
    scaler: dict[str, Any] | None

    def restore(self, *, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put weights, averaged weights and optimiser state into the given objects.

        Raises:
            ModelError: The file does not fit them.
        """
        parts: dict[str, dict[str, Tensor]] = {"model": {}, "average": {}, "optimizer": {}}
        with safe_open(self.path, framework="pt") as stream:
            for key in stream.keys():  # noqa: SIM118  (not a dict)
                kind, name = key.split("/", 1)
                parts[kind][name] = stream.get_tensor(key)
        try:
            model.load_state_dict(parts["model"])
            average.load_state_dict(parts["average"])
        except RuntimeError as error:
            raise ModelError(f"does not fit this detector: {error}", file=self.path) from error
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in parts["optimizer"].items():
            index, name = key.split("/", 1)
            state.setdefault(int(index), {})[name] = value
        optimizer.load_state_dict({"state": state, "param_groups": self.groups})


def load_state(folder: Path) -> SavedState:
    """Read the state of a run.

    Raises:
        ModelError: There is none, or the file is not one of ours.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        raise ModelError(
            "there is no saved state to resume from", file=path, hint="train without --resume into a new folder"
        )
    try:
        with safe_open(path, framework="pt") as stream:
            header = json.loads((stream.metadata() or {})["fractura_training_state"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"is not a training state ({error})", file=path) from error
    if header["format_version"] != FORMAT_VERSION:
        raise ModelError(f"has format {header['format_version']}, this version reads {FORMAT_VERSION}", file=path)
    return SavedState(
        path, Progress(**header["progress"]), RunIdentity(**header["identity"]), header["groups"], header["scaler"]
    )


def refuse_other_run(saved: RunIdentity, now: RunIdentity, folder: Path) -> None:
    """See that a resumed run is the same run.

    Raises:
        UsageError: Data, detector or settings differ; lists every difference.
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
    """Seed Python, NumPy and torch for one step, so that a run resumed at any step draws what it would have drawn."""
    digest = hashlib.sha256(f"{seed}/{step}/{process}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "little", signed=True))
    random.seed(digest)
    np.random.seed(int.from_bytes(digest[8:12], "little"))
