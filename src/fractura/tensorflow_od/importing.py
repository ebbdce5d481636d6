"""Convert a TensorFlow checkpoint into a trained-model folder, for ``fractura import-tf`` and the exporter."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from fractura._version import __version__
from fractura.core.errors import DataError, UsageError
from fractura.core.files import write_atomically
from fractura.core.leftovers import holds_nothing
from fractura.core.model_card import CARD_FILE, WEIGHTS_FILE, ModelCard, write_card
from fractura.core.output_folder import NOTE_FILE, left_unfinished, unfinished
from fractura.models import build_from_architecture
from fractura.models.weights import partial_file, write_tensors
from fractura.tensorflow_od.checkpoint import CheckpointReader, checkpoint_prefix
from fractura.tensorflow_od.pipeline_data import PLACEHOLDER, class_names
from fractura.tensorflow_od.pipeline_mapping import detector_settings, eval_readers, input_reader, num_classes
from fractura.tensorflow_od.pipeline_reader import PipelineConfig, read_pipeline_config
from fractura.tensorflow_od.restoring import RestoreReport, read_number, restore

CONFIG_FILE = "pipeline.config"


@dataclass(frozen=True, kw_only=True)
class Imported:
    """The result of ``import_checkpoint``.

    Attributes:
        model_folder: Contains the card, the weights and their ``pipeline.config``.
        checkpoint: Prefix of the checkpoint.
        step: At which it was written, if known.
        class_names: On the card.
        report: What became of each tensor.
        notes: For the user.
    """

    model_folder: Path
    checkpoint: Path
    step: int | None
    class_names: tuple[str, ...]
    report: RestoreReport
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "model": str(self.model_folder),
            "checkpoint": str(self.checkpoint),
            "step": self.step,
            "class_names": list(self.class_names),
            "counts": self.report.counts,
            "notes": list(self.notes),
        }


def import_checkpoint(
    source: Path, output: Path, *, pipeline_config: Path | None = None, label_map: Path | None = None
) -> Imported:
    """Write a trained-model folder from a checkpoint.

    Args:
        source: Folder that training or the exporter wrote, an unpacked archive of the zoo, or a path ending in
            ``ckpt-5``.
        output: Folder to write; must be new or empty.
        pipeline_config: The file it was trained with; None looks next to the checkpoint and one folder up.
        label_map: Names of the classes; None takes the one that the ``pipeline.config`` names, if it exists.

    Raises:
        ModelError: There is no checkpoint, or it does not match the ``pipeline.config``.
        DataError: There is no ``pipeline.config``, or it or the label map cannot be used.
        UsageError: The output folder is not empty.
    """
    if output.exists() and (not output.is_dir() or not _is_unused(output)):
        raise UsageError("the output folder is not empty", file=output, hint="choose a new folder")
    prefix = find_checkpoint(source)
    file = pipeline_config if pipeline_config is not None else _find_config(prefix)
    config = read_pipeline_config(file)
    names, notes = _names(config, label_map)
    architecture = detector_settings(config).model_dump(mode="json")
    detector = build_from_architecture(architecture)
    checkpoint = CheckpointReader(prefix)
    report = restore(detector, checkpoint, "full")
    step = read_number(checkpoint, "step")
    card = ModelCard(
        name=output.resolve().name,
        architecture=architecture,
        class_names=names,
        data={"imported_from": prefix.name, "pipeline_config": file.name},
        metrics={} if step is None else {"step": step},
        versions={"fractura": __version__, "python": platform.python_version(), "torch": torch.__version__},
    )
    with unfinished(output, "import-tf"):
        write_atomically(output / CONFIG_FILE, config.document.text)
        write_tensors(output / WEIGHTS_FILE, detector.state_dict())
        write_card(card, output)
    return Imported(
        model_folder=output, checkpoint=prefix, step=step, class_names=names, report=report, notes=tuple(notes)
    )


def _is_unused(output: Path) -> bool:
    """There is nothing in the folder, or only what a run left that was killed."""
    ours = (CONFIG_FILE, WEIGHTS_FILE, CARD_FILE, partial_file(Path(WEIGHTS_FILE)).name, NOTE_FILE)
    return holds_nothing(output, besides=ours if left_unfinished(output) is not None else ())


def find_checkpoint(source: Path) -> Path:
    """The prefix of the checkpoint in ``source``: the latest in the folder, or in its folder ``checkpoint``.

    Raises:
        ModelError: There is none.
    """
    inner = source / "checkpoint"
    return checkpoint_prefix(inner if inner.is_dir() else source)


def _find_config(prefix: Path) -> Path:
    for folder in (prefix.parent, prefix.parent.parent):
        if (folder / CONFIG_FILE).is_file():
            return folder / CONFIG_FILE
    raise DataError(
        f"there is no {CONFIG_FILE} next to this checkpoint or one folder up",
        file=prefix,
        hint="give the file it was trained with: --pipeline-config FILE",
    )


def _names(config: PipelineConfig, label_map: Path | None) -> tuple[tuple[str, ...], list[str]]:
    if label_map is not None:
        return class_names(config, label_map), []
    readers = [input_reader(config), *eval_readers(config)]
    named = [Path(r.label_map_path) for r in readers if r is not None and r.label_map_path]
    for path in named:
        if path.is_file():
            return class_names(config, path), [f"class names from {path}"]
    count = num_classes(config).value
    filled_in = [path for path in named if PLACEHOLDER not in str(path)]
    why = f"the label map {filled_in[0]} does not exist" if filled_in else "there is no label map"
    return tuple(f"class {number}" for number in range(1, count + 1)), [
        f"{why}: the {count} classes are called 'class 1' and so on; name them with --label-map"
    ]
