"""All that must be in place before the first step: images, detector, device, precision, and a line on each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError, UsageError
from fractura.models.detector import Detector
from fractura.quality.classes import similar_classes
from fractura.quality.splits import refuse_shared_patients, refuse_wrong_split
from fractura.quality.training_data import ImageStream, clean_boxes, refuse_cut_off, refuse_overlap
from fractura.training.data import ImageDataset, collate
from fractura.training.devices import build_accelerator, choose_workers, find_device, use_all_cores
from fractura.training.precision import precision_for, probe_precision
from fractura.training.progress import Reporter
from fractura.training.schedule import learning_rate
from fractura.training.settings import TrainSettings
from fractura.training.state import RunIdentity, seed_step
from fractura.training.warm_start import Start, architecture_of, start_from

_BEFORE_THE_FIRST_STEP = 2**40
"""A step number that no run reaches: seeds the fresh weights."""


@dataclass(frozen=True)
class TrainingImages:
    """The data of a run.

    Attributes:
        train: To learn from, boxes cut to their images.
        val: To measure on, in the same label order; None trains blind.
        stream: Order in which ``train`` is shown.
    """

    train: Dataset
    val: Dataset | None
    stream: ImageStream


@dataclass(frozen=True)
class Equipment:
    """The machinery of a run.

    Attributes:
        detector: On the device, with the weights to start from.
        accelerator: Device, precision and processes.
        workers: Processes that prepare images.
        start: The model that the weights to start from are of, if they are of one.
    """

    detector: Detector
    accelerator: Accelerator
    workers: int
    start: Start | None = None


def check_output(output: Path, resume: bool) -> None:
    """See that no other run's files are in the way.

    Raises:
        UsageError: The folder is not empty and the run is not resumed, or it is a file.
    """
    if output.exists() and not output.is_dir():
        raise UsageError("the output must be a folder", file=output, hint="choose another --output")
    if not resume and output.is_dir() and any(output.iterdir()):
        raise UsageError(
            "the output folder is not empty",
            file=output,
            hint="go on with the run in it with --resume, or choose a new folder",
        )


def prepare_images(
    settings: TrainSettings, reporter: Reporter, train: Dataset | None = None, val: Dataset | None = None
) -> TrainingImages:
    """Read and check the images.

    Args:
        settings: Of the run.
        reporter: For what people should know.
        train: Instead of reading ``settings.data``.
        val: Instead of reading ``settings.val``.

    Raises:
        DataError: Images or boxes cannot be used, there is no box to learn from, or train and val share an image.
    """
    if train is None:
        reporter.say(f"reading images of {settings.data}")
        train = _read(settings.data, settings.class_names, settings, reporter)
        if settings.class_names is None:
            _report_near_duplicates(train, settings, reporter)
    if val is None and settings.val is not None:
        val = _read(settings.val, train.class_names, settings, reporter)
    refuse_wrong_split(train, "train", settings.data)
    train = _clean(train, settings, reporter)
    if not any(train.boxes_by_class.values()):
        raise DataError(
            f"none of the {len(train)} images to train on has a box",
            file=settings.data,
            hint="without a single annotated fracture there is nothing to learn; are the annotations in place?",
        )
    if val is not None:
        refuse_wrong_split(val, "validate", settings.val)
        refuse_shared_patients(train, val)
        val = _clean(_same_classes(val, train.class_names, settings.val), settings, reporter)
        if not len(val):
            raise DataError("there are no images to validate on", file=settings.val)
        refuse_overlap(train, val)
    stream = ImageStream.of(train, settings.negatives_per_positive, settings.seed)
    reporter.say(f"train: {in_words(train)}" + _epoch(stream, settings))
    if val is None:
        reporter.warn(
            "no images to validate on (--val): the last weights are saved whatever they are worth, nothing is known of "
            "their AP, and the threshold on the card is only 0.5"
        )
    else:
        reporter.say(f"val:   {in_words(val)}")
        if not any(val.boxes_by_class.values()):
            reporter.warn("none of the images to validate on has a box: AP is not defined, the last weights are saved")
    missing = [name for name, count in train.boxes_by_class.items() if not count]
    if missing:
        reporter.warn(f"no box to learn from for {', '.join(missing)}")
    return TrainingImages(train, val, stream)


def _read(path: Path, names: tuple[str, ...] | None, settings: TrainSettings, reporter: Reporter) -> Dataset:
    from fractura.formats import read_dataset

    problems: list[FracturaError] = []
    data = read_dataset(path, class_names=names, on_error=settings.on_error, problems=problems)
    for problem in problems[:5]:
        reporter.warn(str(problem))
    if len(problems) > 5:
        reporter.warn(f"and {len(problems) - 5} more such lines; `fractura check` lists them all")
    return data


def _report_near_duplicates(data: Dataset, settings: TrainSettings, reporter: Reporter) -> None:
    """Stop at class names that differ in spelling only, warn of those that are a slip apart; see `fractura check`."""
    names = json.dumps(data.class_names, ensure_ascii=False)
    for pair in similar_classes({name: count for name, count in data.boxes_by_class.items() if count}):
        if pair.same:
            raise DataError(
                pair.problem,
                file=settings.data,
                hint="one class spelled in two ways is learnt as two: `fractura check DATA --fix CLEAN` writes a copy "
                f"with one spelling; if they are two, say so: --set 'class_names={names}'",
            )
        reporter.warn(f"{pair.problem}: if they are, rename '{pair.rarer}' to '{pair.other}' before training")


def _same_classes(data: Dataset, names: tuple[str, ...], source: Path | None) -> Dataset:
    try:
        return data.with_class_names(names)
    except ValueError as error:
        raise DataError(str(error), file=source, hint="both sets of images need the same classes") from error


def _clean(data: Dataset, settings: TrainSettings, reporter: Reporter) -> Dataset:
    if settings.on_error == "stop":  # else each is left out and counted when its turn comes
        refuse_cut_off(data)
    clean = clean_boxes(data, settings.on_error)
    for line in clean.skipped[:5]:
        reporter.warn(f"left out: {line}")
    if clean.skipped:
        reporter.warn(f"{len(clean.skipped)} unusable boxes left out")
    return clean.data


def in_words(data: Dataset) -> str:
    """Counts of a data set in one line."""
    boxes = ", ".join(f"{name} {count}" for name, count in data.boxes_by_class.items())
    return f"{len(data)} images, {data.negatives} of them negative; boxes: {boxes}"


def _epoch(stream: ImageStream, settings: TrainSettings) -> str:
    epochs = settings.num_steps * settings.batch_size / stream.epoch_length
    shown = "" if stream.negatives_per_epoch == len(stream.negatives) else f", {stream.negatives_per_epoch} negative"
    return f"; {stream.epoch_length} shown per epoch{shown}, {epochs:.3g} epochs"


def prepare_equipment(
    settings: TrainSettings, images: TrainingImages, reporter: Reporter, detector: Detector | None = None
) -> Equipment:
    """Build the detector and find out what to run it on.

    Args:
        settings: Of the run.
        images: Of the run; precision is tried on the first of them.
        reporter: For what people should know.
        detector: Instead of building ``settings.model``.

    Raises:
        UsageError: The batch cannot be shared among the processes, or the model's name is unknown.
        MissingDependencyError: The wanted device is not there.
        ModelError: ``fine_tune_checkpoint`` does not fit.
    """
    state = find_device(settings.device)
    if settings.batch_size % state.num_processes:
        raise UsageError(
            f"batch_size {settings.batch_size} cannot be shared among {state.num_processes} processes",
            hint=f"make it a multiple of {state.num_processes}",
        )
    threads = use_all_cores(state.num_processes)
    if detector is None:
        seed_fresh_weights(settings)
        detector = _build(settings, images.train.class_names)
        if detector.origin is not None:
            reporter.say(detector.origin)
    start = None
    if settings.fine_tune_checkpoint is not None:
        start = start_from(detector, settings.fine_tune_checkpoint)
        reporter.say(start.line)
        _report_seen_images(images.val, start, reporter)
    detector.to(state.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    precision = precision_for(settings.mixed_precision, state.device)
    if precision.format != "no":
        dataset = ImageDataset(
            images.train, images.stream, settings.data_augmentation_options, settings.max_number_of_boxes
        )
        batch = collate([dataset[place] for place in range(min(2, settings.batch_size))]).to(state.device)
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
        f"{settings.num_steps} steps of {settings.batch_size} images, {settings.optimizer}, learning rate up to "
        f"{settings.learning_rate_base:g} after {settings.schedule_warmup_steps} steps, "
        f"{learning_rate(settings, settings.num_steps - 1):.2g} at the end"
    )
    return Equipment(detector, build_accelerator(state, precision.format), workers, start)


def _build(settings: TrainSettings, class_names: tuple[str, ...]) -> Detector:
    """The detector to train. One that starts from a model of its own kind has that model's settings, and nothing is
    fetched to be overwritten."""
    from fractura.models import build_detector, build_from_architecture

    if settings.fine_tune_checkpoint is not None:
        found = architecture_of(settings.fine_tune_checkpoint)
        if found is not None and (found["name"], found.get("num_classes")) == (settings.model, len(class_names)):
            return build_from_architecture(found)
    return build_detector(settings.model, len(class_names), class_names)


def _report_seen_images(val: Dataset | None, start: Start, reporter: Reporter) -> None:
    """Warn of images to validate on that the model to start from was trained on."""
    if val is not None and start.images is not None and (seen := val.shared_with(start.images)):
        reporter.warn(
            f"{seen} of the {len(val)} images to validate on were trained on by the model that this starts from: on "
            "images that neither has seen, AP will be lower"
        )


def seed_fresh_weights(settings: TrainSettings) -> None:
    """Call before a detector is built: every process then starts from the same fresh weights."""
    seed_step(settings.seed, _BEFORE_THE_FIRST_STEP, 0)


def identity_of(settings: TrainSettings, images: TrainingImages, detector: Detector) -> RunIdentity:
    """What must stay the same for the run to be resumed."""
    return RunIdentity(
        settings=settings.to_dict(),
        data=images.train.fingerprint(),
        val=images.val.fingerprint() if images.val is not None else None,
        architecture=detector.architecture(),
        class_names=list(images.train.class_names),
    )
