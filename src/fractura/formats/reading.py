"""``read_dataset``: labelled images in whichever format they are."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError, UsageError
from fractura.core.output_folder import refuse_unfinished
from fractura.core.printable import printable
from fractura.formats.assembly import ReadOptions
from fractura.formats.faults import Faults, OnError, refuse_repeated_names
from fractura.formats.recognition import Guess, find_in_folder, guess_format, split_folders
from fractura.formats.registry import find_format
from fractura.formats.split_file import with_split_file

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """A data set and how it was read.

    Attributes:
        dataset: The images and boxes.
        guess: Its format and why.
    """

    dataset: Dataset
    guess: Guess


def read_dataset(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
    source_format: str | None = None,
    image_dir: Path | None = None,
) -> Dataset:
    """Read labelled images: Pascal VOC, COCO, YOLO, CreateML, CSV, TFRecord or another format, whichever is found.

    What a ``split.json`` in the folder says of the images (split, patient, body part) is read with it. A folder that
    holds ``train``, ``val`` and ``test`` is read as one data set, each image with its split.

    Args:
        path: A folder; or a file: ``.json``, ``.csv``, CVAT's ``.xml``, YOLO's ``data.yaml``, TFRecord (also a pattern
            such as ``train-?????-of-00010``, or a sharded name).
        class_names: In label order, which always wins; by default the file's own order (COCO: of the ids), or where it
            has none the names found, sorted.
        on_error: ``stop`` at the first fault, or ``skip`` that image: but stop all the same where all boxes or more
            than a tenth of the images with boxes would be left out, unless it is ``skip-all``.
        problems: Collects what was skipped or not used, and remarks; without it that is logged as warnings.
        source_format: Its name, one of ``fractura.formats.registry.FORMATS``; by default it is guessed.
        image_dir: Where the images lie, if not where the format has them; their sub-folders belong to it.

    Raises:
        DataError: There is nothing to read, or (``stop``) something is wrong; file, place and hint are named.
        UsageError: ``class_names`` holds a name twice, or ``source_format`` is unknown.
    """
    return open_dataset(
        path,
        class_names=class_names,
        on_error=on_error,
        problems=problems,
        source_format=source_format,
        image_dir=image_dir,
    ).dataset


def open_dataset(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
    source_format: str | None = None,
    image_dir: Path | None = None,
) -> Reading:
    """As ``read_dataset``, and says what was guessed."""
    refuse_repeated_names(class_names)
    path = Path(path)
    refuse_unfinished(path)
    if source_format is not None:
        guess = Guess(source_format, _described(path, source_format), "it was named")
    else:
        guess = guess_format(path)
    found: list[FracturaError] = []
    if guess.others:
        others = ", ".join(find_format(name).title for name in dict.fromkeys(guess.others))
        found.append(
            DataError(
                f"is read as {find_format(guess.format).title}; it holds {others}, too",
                file=path,
                hint="name the format if you mean the other: --from",
            )
        )
    if guess.format == "splits":
        dataset = _read_splits(path, class_names, on_error, image_dir, found)
    else:
        source = find_format(guess.format)
        if image_dir is not None and not source.takes_image_dir:
            raise UsageError(
                f"{source.title} holds its images itself", hint="leave out the folder where the images lie"
            )
        faults = Faults(on_error)
        names = None if class_names is None else tuple(class_names)
        dataset = source.read(guess.path, ReadOptions(class_names=names, image_dir=image_dir), faults)
        faults.report(found)
        dataset = with_split_file(dataset, path)
    _refuse_half_characters(dataset.class_names, guess.path)
    if problems is not None:
        problems.extend(found)
    else:
        for each in found:
            _logger.warning("%s", each)
    return Reading(dataset, guess)


def _refuse_half_characters(class_names: Sequence[str], file: Path) -> None:
    """JSON can hold half a character, which no other format does."""
    for name in class_names:
        if name != printable(name):
            raise DataError(f"the class '{name}' is not text", file=file, hint="correct the name")


def _described(path: Path, source_format: str) -> Path:
    """The file that describes the images where ``path`` is a folder and the format is one of files."""
    wanted = find_format(source_format)
    if not path.is_dir() or wanted.reads_folders:
        return path
    if wanted.describes and (path / wanted.describes).is_file():
        return path / wanted.describes
    found = find_in_folder(path, source_format)
    if found is not None:
        return found.path
    if wanted.file_an_image:
        return path
    raise DataError("is a folder", file=path, hint=f"give the {wanted.title} file in it")


def _read_splits(
    path: Path,
    class_names: Sequence[str] | None,
    on_error: OnError,
    image_dir: Path | None,
    found: list[FracturaError],
) -> Dataset:
    parts: list[Dataset] = []
    for split, folder in split_folders(path).items():
        part = read_dataset(folder, class_names=class_names, on_error=on_error, problems=found, image_dir=image_dir)
        parts.append(replace(part, records=tuple(replace(each, split=each.split or split) for each in part)))
    names = tuple(class_names) if class_names is not None else _merged_names(parts)
    records = [record for part in parts for record in part.with_class_names(names)]
    owners: dict[str, Path] = {}
    for record in records:
        other = owners.setdefault(record.name.casefold(), record.image)
        if other != record.image:
            raise DataError(
                f"the image '{record.name}' is in two splits: {other.parent} and {record.image.parent}",
                file=path,
                hint="take it out of one of them, or give different images different names",
            )
    return with_split_file(Dataset(names, tuple(records), path), path)


def _merged_names(parts: Sequence[Dataset]) -> tuple[str, ...]:
    """The first part's names in its order, and behind them those that only others have."""
    if all(list(part.class_names) == sorted(part.class_names) for part in parts):
        return tuple(sorted({name for part in parts for name in part.class_names}))
    return tuple(dict.fromkeys(name for part in parts for name in part.class_names))
