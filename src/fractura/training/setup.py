"""What computes a run: the detector with the weights to start from, device, precision and workers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from accelerate import Accelerator

from fractura.core.dataset import Dataset
from fractura.core.errors import UsageError
from fractura.core.reporter import Reporter
from fractura.models.detector import Detector
from fractura.training.data import ImageDataset, collate
from fractura.training.devices import (
    build_accelerator,
    choose_workers,
    find_device,
    precision_for,
    probe_precision,
    use_all_cores,
)
from fractura.training.preparation import TrainingData
from fractura.training.schedules import describe_schedule
from fractura.training.settings import TrainSettings
from fractura.training.state import seed_fresh_weights
from fractura.training.warm_start import Start, architecture_of, start_from


@dataclass(frozen=True)
class TrainingSetup:
    """What computes a run.

    Attributes:
        detector: On the device, with the weights to start from.
        accelerator: Device, precision and processes.
        workers: Number of processes that prepare images.
        start: The model that training starts from, if any.
    """

    detector: Detector
    accelerator: Accelerator
    workers: int
    start: Start | None = None


def set_up(
    settings: TrainSettings, data: TrainingData, reporter: Reporter, detector: Detector | None = None
) -> TrainingSetup:
    """Build the detector, load the weights to start from, and choose device, precision and workers.

    Args:
        settings: Of the run.
        data: Of the run; precision is tried on its first images.
        reporter: Shows remarks and warnings.
        detector: Used instead of building ``settings.model``.

    Raises:
        UsageError: The batch cannot be divided among the processes, or the model's name is unknown.
        MissingDependencyError: The requested device is not available.
        ModelError: ``fine_tune_checkpoint`` does not fit.
    """
    state = find_device(settings.device)
    if settings.batch_size % state.num_processes:
        raise UsageError(
            f"batch_size {settings.batch_size} cannot be divided among {state.num_processes} processes",
            hint=f"make it a multiple of {state.num_processes}",
        )
    threads = use_all_cores(state.num_processes)
    if detector is None:
        seed_fresh_weights(settings.seed)
        detector = _build(settings, data.train.class_names)
        if detector.origin is not None:
            reporter.say(detector.origin)
    _warn_of_weights(data.train, detector, reporter)
    start = None
    if settings.fine_tune_checkpoint is not None:
        start = start_from(detector, settings.fine_tune_checkpoint)
        reporter.say(start.line)
        _warn_of_seen_images(data.val, start, reporter)
    detector.to(state.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = precision_for(settings.mixed_precision, state.device)
    if precision.format != "no":
        images = ImageDataset(data.train, data.stream, settings.data_augmentation_options, settings.max_number_of_boxes)
        batch = collate([images[place] for place in range(min(2, settings.batch_size))]).to(state.device)
        if len(batch):
            precision = probe_precision(detector, batch, precision, state.device)
    workers = choose_workers(settings.workers, state.device, state.num_processes)
    device = torch.cuda.get_device_name(state.device) if state.device.type == "cuda" else state.device.type
    several = f" x {state.num_processes} processes" if state.num_processes > 1 else ""
    millions = sum(p.numel() for p in detector.parameters()) / 1e6
    reporter.say(
        f"{settings.model}: {millions:.1f} million weights on {device}{several} ({threads} threads, {workers} "
        f"workers), {precision}"
    )
    reporter.say(
        f"{settings.num_steps} steps of {settings.batch_size} images, {settings.optimizer}, "
        f"{describe_schedule(settings)}"
    )
    return TrainingSetup(detector, build_accelerator(state, precision.format), workers, start)


def _build(settings: TrainSettings, class_names: tuple[str, ...]) -> Detector:
    """The detector to train.

    If training starts from a model of the same name, the detector is built from that model's own settings: nothing is
    downloaded only to be overwritten.
    """
    from fractura.models import build_detector, build_from_architecture

    if settings.fine_tune_checkpoint is not None:
        found = architecture_of(settings.fine_tune_checkpoint)
        if found is not None and (found["name"], found.get("num_classes")) == (settings.model, len(class_names)):
            return build_from_architecture(found)
    return build_detector(settings.model, len(class_names), class_names)


def _warn_of_weights(train: Dataset, detector: Detector, reporter: Reporter) -> None:
    """Warn if some boxes have weights that the detector's losses do not heed."""
    weighted = sum(int((record.weights != 1).sum()) for record in train)
    if weighted and not detector.heeds_weights:
        reporter.warn(
            f"{weighted} boxes have a weight other than 1, which this model does not heed: each counts once "
            "(faster_rcnn models heed weights)"
        )


def _warn_of_seen_images(val: Dataset | None, start: Start, reporter: Reporter) -> None:
    """Warn if the model to start from was trained on some of the images to validate on."""
    if val is not None and start.images is not None and (seen := val.shared_with(start.images)):
        reporter.warn(
            f"the model that training starts from was trained on {seen} of the {len(val)} images to validate on: on "
            "images that neither model has seen, AP will be lower"
        )
