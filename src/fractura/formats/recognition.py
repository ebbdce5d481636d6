"""Which format a file or folder of labelled images is in, and why that is thought."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fractura.core.dataset import SPLITS
from fractura.core.errors import DataError, FracturaError
from fractura.core.files import unlistable
from fractura.formats.assembly import split_of
from fractura.formats.cvat import is_cvat
from fractura.formats.format import Format
from fractura.formats.registry import FORMATS
from fractura.formats.table_rows import separator_of
from fractura.formats.text_files import read_json, read_lines
from fractura.formats.tfrecord.frames import stands_for_files
from fractura.formats.voc.layout import find_voc_folder
from fractura.imaging.reader import IMAGE_EXTENSIONS

_ANY = f"give a folder or file in one of these formats: {', '.join(each.title for each in FORMATS.values())}"


@dataclass(frozen=True)
class Guess:
    """A format and its evidence.

    Attributes:
        format: Name of the format; ``splits`` for a folder of ``train``, ``val`` and ``test``.
        path: What to read: the file that describes the images, or the folder.
        why: In a few words.
        others: Formats that are there too and were passed over.
        fault: Why it cannot be read like that, if it is this format that is wanted.
    """

    format: str
    path: Path
    why: str
    others: tuple[str, ...] = ()
    fault: DataError | None = None


@dataclass(frozen=True)
class _Search:
    """What one kind of file in a folder may be, and the faults of those that cannot be read at all."""

    guesses: tuple[Guess, ...] = ()
    faults: tuple[FracturaError, ...] = ()


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
        searches = _in_folder(path)
        if found := [guess for search in searches for guess in search.guesses]:
            return replace(_certain(found[0]), others=tuple(each.format for each in found[1:]))
        if parts := split_folders(path):
            return Guess("splits", path, "it holds " + ", ".join(folder.name for folder in parts.values()))
    except OSError as error:
        raise unlistable(error, path) from error
    if faults := [fault for search in searches for fault in search.faults]:
        raise faults[0]
    find_voc_folder(path)  # says what is missing, and where annotations lie nearby
    raise DataError("holds nothing that can be read as labelled images", file=path, hint=_ANY)


def find_in_folder(path: Path, name: str) -> Guess | None:
    """What to read in a folder as the format ``name``; None if nothing is of it.

    Raises:
        DataError: The folder cannot be listed, or several files are of it.
    """
    try:
        guesses = [guess for guess in _finder(FORMATS[name])(path).guesses if guess.format == name]
    except OSError as error:
        raise unlistable(error, path) from error
    return _certain(guesses[0]) if guesses else None


def _certain(guess: Guess) -> Guess:
    if guess.fault is not None:
        raise guess.fault
    return guess


def _of_file(path: Path) -> Guess:
    ending = path.suffix.lower()
    if ending == ".json":
        return _of_json(path)
    if ending == ".csv":
        return _of_table(path) or Guess("csv", path, "it ends in .csv")
    if ending in (".yaml", ".yml"):
        return Guess("yolo", path, "it ends in .yaml")
    if ending == ".xml" and is_cvat(path):
        return Guess("cvat", path, "its root is CVAT's")
    if ending == ".xml":
        raise DataError("is one annotation file", file=path, hint=f"give the folder: {path.parent}")
    if ending == ".txt" or ending in IMAGE_EXTENSIONS:
        raise DataError("holds nothing that can be read as labelled images", file=path, hint=_ANY)
    return Guess("tfrecord", path, "it is a file without an ending of another format")


def _of_json(path: Path) -> Guess:
    if (guess := _of_document(path, read_json(path))) is not None:
        return guess
    titles = " nor ".join(each.title for each in FORMATS.values() if each.why_json is not None)
    raise DataError(f"is JSON, but neither {titles}", file=path, hint=_ANY)


def _of_document(path: Path, document: Any) -> Guess | None:
    for each in FORMATS.values():
        if each.why_json is not None and (why := each.why_json(document)):
            return Guess(each.name, path, why)
    return None


def _in_folder(folder: Path) -> list[_Search]:
    finders = dict.fromkeys(_finder(each) for each in FORMATS.values())
    return [finder(folder) for finder in finders]


def _finder(each: Format) -> Callable[[Path], _Search]:
    """What recognises a format in a folder; the formats that are JSON share one, and so do tables."""
    if each.why_json is not None:
        return _json_in
    if each.why_table is not None:
        return _tables_in

    def find(folder: Path) -> _Search:
        try:
            evidence = None if each.find is None else each.find(folder)
        except DataError as fault:
            return _Search((Guess(each.name, folder, "", fault=fault),))
        return _Search(() if evidence is None else (Guess(each.name, evidence.path, evidence.why),))

    return find


def _json_in(folder: Path) -> _Search:
    found: list[Guess] = []
    faults: list[FracturaError] = []
    for place in (folder, folder / "annotations", folder / "labels"):
        for file in sorted(place.glob("*.json")) if place.is_dir() else []:
            try:
                document = read_json(file)
            except FracturaError as fault:
                faults.append(fault)
                continue
            if (guess := _of_document(file, document)) is not None:
                found.append(replace(guess, why=f"{file.name}: {guess.why}"))
    return _Search(_one_a_format(found, "files of annotations", folder), tuple(faults))


def _tables_in(folder: Path) -> _Search:
    found: list[Guess] = []
    faults: list[FracturaError] = []
    for file in sorted(folder.glob("*.csv")):
        try:
            guess = _of_table(file)
        except FracturaError as fault:
            faults.append(fault)
            continue
        if guess is not None:
            found.append(guess)
    return _Search(_one_a_format(found, "tables of boxes", folder), tuple(faults))


def _one_a_format(found: Sequence[Guess], what: str, folder: Path) -> tuple[Guess, ...]:
    """One guess for each format: its file, or the folder of them where each describes an image."""
    guesses = []
    for name, source in FORMATS.items():
        files = [each for each in found if each.format == name]
        if not files:
            continue
        first = files[0]
        places = {each.path.parent for each in files}
        if len(files) == 1:
            guesses.append(first)
        elif source.file_an_image and len(places) == 1:
            guesses.append(replace(first, path=places.pop(), why=f"it holds {len(files)} files of {source.title}"))
        else:
            names = ", ".join(each.path.name for each in files[:4])
            fault = DataError(f"holds {len(files)} {what}: {names}", file=folder, hint="give the one you mean")
            guesses.append(replace(first, fault=fault))
    return tuple(guesses)


def _of_table(file: Path) -> Guess | None:
    first = read_lines(file)[0]
    try:
        header = next(csv.reader([first], delimiter=separator_of(first)), [])
    except csv.Error:
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
