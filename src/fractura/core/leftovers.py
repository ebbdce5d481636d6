"""Temporary files and folders, and how those that a killed process left are told from those in use.

The system's lock on each ends with the process that works on it, however that ends. Whoever works there next removes
what nobody holds any more. Where the system cannot lock, what is left stays; Windows itself keeps what is open.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fractura.core.folder_lock import LOCK_FILE

_FILE_NAME = re.compile(r"\.fractura-[0-9a-f]+\.tmp")
_searched: set[Path] = set()
_search_lock = threading.Lock()


def create_temporary_file(folder: Path) -> tuple[Path, int]:
    """A new file in ``folder``, open for writing; what killed processes left there is removed first, once a process.

    Its short random name is no longer than any other's: the target's name plus a suffix could pass the file system's
    limit. It has the user's usual permissions. ``hold`` keeps it until the descriptor is closed.

    Raises:
        OSError: It cannot be created.
    """
    with _search_lock:  # no file of ours is there yet, so that none of ours is taken for left
        if folder not in _searched:
            _searched.add(folder)
            remove_temporary_files(folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        path = folder / f".fractura-{secrets.token_hex(8)}.tmp"
        descriptor = os.open(path, flags, 0o666)
        if _hold(descriptor) and path.exists():
            return path, descriptor
        os.close(descriptor)  # another process took it for left, in the instant before it was held


def remove_temporary_files(folder: Path, *, below: bool = False) -> None:
    """Delete what killed processes left of ``create_temporary_file``.

    Args:
        folder: It.
        below: In the folders below it, too.
    """
    with suppress(OSError):
        for path in list(Path(folder).rglob(".fractura-*.tmp") if below else _temporary_files(folder)):
            if _FILE_NAME.fullmatch(path.name):
                _remove_left(path)


def holds_nothing(folder: Path, besides: Iterable[str] = ()) -> bool:
    """True if there is no file in a folder or below it but a lock, and what killed processes left of their files.

    Args:
        folder: It.
        besides: Names of files that do not count either.
    """
    besides = {LOCK_FILE, *besides}
    names = (path.name for path in Path(folder).rglob("*") if path.is_symlink() or not path.is_dir())
    return all(name in besides or _FILE_NAME.fullmatch(name) for name in names)


@contextmanager
def temporary_folder(prefix: str, place: Path | None = None) -> Iterator[Path]:
    """A new folder that is removed at the end; those of the same prefix that killed processes left are removed first.

    Args:
        prefix: How its name begins.
        place: Where it is created; by default in the system's folder for temporary files.

    Raises:
        OSError: It cannot be created.
    """
    place = Path(tempfile.gettempdir()) if place is None else place
    for left in place.glob(f"{prefix}*"):
        if left.is_dir() and not left.is_symlink():
            _remove_left(left)
    while True:
        with tempfile.TemporaryDirectory(prefix=prefix, dir=place, ignore_cleanup_errors=True) as name:
            descriptor = _open_folder(Path(name))
            try:
                if descriptor is None or (_hold(descriptor) and Path(name).exists()):
                    yield Path(name)
                    return
            finally:
                if descriptor is not None:
                    os.close(descriptor)


def _temporary_files(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        yield from (Path(entry.path) for entry in entries if _FILE_NAME.fullmatch(entry.name))


def _remove_left(path: Path) -> None:
    """Delete a file or folder of this user's that no process holds."""
    if sys.platform == "win32":
        if path.is_file():
            with suppress(OSError):  # it is open
                path.unlink()
        return
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            if os.fstat(descriptor).st_uid == os.getuid() and _is_free(descriptor):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            os.close(descriptor)


if sys.platform == "win32":

    def _hold(descriptor: int) -> bool:
        return True  # what is open cannot be deleted

    def _open_folder(path: Path) -> int | None:
        return None

else:
    import fcntl

    def _hold(descriptor: int) -> bool:
        """Hold an open file or folder until the descriptor is closed; False if another process does."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # a file system without locks
            return True
        return True

    def _is_free(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _open_folder(path: Path) -> int | None:
        return os.open(path, os.O_RDONLY)
