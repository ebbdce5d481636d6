"""Which format a file or folder of labelled images is in, and why that is thought."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.dataset import SPLITS
from fractura.core.errors import DataError, FracturaError
from fractura.core.files import unlistable
from fractura.formats.assembly import split_of
from fractura.formats.csv import separator_of
from fractura.formats.format import Format
from fractura.formats.registry import FORMATS
from fractura.formats.text_files import read_json, read_lines
from fractura.formats.tfrecord.frames import stands_for_files
from fractura.formats.voc.layout import find_voc_folder

_ANY = f"give a folder or file of {' or '.join(', '.join(each.title for each in FORMATS.values()).rsplit(', ', 1))}"


@dataclass(frozen=True)
class Guess:
    """A format and its evidence.

    Attributes:
        format: Name of the format; ``splits`` for a folder of ``train``, ``val`` and ``test``.
        path: What to read: the file that describes the images, or the folder.
        why: In a few words.
        others: Formats that are there too and were passed over.
    """

    format: str
    path: Path
    why: str
    others: tuple[str, ...] = ()


def guess_format(path: Path) -> Guess:
    """Find out in which format ``path`` is.

    Raises:
        DataError: There is nothing of this name, or nothing in it can be labelled images.
    """
    path = Path(path)
    if path.is_file():
        return _of_file(path)
    if not path.is_dir():
        if stands_for_files(path):
            return Guess("tfrecord", path, "its name stands for TFRecord files")
        raise DataError("there is no such folder or file", file=path, hint="check the path and the spelling")
    try:
        found = _in_folder(path)
        if found:
            return replace(found[0], others=tuple(each.format for each in found[1:]))
        if parts := split_folders(path):
            return Guess("splits", path, "it holds " + ", ".join(folder.name for folder in parts.values()))
    except OSError as error:
        raise unlistable(error, path) from error
    find_voc_folder(path)  # says what is missing, and where annotations lie nearby
    raise DataError("holds nothing that can be read as labelled images", file=path, hint=_ANY)


def _of_file(path: Path) -> Guess:
    ending = path.suffix.lower()
    if ending == ".json":
        return _of_json(path)
    if ending == ".csv":
        return _of_table(path) or Guess("csv", path, "it ends in .csv")
    if ending in (".yaml", ".yml"):
        return Guess("yolo", path, "it ends in .yaml")
    if ending == ".xml":
        raise DataError("is one annotation file", file=path, hint=f"give the folder: {path.parent}")
    return Guess("tfrecord", path, "it is a file without an ending of another format")


def _of_json(path: Path) -> Guess:
    document = read_json(path)
    readers = [each for each in FORMATS.values() if each.why_json is not None]
    for each in readers:
        if each.why_json is not None and (why := each.why_json(document)):
            return Guess(each.name, path, why)
    raise DataError(f"is JSON, but neither {' nor '.join(each.title for each in readers)}", file=path, hint=_ANY)


def _in_folder(folder: Path) -> list[Guess]:
    finders = dict.fromkeys(_finder(each) for each in FORMATS.values())
    return [guess for finder in finders if (guess := finder(folder)) is not None]


def _finder(each: Format) -> Callable[[Path], Guess | None]:
    """What recognises a format in a folder; the formats that are JSON share one, and so do tables."""
    if each.why_json is not None:
        return _json_in
    if each.why_table is not None:
        return _table_in

    def find(folder: Path) -> Guess | None:
        evidence = None if each.find is None else each.find(folder)
        return None if evidence is None else Guess(each.name, evidence.path, evidence.why)

    return find


def _json_in(folder: Path) -> Guess | None:
    found = []
    for place in (folder, folder / "annotations"):
        for file in sorted(place.glob("*.json")) if place.is_dir() else []:
            try:
                found.append(_of_json(file))
            except FracturaError:
                continue  # some other JSON
    if len(found) > 1:
        names = ", ".join(each.path.name for each in found[:4])
        raise DataError(f"holds {len(found)} files of annotations: {names}", file=folder, hint="give the one you mean")
    return replace(found[0], why=f"{found[0].path.name}: {found[0].why}") if found else None


def _table_in(folder: Path) -> Guess | None:
    found = [guess for file in sorted(folder.glob("*.csv")) if (guess := _of_table(file)) is not None]
    if len(found) > 1:
        names = ", ".join(each.path.name for each in found[:4])
        raise DataError(f"holds {len(found)} tables of boxes: {names}", file=folder, hint="give the one you mean")
    return found[0] if found else None


def _of_table(file: Path) -> Guess | None:
    try:
        first = read_lines(file)[0]
        header = next(csv.reader([first], delimiter=separator_of(first)), [])
    except (DataError, csv.Error):
        return None
    for each in FORMATS.values():
        if each.why_table is not None and (why := each.why_table(header)):
            return Guess(each.name, file, f"{file.name} {why}")
    return None


def split_folders(path: Path) -> dict[str, Path]:
    """The folders of ``path`` that are called after splits, if ``train`` is among them; by split, in its order.

    Raises:
        DataError: Two folders are for one split.
    """
    found: dict[str, Path] = {}
    for entry in sorted(path.iterdir()):
        split = split_of(entry.name)
        if split is not None and entry.is_dir():
            if split in found:
                raise DataError(
                    f"'{found[split].name}' and '{entry.name}' are both folders for {split}",
                    file=path,
                    hint="give one of them, or rename it",
                )
            found[split] = entry
    return {split: found[split] for split in SPLITS if split in found} if "train" in found else {}
