"""The images and class names that a ``pipeline.config`` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError
from fractura.formats.faults import OnError
from fractura.formats.label_map import LabelMap, read_label_map
from fractura.formats.tfrecord import read_tfrecord
from fractura.tensorflow_od.pipeline_mapping import InputReader, num_classes
from fractura.tensorflow_od.pipeline_reader import PipelineConfig

PLACEHOLDER = "PATH_TO_BE_CONFIGURED"


def is_placeholder(reader: InputReader) -> bool:
    """True if the file's paths are missing or still the placeholders of the zoo."""
    return not reader.input_paths or any(PLACEHOLDER in path for path in (reader.label_map_path, *reader.input_paths))


def class_names(config: PipelineConfig, label_map: Path | str) -> tuple[str, ...]:
    """The name of each of the model's classes; one that is missing from the label map is called ``unused 7``.

    Raises:
        DataError: The label map cannot be read, or has ids above ``num_classes``.
    """
    return _names_of(config, read_label_map(label_map))


def _names_of(config: PipelineConfig, label_map: LabelMap) -> tuple[str, ...]:
    names, count = label_map.class_names, num_classes(config)
    if len(names) > count.value:
        raise config.refusal(
            count,
            f"num_classes is {count.value}, but the label map {label_map.file} has ids up to {len(names)}",
            f"write num_classes: {len(names)} (fractura configure --num-classes {len(names)})",
        )
    return _filled_up(names, count.value)


def _unused_outputs(config: PipelineConfig, label_map: LabelMap) -> list[DataError]:
    highest, count = len(label_map.class_names), num_classes(config)
    if highest == count.value:
        return []
    return [
        config.refusal(
            count,
            f"num_classes is {count.value}, but the label map {label_map.file} ends at {highest}: the outputs above "
            "it learn nothing",
            f"write num_classes: {highest} (fractura configure --num-classes {highest})",
        )
    ]


def _filled_up(names: Sequence[str], count: int) -> tuple[str, ...]:
    return (*names, *(f"unused {number}" for number in range(len(names) + 1, count + 1)))


def read_images(
    config: PipelineConfig,
    reader: InputReader,
    *,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
) -> Dataset:
    """The images of one input reader; paths are relative to the working folder, as in TensorFlow.

    Args:
        config: The file.
        reader: One of its input readers.
        on_error: See ``read_tfrecord``.
        problems: See ``read_tfrecord``.

    Raises:
        DataError: Paths are not filled in, do not exist, or cannot be read.
    """
    if is_placeholder(reader):
        what = f"a path that is still {PLACEHOLDER}" if reader.input_paths else "no input_path"
        raise config.refusal(
            config.root.section(reader.field),
            f"{reader.field} has {what}",
            "fill it in with: fractura configure FILE --train-record data.tfrecord --label-map label_map.txt",
        )
    label_map = read_label_map(reader.label_map_path) if reader.label_map_path else None
    names = None if label_map is None else _names_of(config, label_map)
    if label_map is not None and reader.field == "train_input_reader" and problems is not None:
        problems += _unused_outputs(config, label_map)
    data = read_tfrecord(list(reader.input_paths), label_map, on_error=on_error, problems=problems)
    count = num_classes(config)
    if names is None:
        if len(data.class_names) > count.value:
            raise config.refusal(
                count,
                f"num_classes is {count.value}, but the images have {len(data.class_names)} classes",
                f"write num_classes: {len(data.class_names)} and name a label_map_path",
            )
        names = _filled_up(data.class_names, count.value)
    data = data.with_class_names(names)
    return replace(data, records=data.records[:: reader.sample_1_of_n_examples])
