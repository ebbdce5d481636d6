"""The table of formats: how each is read, which files it is written as, and what it has a place for.

To add one: write its reader and the bytes of its files in a module of its own, and give it a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, FracturaError, UsageError, suggest_name
from fractura.formats.coco import coco_bytes, read_coco
from fractura.formats.createml import createml_bytes, read_createml
from fractura.formats.csv import csv_bytes, read_csv
from fractura.formats.image_index import ImageMatcher
from fractura.formats.split_file import SPLIT_FILE, split_file_of
from fractura.formats.tfrecord import read_tfrecord
from fractura.formats.voc import read_voc
from fractura.formats.voc.writer import annotation_of
from fractura.formats.writing import PlannedFile
from fractura.formats.yolo.yolo import data_yaml, label_text, read_yolo

FormatName = Literal["voc", "coco", "yolo", "createml", "csv", "tfrecord"]
OnError = Literal["stop", "skip"]
Reader = Callable[[Path, "Sequence[str] | None", OnError, list[FracturaError], "Path | None"], Dataset]
Planner = Callable[[Dataset], Iterable[PlannedFile]]


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: As typed.
        title: For people.
        read: Reads a path.
        plan: Lists the files of a data set; None for TFRecord, which is no folder of files.
        holds: What beside images, boxes and the names of boxes it has a place for; see ``losses``.
        describes: What to read it from again, below the folder it was written to; empty for the folder.
    """

    name: FormatName
    title: str
    read: Reader
    plan: Planner | None
    holds: frozenset[str]
    describes: str = ""


def find_format(name: str) -> Format:
    """The format of this name.

    Raises:
        UsageError: There is none.
    """
    if name not in FORMATS:
        raise UsageError(f"there is no format '{name}'", hint=suggest_name(name, FORMATS))
    return FORMATS[name]


def plan_voc(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations/*.xml`` and ``images/*``."""
    matcher = ImageMatcher(tuple(Path("images") / record.name for record in dataset))
    for record in dataset:
        path = f"annotations/{_stem(record)}.xml"
        annotation = annotation_of(record, Path(path), matcher, dataset.class_names, scores=False)
        yield PlannedFile(path, annotation.to_bytes())
        yield PlannedFile(f"images/{record.name}", image=record)
    yield from _plan_split_file(dataset)


def plan_coco(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations.json`` and ``images/*``."""
    yield PlannedFile("annotations.json", coco_bytes(dataset))
    yield from _plan_images(dataset, "images/")


def plan_createml(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations.json`` with the images beside it, as CreateML wants them."""
    yield PlannedFile("annotations.json", createml_bytes(dataset))
    yield from _plan_images(dataset, "")
    yield from _plan_split_file(dataset)


def plan_csv(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations.csv`` and ``images/*``."""
    yield PlannedFile("annotations.csv", csv_bytes(dataset))
    yield from _plan_images(dataset, "images/")


def plan_yolo(dataset: Dataset) -> Iterator[PlannedFile]:
    """``data.yaml``, ``classes.txt``, ``images/`` and ``labels/``; both with a folder a split where splits are known.

    Raises:
        DataError: Some images have a split and others have none, or a class name breaks the line.
    """
    splits = {record.split for record in dataset}
    if None in splits and len(splits) > 1:
        without = sum(record.split is None for record in dataset)
        raise DataError(
            f"{without} of {len(dataset)} images are in no split, and YOLO has folders for splits only",
            file=dataset.root,
            hint="split the images first: fractura split",
        )
    if bad := [name for name in dataset.class_names if name != name.strip() or not name.isprintable()]:
        raise DataError(f"the class name {bad[0]!r} does not fit into a line", hint="rename the class")
    order = [split for split in ("train", "val", "test") if split in splits]
    yield PlannedFile("data.yaml", data_yaml(dataset.class_names, order).encode())
    yield PlannedFile("classes.txt", "".join(f"{name}\n" for name in dataset.class_names).encode())
    for record in dataset:
        below = f"{record.split}/" if record.split else ""
        yield PlannedFile(f"labels/{below}{_stem(record)}.txt", label_text(record).encode())
        yield PlannedFile(f"images/{below}{record.name}", image=record)
    yield from _plan_split_file(dataset)


def _plan_images(dataset: Dataset, folder: str) -> Iterator[PlannedFile]:
    for record in dataset:
        yield PlannedFile(f"{folder}{record.name}", image=record)


def _plan_split_file(dataset: Dataset) -> Iterator[PlannedFile]:
    known = split_file_of(dataset)
    if known is not None:
        yield PlannedFile(SPLIT_FILE, known.to_bytes())


def _stem(record: Record) -> str:
    return PurePosixPath(record.name).stem


def _read_voc(
    path: Path, names: Sequence[str] | None, on_error: OnError, problems: list[FracturaError], image_dir: Path | None
) -> Dataset:
    _refuse_images("voc", image_dir)
    return read_voc(path, class_names=names, on_error=on_error, problems=problems)


def _read_coco(
    path: Path, names: Sequence[str] | None, on_error: OnError, problems: list[FracturaError], image_dir: Path | None
) -> Dataset:
    return read_coco(path, class_names=names, on_error=on_error, problems=problems, image_dir=image_dir)


def _read_yolo(
    path: Path, names: Sequence[str] | None, on_error: OnError, problems: list[FracturaError], image_dir: Path | None
) -> Dataset:
    _refuse_images("yolo", image_dir)
    return read_yolo(path, class_names=names, on_error=on_error, problems=problems)


def _read_createml(
    path: Path, names: Sequence[str] | None, on_error: OnError, problems: list[FracturaError], image_dir: Path | None
) -> Dataset:
    return read_createml(path, class_names=names, on_error=on_error, problems=problems, image_dir=image_dir)


def _read_csv(
    path: Path, names: Sequence[str] | None, on_error: OnError, problems: list[FracturaError], image_dir: Path | None
) -> Dataset:
    return read_csv(path, class_names=names, on_error=on_error, problems=problems, image_dir=image_dir)


def _read_tfrecord(
    path: Path, names: Sequence[str] | None, on_error: OnError, problems: list[FracturaError], image_dir: Path | None
) -> Dataset:
    _refuse_images("tfrecord", image_dir)
    return read_tfrecord(path, class_names=names, on_error=on_error, problems=problems)


def _refuse_images(name: str, image_dir: Path | None) -> None:
    if image_dir is not None:
        raise UsageError(
            f"{name} says itself where its images lie", hint="a folder of images goes with coco, createml and csv"
        )


_FLAGS = frozenset({"difficult", "truncated", "pose"})
_FACTS = frozenset({"split", "patient", "body_part", "view", "laterality"})
_HEADERS = frozenset({"study", "device"})
"""Known from DICOM headers only; VOC is read with its images' headers."""
_CLASSES, _FRACTIONS = frozenset({"class list"}), frozenset({"fractions"})

FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("voc", "Pascal VOC", _read_voc, plan_voc, _FLAGS | _FACTS | _FRACTIONS | _HEADERS | {"review"}),
        Format("coco", "COCO", _read_coco, plan_coco, _FLAGS | _FACTS | _CLASSES | _FRACTIONS, "annotations.json"),
        Format("yolo", "YOLO", _read_yolo, plan_yolo, _FACTS | _CLASSES | _FRACTIONS),
        Format("createml", "CreateML", _read_createml, plan_createml, _FACTS | _FRACTIONS, "annotations.json"),
        Format("csv", "CSV", _read_csv, plan_csv, _FLAGS | _FACTS | _FRACTIONS, "annotations.csv"),
        Format("tfrecord", "TFRecord", _read_tfrecord, None, _FLAGS | _CLASSES),
    )
}
