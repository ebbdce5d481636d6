"""From one format into another: images keep their bytes, and what the target has no place for is listed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fractura.core.dataset import SPLITS, Dataset, Progress
from fractura.core.errors import DataError, FracturaError, UsageError
from fractura.core.folder_lock import hold_folder
from fractura.formats.faults import OnError
from fractura.formats.format import Format, losses
from fractura.formats.label_map import LabelMap, read_label_map, update_label_map
from fractura.formats.reading import open_dataset
from fractura.formats.registry import FORMATS, find_format
from fractura.formats.split_file import with_split_file
from fractura.formats.tfrecord import read_tfrecord
from fractura.formats.tfrecord.frames import shard_paths, stands_for_files
from fractura.formats.tfrecord.writer import write_tfrecord
from fractura.formats.writing import Images, conversion_of, write_files
from fractura.imaging.reader import is_dicom_file

LABEL_MAP = "label_map.pbtxt"


@dataclass(frozen=True)
class Conversion:
    """What ``convert`` did.

    Attributes:
        dataset: What was written.
        source_format: Title of the format it was read as.
        why: Why that was guessed.
        target_format: Title of the format it was written as.
        written: The files or folders that hold the result.
        not_held: What the target has no place for, one line each.
        problems: What was skipped, and remarks.
    """

    dataset: Dataset
    source_format: str
    why: str
    target_format: str
    written: tuple[Path, ...]
    not_held: tuple[str, ...]
    problems: tuple[FracturaError, ...]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "from": self.source_format,
            "why": self.why,
            "to": self.target_format,
            "written": [str(path) for path in self.written],
            "images": len(self.dataset),
            "negatives": self.dataset.negatives,
            "boxes": self.dataset.boxes_by_class,
            "not_held": list(self.not_held),
            "problems": [str(problem) for problem in self.problems],
        }


def convert(
    source: Path,
    target: Path,
    to: str,
    *,
    source_format: str | None = None,
    class_names: Sequence[str] | None = None,
    images: Images = "copy",
    image_dir: Path | None = None,
    split: str | None = None,
    overwrite: bool = False,
    on_error: OnError = "stop",
    label_map: Path | None = None,
    shards: int | None = None,
    progress: Progress | None = None,
) -> Conversion:
    """Turn labelled images from one format into another. Nothing in ``source`` is changed.

    Classes keep their order: of ``class_names`` if given, else of what was written to ``target`` before (new classes
    behind), else of the source.

    Args:
        source: See ``read_dataset``.
        target: Folder to write; for TFRecord the file.
        to: Format to write.
        source_format: Instead of a guess.
        class_names: In label order.
        images: ``copy`` images byte for byte, ``link`` to them, or write annotations only (``none``).
        image_dir: Where the images lie, if not where the format has them; sub-folders belong to it.
        split: Take the images of this split only.
        overwrite: Replace the files of an earlier conversion that nobody changed since.
        on_error: ``stop`` at the first fault, or ``skip`` that image.
        label_map: For TFRecord: created, or missing classes are appended; by default next to ``target``.
        shards: For TFRecord: number of files.
        progress: Called after each image written.

    Raises:
        DataError: The source cannot be read, a file is in the way, or a file cannot be written.
        UsageError: ``target`` and ``source`` lie one inside the other, or options do not go together.
    """
    target_format = find_format(to)
    if target_format.plan is None and to != "tfrecord":
        names = ", ".join(name for name, each in FORMATS.items() if each.plan is not None)
        raise UsageError(f"{target_format.title} is read only", hint=f"what can be written: {names}, tfrecord")
    _refuse_options(to, images, label_map, shards, source)
    source, target = Path(source), Path(target)
    problems: list[FracturaError] = []
    if label_map is not None and label_map.is_file() and class_names is None and stands_for_files(source):
        dataset = with_split_file(read_tfrecord(source, label_map, on_error=on_error, problems=problems), source)
        found, why = "TFRecord", "a label map goes with it"
        read_from = source
    else:
        reading = open_dataset(
            source,
            class_names=class_names,
            on_error=on_error,
            problems=problems,
            source_format=source_format,
            image_dir=image_dir,
        )
        dataset, why, read_from = reading.dataset, reading.guess.why, reading.guess.path
        found = "folders of splits" if reading.guess.format == "splits" else find_format(reading.guess.format).title
    refuse_nesting(source, target, is_container=found == "TFRecord")
    if split is not None:
        dataset = _only(dataset, split, source)
    if to not in ("voc", "yolo"):  # there images are named by their files
        _refuse_odd_names(dataset, target_format.title)
    if to == "tfrecord":
        written = _write_records(
            dataset, target, label_map, shards, overwrite, on_error, problems, named=class_names is not None
        )
        not_held = losses(dataset, target_format, class_list_kept=True)
    else:
        if class_names is None:
            dataset = _in_known_order(dataset, target)
        not_held = losses(dataset, target_format)
        _write_folder(dataset, target, target_format, images, overwrite, not_held, found, read_from, progress)
        if images == "copy":
            problems += _named_patients(dataset, target)
        written = (target,)
    return Conversion(dataset, found, why, target_format.title, written, not_held, tuple(problems))


def _refuse_odd_names(dataset: Dataset, title: str) -> None:
    """The format holds names as UTF-8; on Linux a name may consist of any bytes."""
    for record in dataset:
        try:
            record.name.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"has a name that is not UTF-8, which {title} cannot hold", file=record.image, hint="rename the image"
            ) from error


def _named_patients(dataset: Dataset, target: Path) -> list[FracturaError]:
    """A remark if DICOM files were copied: their pixels are safe to share, their headers are not."""
    copied = sum(r.span is None and is_dicom_file(r.image) for r in dataset)
    if not copied:
        return []
    return [
        DataError(
            f"{copied} DICOM files were copied whole, with all that their headers say of the patients",
            file=target,
            hint="before sharing the folder convert to tfrecord, which takes the pixels only, or de-identify the files",
        )
    ]


def _refuse_options(to: str, images: Images, label_map: Path | None, shards: int | None, source: Path) -> None:
    if shards is not None and to != "tfrecord":
        raise UsageError("--shards is for --to tfrecord")
    if images != "copy" and to == "tfrecord":
        raise UsageError("a TFRecord file always holds its images", hint="leave --images out")
    if label_map is not None and to != "tfrecord" and not stands_for_files(source):
        raise UsageError("--label-map is for TFRecord", hint="name the classes with --classes")


def refuse_nesting(source: Path, target: Path, *, is_container: bool) -> None:
    """See that a target inside the source is not read as part of it next time, nor the other way round overwritten.

    Args:
        source: What is read.
        target: What is to be written.
        is_container: The source is one file that holds its images: only that file must not be the target.

    Raises:
        UsageError: They lie one inside the other.
    """
    if is_container:
        if target.resolve() == source.resolve():
            raise UsageError("the target is the source", file=target, hint="choose another name")
        return
    folder = (source if source.is_dir() else source.parent).resolve()
    goal = target.resolve()
    if goal == folder or goal.is_relative_to(folder) or (source.is_dir() and folder.is_relative_to(goal)):
        raise UsageError(
            f"the target must not lie inside the source's folder {folder}, nor around it",
            file=target,
            hint="choose a folder next to it",
        )


def _only(dataset: Dataset, split: str, source: Path) -> Dataset:
    records = tuple(record for record in dataset if record.split == split)
    if split not in SPLITS or not records:
        there = sorted({record.split for record in dataset if record.split})
        raise DataError(
            f"no image is in the split '{split}'",
            file=source,
            hint=f"its splits are {', '.join(there)}" if there else "split the images first: fractura split",
        )
    return replace(dataset, records=records)


def _in_known_order(dataset: Dataset, target: Path) -> Dataset:
    """``dataset`` with the class order of what was written to ``target`` before, so that no id changes its meaning."""
    before = conversion_of(target).get("class_names", [])
    if not isinstance(before, list) or not all(isinstance(name, str) for name in before):
        return dataset
    return dataset.with_class_names(tuple(dict.fromkeys([*before, *dataset.class_names])))


def _write_folder(
    dataset: Dataset,
    target: Path,
    target_format: Format,
    images: Images,
    overwrite: bool,
    not_held: Sequence[str],
    found: str,
    read_from: Path,
    progress: Progress | None,
) -> None:
    plan = target_format.plan
    assert plan is not None  # only TFRecord has none
    about = {
        "format": target_format.name,
        "source": {"format": found, "name": read_from.name},
        "class_names": list(dataset.class_names),
        "images": len(dataset),
        "negatives": dataset.negatives,
        "boxes": dataset.boxes_by_class,
        "not_held": list(not_held),
    }
    write_files(
        target,
        lambda: plan(dataset),
        images=images,
        overwrite=overwrite,
        about=about,
        count=len(dataset),
        command="convert",
        progress=progress,
    )


def _write_records(
    dataset: Dataset,
    target: Path,
    label_map: Path | None,
    shards: int | None,
    overwrite: bool,
    on_error: OnError,
    problems: list[FracturaError],
    *,
    named: bool,
) -> tuple[Path, ...]:
    place = label_map if label_map is not None else target.parent / LABEL_MAP
    # Two runs at once would mix their shards, or give one id to two classes.
    with ExitStack() as held:
        for file in dict.fromkeys((target, place)):
            held.enter_context(hold_folder(file.parent, "fractura convert", file=file.name))
        present = [path for path in shard_paths(target, shards) if path.exists()]
        if present and not overwrite:
            raise DataError(
                "exists already", file=present[0], hint="choose another name, or replace it with --overwrite"
            )
        return _write_shards(dataset, target, place, shards, on_error, problems, named=named)


def _write_shards(
    dataset: Dataset,
    target: Path,
    place: Path,
    shards: int | None,
    on_error: OnError,
    problems: list[FracturaError],
    *,
    named: bool,
) -> tuple[Path, ...]:
    """The TFRecord files, and the label map at ``place``."""
    if named and place.is_file() and (there := read_label_map(place).class_names) != dataset.class_names:
        raise DataError(
            f"names the classes {', '.join(there)}, not {', '.join(dataset.class_names)}",
            file=place,
            hint="choose another --label-map; ids that are in use must not change",
        )
    if not dataset.class_names and not place.is_file():  # all images are negative: there is nothing to name
        return write_tfrecord(dataset, target, shards=shards, on_error=on_error, problems=problems)
    ids: LabelMap = update_label_map(place, dataset.class_names)
    files = write_tfrecord(dataset, target, shards=shards, label_map=ids, on_error=on_error, problems=problems)
    return (*files, place)
