"""Prepare training from a ``pipeline.config``: load everything it names for ``fractura.training.train``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError
from fractura.models import Detector, build_from_architecture
from fractura.tensorflow_od.checkpoint import CheckpointReader
from fractura.tensorflow_od.pipeline_data import is_placeholder, read_images
from fractura.tensorflow_od.pipeline_mapping import (
    InputReader,
    detector_settings,
    eval_readers,
    input_reader,
    start_checkpoint,
    train_settings,
)
from fractura.tensorflow_od.pipeline_reader import PipelineConfig
from fractura.tensorflow_od.restoring import RestoreReport, restore
from fractura.training import TrainSettings
from fractura.training.state import seed_fresh_weights

_PROBLEMS_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """Everything that ``train`` needs.

    Attributes:
        config: The file.
        settings: How to train.
        detector: Fresh, or filled from ``fine_tune_checkpoint``.
        train: Images to learn from.
        val: Images to evaluate on; None if the file names none, or the run is not validated.
        restored: What was loaded from ``fine_tune_checkpoint``; None if nothing was.
        notes: Lines for the user: fields without effect and why, remarks on the images.
    """

    config: PipelineConfig
    settings: TrainSettings
    detector: Detector
    train: Dataset
    val: Dataset | None
    restored: RestoreReport | None
    notes: tuple[str, ...]


def prepare_pipeline(
    config: PipelineConfig,
    output: Path,
    overrides: Mapping[str, Any] | None = None,
    *,
    validated: bool = True,
    resumed: bool = False,
) -> PipelineRun:
    """Load everything that a ``pipeline.config`` names.

    Args:
        config: The file.
        output: Folder of the run.
        overrides: ``TrainSettings`` by name that win over the file.
        validated: Read the images of ``eval_input_reader``, too.
        resumed: The weights come from the run's own state, not from ``fine_tune_checkpoint``.

    Raises:
        DataError: The file asks for something that is not supported (the error names the line), or images cannot be
            used.
        ModelError: ``fine_tune_checkpoint`` does not match the model.
        UsageError: ``overrides`` are invalid.
    """
    architecture, reader, file = detector_settings(config), input_reader(config), config.document.file
    if reader is None:
        raise DataError(
            "has no train_input_reader", file=file, hint="add one that names a TFRecord file and a label map"
        )
    data = reader.input_paths[0] if reader.input_paths else file or Path()
    settings = train_settings(config, Path(data), output, overrides)
    notes = field_notes(config)
    problems: list[FracturaError] = []
    train = read_images(config, reader, on_error=settings.on_error, problems=problems)
    val = _read_val(config, reader, notes, problems, settings) if validated else None
    notes += [str(problem) for problem in problems[:_PROBLEMS_SHOWN]]
    if len(problems) > _PROBLEMS_SHOWN:
        notes.append(f"and {len(problems) - _PROBLEMS_SHOWN} more such lines")
    seed_fresh_weights(settings.seed)
    detector = build_from_architecture(architecture.model_dump(mode="json"))
    checkpoint, kind = start_checkpoint(config)
    restored = None
    if checkpoint and not resumed:
        restored = restore(detector, CheckpointReader(checkpoint), kind)
    elif not checkpoint:
        notes.append("there is no fine_tune_checkpoint: training from random weights takes far more images and steps")
    return PipelineRun(
        config=config, settings=settings, detector=detector, train=train, val=val, restored=restored, notes=tuple(notes)
    )


def field_notes(config: PipelineConfig) -> list[str]:
    """A line about each field that has no effect, and why."""
    notes = [f"line {field.line}: {field.path} has no effect: {field.reason}" for field in config.without_effect]
    shuffle = config.root.section("train_input_reader").values["shuffle"]
    if not shuffle.value:
        notes.append(
            f"line {shuffle.line}: train_input_reader.shuffle has no effect: images are always shuffled in training"
        )
    scores = config.root.section("model", "faster_rcnn", "second_stage_post_processing").values["score_converter"]
    if scores.value == "IDENTITY":
        notes.append(
            f"line {scores.line}: score_converter is IDENTITY (its default): scores are logits, and detections whose "
            "logit is not above score_threshold are lost, as in TensorFlow; fractura shows the logit's sigmoid, a "
            "SavedModel gives the logit; the zoo's files say score_converter: SOFTMAX"
        )
    chosen = config.root.section("train_config").section("optimizer").chosen()
    if chosen is not None and chosen[0] == "rms_prop_optimizer" and (decay := chosen[1].values["decay"]).value:
        notes.append(
            f"line {decay.line}: rms_prop_optimizer.decay {decay.value:g} divides the learning rate by 1 + "
            f"{decay.value:g} x the steps done, as in TensorFlow 2, which hands it to Keras as such; the mean of the "
            "squared gradients always decays by 0.9 (write decay: 0.0 to keep the learning rate as the schedule has it)"
        )
    return notes


def _read_val(
    config: PipelineConfig,
    training: InputReader,
    notes: list[str],
    problems: list[FracturaError],
    settings: TrainSettings,
) -> Dataset | None:
    every = eval_readers(config)
    readers = [reader for reader in every if not is_placeholder(reader)]
    if not readers:
        if every:
            notes.append("eval_input_reader is not filled in: the model is not evaluated during training")
        return None
    if len(readers) > 1:
        notes.append("only the first eval_input_reader is used during training")
    if set(readers[0].input_paths) == set(training.input_paths):
        notes.append("eval_input_reader names the training images: the model is not evaluated on them")
        return None
    return read_images(config, readers[0], on_error=settings.on_error, problems=problems)
