"""The JSON documents of a data set: one file, or a folder in which each file describes an image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError
from fractura.core.files import unlistable
from fractura.formats.faults import Faults, placed
from fractura.formats.split_file import SPLIT_FILE
from fractura.formats.text_files import read_json
from fractura.formats.writing import CONVERSION_FILE

_OURS = frozenset({SPLIT_FILE, CONVERSION_FILE})


def json_documents(
    path: Path, why: Callable[[Any], str | None], title: str, faults: Faults
) -> Iterator[tuple[Path, Any]]:
    """Each file with its document. Those in a folder that are of another kind are passed over and counted.

    Args:
        path: A file, of whatever kind it is; or a folder.
        why: Says why a document is of the kind; None if it is not.
        title: Of the kind, for messages.
        faults: Collects what cannot be read.

    Raises:
        DataError: The file cannot be read, the folder cannot be listed; or a fault, where ``faults`` stops.
    """
    if not path.is_dir():
        yield path, read_json(path)
        return
    others: list[str] = []
    for file in _files(path):
        try:
            document = read_json(file)
        except DataError as fault:
            faults.add(placed(fault, file, None))
            continue
        if why(document) is None:
            others.append(file.name)
        else:
            yield file, document
    if others:
        faults.note(
            DataError(
                f"{len(others)} JSON files are not {title} and are not used, such as {others[0]}",
                file=path,
                hint="examine them if they should describe images",
            )
        )


def _files(folder: Path) -> list[Path]:
    try:
        return [
            entry
            for entry in sorted(folder.iterdir())
            if entry.suffix.lower() == ".json" and not entry.name.startswith(".") and entry.name not in _OURS
        ]
    except OSError as error:
        raise unlistable(error, folder) from error
