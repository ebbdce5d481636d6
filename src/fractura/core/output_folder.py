"""Folders of results: what may be replaced in them, and how a killed run is told from a whole one.

A folder carries a note while it is written, from before the first file to after the last. The note lists the files to
be written, so that the next run may replace or remove what a killed one left, and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fractura.core.errors import DataError, UsageError
from fractura.core.files import write_atomically
from fractura.core.json_text import json_object_in
from fractura.core.leftovers import holds_nothing, remove_temporary_files

NOTE_FILE = "UNFINISHED.json"
_MADE_BY = "fractura"
_LEVELS = 3
"""Folders above a path that are examined: a data set's images lie no deeper below the folder that was written."""


@contextmanager
def unfinished(folder: Path, command: str, files: Iterable[str] = ()) -> Iterator[None]:
    """Mark a folder as unfinished while the block writes it; it stays marked if the block fails.

    Args:
        folder: Created if it is missing.
        command: What writes it: ``convert``.
        files: Paths below the folder, with ``/``, that the block may write.

    Raises:
        DataError: The note cannot be written.
    """
    note = Path(folder) / NOTE_FILE
    if note.exists():
        remove_temporary_files(Path(folder), below=True)
    text = f"This folder is not complete: fractura {command} is writing it, or was stopped while it did."
    about = {"made_by": _MADE_BY, "command": command, "note": text, "files": sorted(files)}
    write_atomically(note, json.dumps(about, indent=1) + "\n")
    yield
    note.unlink(missing_ok=True)


def left_unfinished(folder: Path) -> frozenset[str] | None:
    """The files that a killed run was to write into ``folder``; None if it is not marked as unfinished."""
    about = _note_in(Path(folder))
    if about is None:
        return None
    files = about.get("files")
    names = [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    return frozenset(name for name in names if not (name.startswith("/") or "\\" in name or ".." in name.split("/")))


def refuse_unfinished(path: Path) -> None:
    """See that nothing is read from a folder that was not written to its end.

    Args:
        path: A file or folder; the folders above it are examined, too.

    Raises:
        DataError: One of them is marked as unfinished.
    """
    path = Path(path).absolute()
    for folder in (path, *path.parents[:_LEVELS]):
        about = _note_in(folder)
        if about is not None:
            raise DataError(
                f"is not complete: fractura {about.get('command')} is writing it, or was stopped while it did",
                file=folder,
                hint="run that command again, with --overwrite if the data are others",
            )


def refuse_full_folder(folder: Path, *, earlier: bool, overwrite: bool) -> None:
    """See that results may be written into a folder: it is not there yet, is empty, or what is there may be replaced.

    Args:
        folder: Where they are to go.
        earlier: It holds the results of an earlier run.
        overwrite: These may be replaced; nothing else ever is.

    Raises:
        UsageError: It is a file, or holds something else, or ``overwrite`` was not given.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError("is a file, not a folder", file=folder, hint="choose another output folder")
    stopped = _note_in(folder) is not None
    if holds_nothing(folder) or ((earlier or stopped) and overwrite):
        return
    results = "the unfinished results of a run that was stopped" if stopped else "the results of an earlier run"
    raise UsageError(
        f"holds {results}" if earlier or stopped else "is not empty",
        file=folder,
        hint="choose another output folder" + (", or replace them with --overwrite" if earlier or stopped else ""),
    )


def _note_in(folder: Path) -> dict[str, object] | None:
    about = json_object_in(folder / NOTE_FILE)
    return about if about is not None and about.get("made_by") == _MADE_BY else None
