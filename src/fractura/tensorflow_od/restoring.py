"""Fill a detector from a TensorFlow checkpoint, as ``fine_tune_checkpoint`` does, and report on every tensor.

Follows tensorflow/models research/object_detection/model_lib_v2.py:359-408 (restore, then
``assert_existing_objects_matched``) and meta_architectures/faster_rcnn_meta_arch.py:2863-2903 (what each type takes).
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from fractura.core.errors import ModelError
from fractura.models import Detector
from fractura.tensorflow_od.checkpoint import CheckpointReader
from fractura.tensorflow_od.object_graph import VALUE
from fractura.tensorflow_od.pipeline_mapping import CheckpointType
from fractura.tensorflow_od.variables import (
    AVERAGE,
    backbone_kind,
    backbone_paths,
    classification_paths,
    key_of,
    paths_of,
    shape_in_tensorflow,
    slot_key,
    to_tensor,
)

State = Literal["loaded", "fresh", "unused", "missing", "wrong shape"]
_FAULTS = ("missing", "wrong shape")
_FAULTS_SHOWN = 12

_PARTIAL = {"detection": backbone_paths, "classification": classification_paths}
"""What each type takes, where it is not everything."""
_PARTS = {
    "_feature_extractor_for_proposal_features": "backbone, first stage",
    "_feature_extractor_for_box_classifier_features": "backbone, second stage",
    "feature_extractor": "backbone",
    "_first_stage_box_predictor_first_conv": "first stage, convolution",
    "_first_stage_box_predictor": "first stage, heads",
    "_mask_rcnn_box_predictor": "second stage, heads",
}


@dataclass(frozen=True)
class TensorAccount:
    """What became of one tensor.

    Attributes:
        path: Its place in the checkpoint, or the one it would have.
        state: ``loaded``; ``fresh``: in the detector, not requested; ``unused``: only in the checkpoint; ``missing``:
            requested, but not in the checkpoint; ``wrong shape``.
        shape: TensorFlow's shape in the detector; in the checkpoint where it is unused.
        found: Shape in the checkpoint where it is wrong.
    """

    path: str
    state: State
    shape: tuple[int, ...]
    found: tuple[int, ...] | None = None

    @property
    def part(self) -> str:
        """The part of the model it belongs to."""
        if "/.OPTIMIZER_SLOT/" in self.path or self.path.startswith("optimizer/"):
            return "optimiser"
        names = self.path.split("/")
        return _PARTS.get(names[1] if names[0] == "model" and len(names) > 1 else names[0], "other")


@dataclass(frozen=True)
class RestoreReport:
    """What became of every tensor of a checkpoint.

    Attributes:
        checkpoint: Its prefix.
        kind: What was requested.
        tensors: One entry each.
    """

    checkpoint: Path
    kind: CheckpointType
    tensors: tuple[TensorAccount, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many tensors are in each state; states without any are left out."""
        return dict(Counter(tensor.state for tensor in self.tensors))

    @property
    def faults(self) -> tuple[TensorAccount, ...]:
        """Tensors that keep the checkpoint from being used."""
        return tuple(tensor for tensor in self.tensors if tensor.state in _FAULTS)

    def rows(self) -> list[tuple[str, ...]]:
        """Part of the model, and how many of its tensors are loaded, fresh, unused and at fault."""
        table: dict[str, Counter[str]] = {}
        for tensor in self.tensors:
            table.setdefault(tensor.part, Counter())[tensor.state] += 1
        return [
            (part, *(str(n) if n else "–" for n in (c["loaded"], c["fresh"], c["unused"], sum(c[f] for f in _FAULTS))))
            for part, c in table.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "checkpoint": str(self.checkpoint),
            "type": self.kind,
            "counts": self.counts,
            "tensors": [asdict(tensor) for tensor in self.tensors],
        }

    def to_text(self, width: int = 100) -> str:
        """The report as a table."""
        from rich import box
        from rich.console import Console
        from rich.table import Table

        title = f"{self.checkpoint}, type {self.kind}"
        table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="")
        table.add_column("tensors of")
        for heading in ("loaded", "fresh", "unused", "at fault"):
            table.add_column(heading, justify="right")
        for row in self.rows():
            table.add_row(*row)
        stream = io.StringIO()
        Console(file=stream, width=width, markup=False, highlight=False, emoji=False).print(table)
        lines = [line.rstrip() for line in stream.getvalue().splitlines() if line.strip()]
        for fault in self.faults[:_FAULTS_SHOWN]:
            found = f": {list(fault.found)} in the checkpoint" if fault.found is not None else ""
            lines.append(f"  {fault.state}: {fault.path} {list(fault.shape)}{found}")
        if len(self.faults) > _FAULTS_SHOWN:
            lines.append(f"  and {len(self.faults) - _FAULTS_SHOWN} more")
        return "\n".join(lines)


class RestoreError(ModelError):
    """A checkpoint does not match the model.

    Attributes:
        report: What became of every tensor.
    """

    def __init__(self, report: RestoreReport, hint: str) -> None:
        self.report = report
        super().__init__(
            f"{len(report.faults)} tensors do not match the model; nothing was loaded\n{report.to_text()}",
            file=report.checkpoint,
            hint=hint,
        )


def restore(detector: Detector, reader: CheckpointReader, kind: CheckpointType) -> RestoreReport:
    """Fill ``detector`` from a checkpoint.

    Args:
        detector: Receives the weights; unchanged if there is an error.
        reader: The checkpoint.
        kind: ``detection``: the backbone, the heads stay as they are; ``full``: the whole model;
            ``classification``: the backbone, from a checkpoint of the bare backbone.

    Raises:
        RestoreError: A requested tensor is missing or has another shape.
        ModelError: There is no checkpoint, it is damaged, or of TensorFlow 1.
    """
    if not reader.object_graph:
        raise ModelError(
            "is a checkpoint of TensorFlow 1, which the Object Detection API refuses as well",
            file=reader.prefix,
            hint="use a model of the TensorFlow 2 detection zoo: its checkpoint is called ckpt-0",
        )
    state = detector.state_dict()
    backbone = backbone_kind(detector)
    every = paths_of(detector)
    wanted = _PARTIAL[kind](backbone) if kind in _PARTIAL else every
    accounts: list[TensorAccount] = []
    taken: dict[str, str] = {}
    for path, ours in wanted.items():
        shape, key = shape_in_tensorflow(state[ours]), reader.key_at(path)
        if key is None or key not in reader.variables:
            accounts.append(TensorAccount(path, "missing", shape))
            continue
        found = reader.variables[key].shape
        taken[key] = ours
        if found != shape:
            accounts.append(TensorAccount(path, "wrong shape", shape, found))
        else:
            accounts.append(TensorAccount(path, "loaded", shape))
    filled = set(wanted.values())
    accounts += [
        TensorAccount(path, "fresh", shape_in_tensorflow(state[ours]))
        for path, ours in every.items()
        if ours not in filled
    ]
    accounts += [
        TensorAccount(key.removesuffix(f"/{VALUE}"), "unused", variable.shape)
        for key, variable in reader.variables.items()
        if key not in taken
    ]
    report = RestoreReport(reader.prefix, kind, tuple(accounts))
    if report.faults:
        raise RestoreError(report, _hint(report, backbone))
    with torch.no_grad():
        for key, ours in taken.items():
            state[ours].copy_(to_tensor(reader.read(key)))
    return report


def restore_averages(module: nn.Module, reader: CheckpointReader, paths: Mapping[str, str]) -> None:
    """Fill the weights of ``module`` with the moving averages in a checkpoint.

    Args:
        module: Has every weight that ``paths`` names.
        reader: The checkpoint.
        paths: ``variables.trainable_paths`` of the model.

    Raises:
        ModelError: An average is missing.
    """
    weights = dict(module.named_parameters())
    with torch.no_grad():
        for path, ours in paths.items():
            key = slot_key(path, AVERAGE)
            if key not in reader:
                raise ModelError(
                    f"has no moving average of {path}",
                    file=reader.prefix,
                    hint="they are in checkpoints of a training with use_moving_average: true",
                )
            weights[ours].copy_(to_tensor(reader.read(key)))


def _hint(report: RestoreReport, backbone: str) -> str:
    missing = {tensor.path for tensor in report.faults if tensor.state == "missing"}
    paths = {tensor.path for tensor in report.tensors}
    if report.kind == "classification" and any(path.startswith("model/_feature") for path in paths):
        return 'this is a checkpoint of a detector: write fine_tune_checkpoint_type: "detection"'
    if report.kind != "classification" and any(path.startswith("feature_extractor/") for path in paths):
        return 'this is a checkpoint of a bare backbone: write fine_tune_checkpoint_type: "classification"'
    if not missing and all(tensor.part.endswith("heads") for tensor in report.faults):
        return (
            'the heads are for another number of classes: write fine_tune_checkpoint_type: "detection", which '
            "does not load them, or set num_classes (and share_box_across_classes) to those of the checkpoint"
        )
    return f"use a checkpoint of faster_rcnn_{backbone} from the TensorFlow 2 detection zoo or trained from it"


def read_number(reader: CheckpointReader, path: str) -> int | None:
    """A whole number such as ``step``; None if the checkpoint has none."""
    key = key_of(path)
    return int(reader.read(key)) if key in reader.variables else None
