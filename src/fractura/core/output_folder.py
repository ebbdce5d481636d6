"""Folders of results: what may be replaced in them, and how a killed run is told from a whole one.

One run at a time writes into a folder. It carries a note while it is written, from before the first file to after the
last. The note lists the files to be written, so that the next run may replace or remove what a killed one left, and
nothing else. Whatever a note says that somebody else wrote, nothing outside the folder is touched.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from fractura.core.errors import DataError, UsageError
from fractura.core.files import write_atomically
from fractura.core.folder_lock import hold_folder
from fractura.core.json_text import json_object_in
from fractura.core.leftovers import holds_nothing, remove_temporary_files

NOTE_FILE = "UNFINISHED.json"
_MADE_BY = "fractura"
_LEVELS = 3
"""Folders above a path that are examined: a data set's images lie no deeper below the folder that was written."""


@contextmanager
def unfinished(
    folder: Path, command: str, files: Iterable[str] = (), *, prepare: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold a folder, and note in it that it is unfinished, while the block writes it; the note stays if that fails.

    Args:
        folder: Created if it is missing.
        command: What writes it: ``convert``.
        files: Paths below the folder, with ``/``, that the block may write.
        prepare: Sees that the folder may be written and clears it, when nobody else writes there any more: another run
            may have filled it since that was seen first.

    Raises:
        UsageError: Another run writes there, or the folder holds a link that leads out of it; or as ``prepare``.
        DataError: The note cannot be written.
    """
    with hold_folder(folder, f"fractura {command}"):
        prepare()
        names = sorted(files)
        _refuse_links(Path(folder), names)
        with _noted(folder, command, names):
            yield


def _refuse_links(folder: Path, files: Iterable[str]) -> None:
    """Nothing is written through a link to a folder elsewhere: who gets a folder of results may not know of it."""
    if not folder.is_dir():
        return
    places = {place.as_posix() for name in files for place in PurePosixPath(name).parents}
    for place in sorted({*places, *(entry.name for entry in folder.iterdir())}):
        path = folder / place
        if path.is_dir() and not _is_below(folder, path):
            raise UsageError(
                f"holds the link '{place}', which leads out of it",
                file=folder,
                hint="choose another output folder, or put a folder in the link's place",
            )


def is_inside(folder: Path, name: str) -> bool:
    """True if a file that a document in ``folder`` names lies below it, once links are followed, and can exist there.

    Examples:
        >>> is_inside(Path("found"), "pictures/wrist.jpg"), is_inside(Path("found"), "../wrist.jpg")
        (True, False)
    """
    if not name or name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        return False
    try:
        os.lstat(folder / name)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError:  # no disk holds such a name
        return False
    return _is_below(folder, (folder / name).parent)


def _is_below(folder: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return False


@contextmanager
def _noted(folder: Path, command: str, files: list[str]) -> Iterator[None]:
    note = Path(folder) / NOTE_FILE
    if note.exists():
        remove_temporary_files(Path(folder), below=True)
    text = f"This folder is not complete: fractura {command} is writing it, or was stopped while it did."
    about = {"made_by": _MADE_BY, "command": command, "note": text, "files": files}
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
    return frozenset(name for name in names if is_inside(Path(folder), name))


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


def refuse_full_folder(folder: Path | None, holds_earlier: Callable[[Path], bool], *, overwrite: bool) -> None:
    """See that results may be written into a folder: it is not there yet, is empty, or what is there may be replaced.

    Args:
        folder: Where they are to go; None if they are not written.
        holds_earlier: Whether a folder holds the results of an earlier run.
        overwrite: These may be replaced; nothing else ever is.

    Raises:
        UsageError: It is a file, or holds something else, or ``overwrite`` was not given.
    """
    if folder is None or not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError("is a file, not a folder", file=folder, hint="choose another output folder")
    stopped, earlier = _note_in(folder) is not None, holds_earlier(folder)
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
