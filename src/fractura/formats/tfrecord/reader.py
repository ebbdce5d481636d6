"""Reading TFRecord files of the TensorFlow Object Detection API.

Keys and meaning follow tensorflow/models research/object_detection/data_decoders/tf_example_decoder.py:203-307.
TensorFlow does not apply the EXIF orientation of an image, so boxes and sizes in these files belong to the image **as
stored**; here, as everywhere in fractura, they are turned to the image as displayed.

Coordinates are float32 fractions of the image's sides. Pixels that are multiples of 1/64 come back exactly from a
fraction that was made from them by any program (for images of up to 262,144 pixels a side).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError, FracturaError, UsageError
from fractura.formats.assembly import ReadOptions
from fractura.formats.faults import Faults, OnError, refuse_repeated_names
from fractura.formats.format import CLASS_LIST, FLAGS, WEIGHTS, Evidence, Format
from fractura.formats.image_index import UniqueNames
from fractura.formats.label_map import LabelMap, label_map_of, read_label_map
from fractura.formats.protobuf.wire import WireError
from fractura.formats.tfrecord.box_corners import EXPECTED, box_corners, clip_slightly, refuse_boxes
from fractura.formats.tfrecord.class_labels import AnnotatedClasses, ClassReader
from fractura.formats.tfrecord.example import Example
from fractura.formats.tfrecord.frames import Frame, matching_files, read_frames
from fractura.formats.tfrecord.orientation import stored_frame, stored_to_displayed
from fractura.imaging.headers import image_header

_EXTENSION = {"jpeg": ".jpg", "tiff": ".tif", **{kind: f".{kind}" for kind in ("png", "gif", "bmp", "webp", "heic")}}
_SHARD = re.compile(r"-\d{5}-of-\d{5}(\.[a-z]+)?$")
_BOXES = "image/object/bbox/"
_RECORD_ENDINGS = (".tfrecord", ".tfrecords", ".record", ".records")


@dataclass(frozen=True)
class _Parsed:
    """One record before its classes are known."""

    record: Record
    classes: AnnotatedClasses
    place: str
    size_written: tuple[int, int]
    size_stored: tuple[int, int]
    crowds: int
    clipped: int


def read_tfrecord(
    path: Path | str | Sequence[Path | str],
    label_map: LabelMap | Path | str | None = None,
    class_names: Sequence[str] | None = None,
    *,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
) -> Dataset:
    """Read TFRecord files. Images stay where they are: a record points into the file, nothing is held in memory.

    Args:
        path: A file, a pattern (``train-?????-of-00010``), a sharded name (``train``), or several of these.
        label_map: Names and ids of the classes, or the file that has them; ``class/text`` then wins over
            ``class/label``. The label of a class is its id minus 1.
        class_names: Instead of a label map: in label order.
        on_error: ``stop`` at the first fault, or ``skip`` that record; see ``read_dataset``. With ``skip-all`` the rest
            of a file, too, where the length of a record is damaged.
        problems: Collects what was skipped, and remarks; without it they are logged as warnings.

    Raises:
        DataError: Nothing to read; or (``stop``) a record that is damaged, cut off, lacks its image, has boxes without
            area or outside the image, or a class that the label map lacks. File and byte offset are named.
        UsageError: Both a label map and class names are given, or a class name twice.
    """
    faults = Faults(on_error)
    dataset = _read(path, _known_classes(label_map, class_names), faults)
    faults.report(problems)
    return dataset


def _read(path: Path | str | Sequence[Path | str], known: LabelMap | None, faults: Faults) -> Dataset:
    files = matching_files(path)
    parsed: list[_Parsed] = []
    names = UniqueNames(key=str)
    for file in files:
        try:
            for frame in read_frames(file, None if faults.stops else faults.add):
                if record := _guarded(frame, file, len(parsed), names, faults):
                    parsed.append(record)
        except DataError as fault:
            faults.add_open_end(fault)
    classes = ClassReader((each.classes for each in parsed), known, files[0])
    records = []
    for each in parsed:
        try:
            records.append(_labelled(each, classes))
        except DataError as fault:
            faults.add(fault, boxes=not each.record.is_negative)
    if not records:
        raise faults.nothing_left("record", "holds no records", files[0])
    faults.refuse_loss(sum(not each.is_negative for each in records))
    about_map = () if known is None else (DataError(note, file=known.file) for note in known.notes)
    for remark in (*about_map, *classes.notes, *classes.disagreements(), *_notes(parsed, files[0])):
        faults.note(remark)
    return Dataset(classes.class_names, tuple(records), files[0] if len(files) == 1 else files[0].parent)


def _known_classes(label_map: LabelMap | Path | str | None, class_names: Sequence[str] | None) -> LabelMap | None:
    if label_map is not None and class_names is not None:
        raise UsageError("a label map and class names are given", hint="give one of them")
    refuse_repeated_names(class_names)
    if class_names is not None:
        return label_map_of(class_names)
    return read_label_map(label_map) if isinstance(label_map, (str, Path)) else label_map


def _guarded(frame: Frame, file: Path, index: int, names: UniqueNames, faults: Faults) -> _Parsed | None:
    place = f"record at byte {frame.offset}"
    try:
        return _parse(frame, file, index, names)
    except WireError as error:
        faults.add(DataError(f"a record is not a tf.train.Example: {error}", file=file, place=place, hint=EXPECTED))
    except DataError as error:
        within = place if error.place is None else f"{place}, {error.place}"
        faults.add(DataError(error.problem, file=file, place=within, hint=error.hint))
    return None


def _parse(frame: Frame, file: Path, index: int, names: UniqueNames) -> _Parsed:
    example = Example(frame.payload)
    spans = example.spans("image/encoded")
    if len(spans) != 1 or spans[0][0] == spans[0][1]:
        raise DataError("the record holds no image ('image/encoded')", hint=EXPECTED)
    first, last = spans[0]
    image = frame.payload[first:last]
    header = image_header(image)
    name = _name(example, file, index, header.kind, names)
    width, height, orientation = stored_frame(image, header, name)
    xyxy, clipped = clip_slightly(box_corners(example, width, height), width, height)
    displayed = stored_to_displayed(xyxy, orientation, width, height)
    shown = (height, width) if orientation >= 5 else (width, height)
    refuse_boxes(displayed, *shown)
    count = len(xyxy)
    if not count and (elsewhere := [key for key in example.keys if "bbox" in key and not key.startswith("image/")]):
        raise DataError(f"its boxes are looked for in '{_BOXES}…', but it has {elsewhere[0]!r}", hint=EXPECTED)
    record = Record(
        image=file,
        width=shown[0],
        height=shown[1],
        boxes=Boxes(displayed, np.zeros(count)).clip(*shown),
        flags=_flags(example, count),
        name=name,
        span=(frame.offset + first, last - first),
    )
    written = tuple(int(v[0]) if len(v) else 0 for v in map(example.integers, ("image/width", "image/height")))
    crowds = sum(int(np.count_nonzero(example.integers(f"image/object/{key}"))) for key in ("is_crowd", "group_of"))
    place = f"record at byte {frame.offset}"
    return _Parsed(record, _classes(example, count), place, (written[0], written[1]), (width, height), crowds, clipped)


def _name(example: Example, file: Path, index: int, kind: str, names: UniqueNames) -> str:
    """``image/filename`` without folders, else ``image/source_id``, else one made up; never the same one twice."""
    written = [*example.texts("image/filename"), *example.texts("image/source_id")]
    candidates = [PurePosixPath(text.replace("\\", "/")).name for text in written]
    made_up = f"{file.name}-{index:06d}{_EXTENSION.get(kind, '')}"
    name = next((each for each in candidates if each.strip(". ") and each.isprintable()), made_up)
    return names.take(PurePosixPath(name).stem, PurePosixPath(name).suffix)


def _flags(example: Example, count: int) -> tuple[BoxFlags, ...]:
    difficult, truncated = (
        _per_box(example.integers(f"image/object/{k}"), k, count) for k in ("difficult", "truncated")
    )
    views = example.texts("image/object/view")
    if views and len(views) != count:
        raise DataError(f"{len(views)} values of 'view' for {count} boxes", hint=EXPECTED)
    weights = _weights(example, count)
    return tuple(
        BoxFlags(bool(hard), bool(cut), view, float(weight))
        for hard, cut, view, weight in zip(difficult, truncated, views or ["Unspecified"] * count, weights, strict=True)
    )


def _weights(example: Example, count: int) -> NDArray[np.float32]:
    weights = example.floats("image/object/weight")
    if not len(weights):
        return np.ones(count, np.float32)
    if len(weights) != count:  # TensorFlow gives the boxes that are left over no weight at all
        raise DataError(f"{len(weights)} values of 'weight' for {count} boxes", hint=EXPECTED)
    for number, weight in enumerate(weights.tolist(), start=1):
        if not 0 <= weight < np.inf:
            raise DataError(
                f"its weight is {weight:g}",
                place=f"box {number}",
                hint="image/object/weight must be 0 (the box is ignored in training) or more; 1 is an ordinary box",
            )
    return weights


def _per_box(values: NDArray[np.int64], key: str, count: int) -> NDArray[np.int64]:
    if len(values) not in (0, count):
        raise DataError(f"{len(values)} values of '{key}' for {count} boxes", hint=EXPECTED)
    return values if len(values) else np.zeros(count, np.int64)


def _classes(example: Example, count: int) -> AnnotatedClasses:
    texts = example.texts("image/object/class/text")
    ids = [int(number) for number in example.integers("image/object/class/label")]
    texts = texts if any(texts) else []
    for values, key in ((texts, "class/text"), (ids, "class/label")):
        if len(values) not in (0, count):
            raise DataError(f"{len(values)} values of '{key}' for {count} boxes", hint=EXPECTED)
    if texts and not all(texts):
        raise DataError(
            "its class/text is empty, while other boxes of the record have one",
            place=f"box {texts.index('') + 1}",
            hint="TensorFlow gives such a box no class: write its name, or leave class/text out of the record",
        )
    if count and not texts and not ids:
        raise DataError(f"{count} boxes have no class", hint="image/object/class/text or class/label must be there")
    return AnnotatedClasses(tuple(texts), tuple(ids))


def _labelled(each: _Parsed, classes: ClassReader) -> Record:
    record = each.record
    try:
        labels = classes.labels(each.classes)
    except DataError as fault:
        raise DataError(fault.problem, file=record.image, place=each.place, hint=fault.hint) from fault
    return replace(record, boxes=Boxes(record.boxes.xyxy, labels))


def _notes(parsed: Sequence[_Parsed], file: Path) -> list[DataError]:
    notes: list[DataError] = []
    wrong = [each for each in parsed if each.size_written not in ((0, 0), each.size_stored)]
    if wrong:
        first = wrong[0]
        notes.append(
            DataError(
                f"image/width and image/height differ from the image in {len(wrong)} records, first in"
                f" '{first.record.name}': {first.size_written} written, {first.size_stored} stored",
                file=file,
                place=first.place,
                hint="the image's own size counts, as in TensorFlow",
            )
        )
    if clipped := sum(each.clipped for each in parsed):
        notes.append(
            DataError(
                f"{clipped} boxes reach beyond the image, by less than a tenth of its side; they are clipped to it",
                file=file,
                hint="TensorFlow takes them too; further out it stops",
            )
        )
    if crowds := sum(each.crowds for each in parsed):
        notes.append(
            DataError(
                f"{crowds} boxes are annotated as crowds or groups; they are taken as single boxes",
                file=file,
                hint="take them out if that is not what you want",
            )
        )
    return notes


def _read_without_label_map(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    return _read(path, _known_classes(None, options.class_names), faults)


def _find(folder: Path) -> Evidence | None:
    files = [file for file in sorted(folder.iterdir()) if file.is_file() and _is_record(file)]
    if not files:
        return None
    if len(files) == 1:
        return Evidence(files[0], f"it holds {files[0].name}")
    stems = {file.name.rpartition("-of-")[0].rpartition("-")[0] for file in files}
    if len(stems) == 1 and (stem := stems.pop()):
        return Evidence(folder / stem, f"it holds the shards of {stem}")
    names = ", ".join(file.name for file in files[:4])
    raise DataError(
        f"holds {len(files)} TFRecord files: {names}", file=folder, hint="give the one you mean, or a pattern"
    )


def _is_record(file: Path) -> bool:
    return file.suffix.lower() in _RECORD_ENDINGS or _SHARD.search(file.name) is not None


TFRECORD = Format(
    name="tfrecord",
    title="TFRecord",
    read=_read_without_label_map,
    plan=None,
    holds=FLAGS | CLASS_LIST | WEIGHTS,
    find=_find,
)
