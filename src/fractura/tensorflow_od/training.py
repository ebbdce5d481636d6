"""Training from a ``pipeline.config``: everything it asks for, put together for ``fractura.training.train``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError
from fractura.models import Detector, build_from_architecture
from fractura.tensorflow_od.mapping import detector_settings, is_placeholder, place_of, read_images, train_settings
from fractura.tensorflow_od.pipeline_config import PipelineConfig, read_pipeline_config
from fractura.tensorflow_od.restoring import RestoreReport, restore
from fractura.training import TrainSettings
from fractura.training.preparation import seed_fresh_weights

_PROBLEMS_SHOWN = 5


@dataclass(frozen=True)
class PipelineRun:
    """All that ``train`` needs.

    Attributes:
        config: The file.
        settings: How to train.
        detector: Fresh, or filled from ``fine_tune_checkpoint``.
        train: Images to learn from.
        val: Images to measure on; None if the file names none, or the run is not validated.
        restored: What was taken from ``fine_tune_checkpoint``; None if nothing was.
        notes: Lines people should see: fields without effect and why, remarks on the images.
    """

    config: PipelineConfig
    settings: TrainSettings
    detector: Detector
    train: Dataset
    val: Dataset | None
    restored: RestoreReport | None
    notes: tuple[str, ...]


def prepare_pipeline(
    path: Path,
    output: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    validated: bool = True,
    resumed: bool = False,
) -> PipelineRun:
    """Read a ``pipeline.config`` and everything it names.

    Args:
        path: The file.
        output: Folder of the run.
        overrides: ``TrainSettings`` by name that win over the file.
        validated: Read the images of ``eval_input_reader``, too.
        resumed: Weights come from elsewhere: ``fine_tune_checkpoint`` is not read.

    Raises:
        DataError: The file asks for something that is not built (its line is named), or images cannot be used.
        ModelError: ``fine_tune_checkpoint`` does not fit.
        UsageError: ``overrides`` are wrong.
    """
    config = read_pipeline_config(path)
    architecture = detector_settings(config)
    reader = config.train_input_reader
    if reader is None:
        raise DataError("has no train_input_reader", file=path, hint="name the TFRecord file and label map to train on")
    settings = train_settings(config, Path(reader.input_paths[0] if reader.input_paths else path), output, overrides)
    notes = field_notes(config)
    problems: list[FracturaError] = []
    train = read_images(config, reader, "train_input_reader", on_error=settings.on_error, problems=problems)
    val = _read_val(config, notes, problems, settings) if validated else None
    notes += [str(problem) for problem in problems[:_PROBLEMS_SHOWN]]
    if len(problems) > _PROBLEMS_SHOWN:
        notes.append(f"and {len(problems) - _PROBLEMS_SHOWN} more such lines")
    seed_fresh_weights(settings)
    detector = build_from_architecture(architecture.model_dump(mode="json"))
    assert config.train_config is not None
    checkpoint = config.train_config.fine_tune_checkpoint
    restored = None
    if checkpoint and not resumed:
        restored = restore(detector, checkpoint, config.train_config.fine_tune_checkpoint_type)
    elif not checkpoint:
        notes.append("there is no fine_tune_checkpoint: all weights start fresh, which takes far more images and steps")
    return PipelineRun(config, settings, detector, train, val, restored, tuple(notes))


def field_notes(config: PipelineConfig) -> list[str]:
    """A line on each field that changes nothing here, and why."""
    notes = [f"line {field.line}: {field.path} has no effect: {field.reason}" for field in config.without_effect]
    notes += [f"line {field.line}: {field.path} is not known and has no effect" for field in config.unknown]
    if config.train_input_reader is not None and not config.train_input_reader.shuffle:
        place = place_of(config, "train_input_reader.shuffle")
        notes.append(f"{place}: train_input_reader.shuffle has no effect: images are always shuffled in training")
    return notes


def _read_val(
    config: PipelineConfig, notes: list[str], problems: list[FracturaError], settings: TrainSettings
) -> Dataset | None:
    readers = [reader for reader in config.eval_input_readers if not is_placeholder(reader)]
    if not readers:
        if config.eval_input_readers:
            notes.append("eval_input_reader is not filled in: nothing is measured while training")
        return None
    if len(readers) > 1:
        notes.append("only the first eval_input_reader is measured on while training")
    assert config.train_input_reader is not None
    if set(readers[0].input_paths) == set(config.train_input_reader.input_paths):
        notes.append("eval_input_reader names the images to train on: nothing is measured, it would say nothing")
        return None
    return read_images(config, readers[0], "eval_input_reader", on_error=settings.on_error, problems=problems)
