"""Reading and checking the data of a run, with a line for the console on each part of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError
from fractura.core.reporter import Reporter
from fractura.quality.class_checks import similar_classes
from fractura.quality.splits import refuse_shared_patients, refuse_wrong_split
from fractura.quality.training_data import clean_boxes, refuse_cut_off, refuse_overlap
from fractura.training.sampling import ImageStream
from fractura.training.settings import TrainSettings


@dataclass(frozen=True)
class TrainingData:
    """The data of a run.

    Attributes:
        train: Images to learn from, boxes cut to their images.
        val: Images to validate on, in the same label order; None trains without validation.
        stream: The order in which ``train`` is shown.
    """

    train: Dataset
    val: Dataset | None
    stream: ImageStream


def prepare_data(
    settings: TrainSettings, reporter: Reporter, train: Dataset | None = None, val: Dataset | None = None
) -> TrainingData:
    """Read and check the data of a run.

    Args:
        settings: Of the run.
        reporter: Shows remarks and warnings.
        train: Used instead of reading ``settings.data``.
        val: Used instead of reading ``settings.val``.

    Raises:
        DataError: Images or boxes cannot be used, there is no box to learn from, or train and val share an image.
    """
    if train is None:
        reporter.say(f"reading images of {settings.data}")
        train = _read(settings.data, settings.class_names, settings, reporter)
        if settings.class_names is None:
            _check_class_names(train, settings, reporter)
    if val is None and settings.val is not None:
        val = _read(settings.val, train.class_names, settings, reporter)
    refuse_wrong_split(train, "train", settings.data)
    train = _clean(train, settings, reporter)
    if not any(train.boxes_by_class.values()):
        raise DataError(
            f"none of the {len(train)} images to train on has a box",
            file=settings.data,
            hint="without a single box there is nothing to learn; check that the annotations are in place",
        )
    if val is not None:
        refuse_wrong_split(val, "validate", settings.val)
        refuse_shared_patients(train, val)
        val = _clean(_same_classes(val, train.class_names, settings.val), settings, reporter)
        if not len(val):
            raise DataError("there are no images to validate on", file=settings.val)
        refuse_overlap(train, val)
    stream = ImageStream.of(train, settings.negatives_per_positive, settings.seed)
    reporter.say(f"train: {_counts(train)}" + _epoch(stream, settings))
    if val is None:
        reporter.warn(
            "no images to validate on (--val): the last weights are saved, AP is not measured, and the threshold on "
            "the card stays at 0.5"
        )
    else:
        reporter.say(f"val:   {_counts(val)}")
        if not any(val.boxes_by_class.values()):
            reporter.warn("none of the images to validate on has a box: AP is not defined, the last weights are saved")
    missing = [name for name, count in train.boxes_by_class.items() if not count]
    if missing:
        reporter.warn(f"no box to learn from for {', '.join(missing)}")
    return TrainingData(train, val, stream)


def _read(path: Path, names: tuple[str, ...] | None, settings: TrainSettings, reporter: Reporter) -> Dataset:
    from fractura.formats import read_dataset

    problems: list[FracturaError] = []
    data = read_dataset(
        path,
        class_names=names,
        on_error=settings.on_error,
        problems=problems,
        source_format=settings.source_format,
        image_dir=settings.image_dir,
    )
    for problem in problems[:5]:
        reporter.warn(str(problem))
    if len(problems) > 5:
        reporter.warn(f"and {len(problems) - 5} more such lines; `fractura check` lists them all")
    return data


def _check_class_names(data: Dataset, settings: TrainSettings, reporter: Reporter) -> None:
    """Refuse class names that differ in spelling only, warn of those one typo apart; see `fractura check`."""
    names = json.dumps(data.class_names, ensure_ascii=False)
    for pair in similar_classes({name: count for name, count in data.boxes_by_class.items() if count}):
        if pair.same:
            raise DataError(
                pair.problem,
                file=settings.data,
                hint="a class spelled in two ways is learnt as two: `fractura check DATA --fix CLEAN` writes a copy "
                f"with one spelling; if they are two classes, name them: --set 'class_names={names}'",
            )
        reporter.warn(f"{pair.problem}: if they are, rename '{pair.rarer}' to '{pair.other}' before training")


def _same_classes(data: Dataset, names: tuple[str, ...], source: Path | None) -> Dataset:
    try:
        return data.with_class_names(names)
    except ValueError as error:
        raise DataError(str(error), file=source, hint="both data sets need the same classes") from error


def _clean(data: Dataset, settings: TrainSettings, reporter: Reporter) -> Dataset:
    if settings.on_error == "stop":  # else each is skipped and counted when it is read
        refuse_cut_off(data)
    clean = clean_boxes(data, settings.on_error)
    for line in clean.skipped[:5]:
        reporter.warn(f"skipped: {line}")
    if clean.skipped:
        reporter.warn(f"images with {len(clean.skipped)} unusable boxes skipped")
    return clean.data


def _counts(data: Dataset) -> str:
    """The counts of a data set in one line."""
    boxes = ", ".join(f"{name} {count}" for name, count in data.boxes_by_class.items())
    decided = f" ({data.decided_negatives} saved as normal in the labelling page)" if data.negatives else ""
    return f"{len(data)} images, {data.negatives} of them negative{decided}; boxes: {boxes}"


def _epoch(stream: ImageStream, settings: TrainSettings) -> str:
    epochs = settings.num_steps * settings.batch_size / stream.epoch_length
    shown = "" if stream.negatives_per_epoch == len(stream.negatives) else f", {stream.negatives_per_epoch} negative"
    return f"; {stream.epoch_length} shown per epoch{shown}, {epochs:.3g} epochs"
