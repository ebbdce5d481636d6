"""One writer in a folder at a time: a second training or label server is told who is there.

The lock is the system's, on a hidden file: it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from fractura.core.errors import UsageError
from fractura.core.json_text import parse_json

LOCK_FILE = ".fractura-lock"
_logger = logging.getLogger(__name__)
_held: set[tuple[int, int]] = set()
_held_lock = threading.Lock()


@contextmanager
def hold_folder(folder: Path, purpose: str, *, file: str | None = None) -> Iterator[None]:
    """Hold a folder while the block runs. Where the system cannot lock (read-only folders among them), nothing happens.

    Args:
        folder: It; created if it is missing.
        purpose: What the holder does, for the one that comes second: ``a training``.
        file: Hold only this file of the folder, and what belongs to it.

    Raises:
        UsageError: Another process, or another thread of this one, holds it.
    """
    path = Path(folder) / (LOCK_FILE if file is None else f"{LOCK_FILE}-{_short(file)}")
    is_new = not path.parent.exists()
    descriptor = _locked(path, purpose)
    try:
        yield
    finally:
        if descriptor is not None:
            _release(path, descriptor)
        if is_new:
            with suppress(OSError):  # something was written into it
                path.parent.rmdir()


def _short(name: str) -> str:
    """For a file name of any length and any bytes."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _locked(path: Path, purpose: str) -> int | None:
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            _logger.info("%s: is not locked: %s", path.parent, error)
            return None
        try:
            is_free = _try_to_lock(descriptor)
        except OSError as error:  # a file system without locks
            _logger.info("%s: is not locked: %s", path.parent, error)
            os.close(descriptor)
            return None
        if not is_free:
            with open(descriptor, "rb") as stream:
                owner = stream.read(1000)
            raise UsageError(
                f"is in use by {_described(owner)}", file=path.parent, hint="wait for its end, or use another folder"
            )
        if _is_at(path, descriptor):
            about = {"purpose": purpose, "process": os.getpid(), "machine": socket.gethostname()}
            about["since"] = datetime.now().astimezone().isoformat(timespec="seconds")
            with suppress(OSError):  # on a full disk the folder is held all the same, by nobody named
                os.ftruncate(descriptor, 0)
                os.write(descriptor, json.dumps(about).encode())
            return descriptor
        _unlock(descriptor)  # its last holder has just deleted it


def _release(path: Path, descriptor: int) -> None:
    with suppress(OSError):  # on Windows an open file cannot be deleted; an empty one stays
        path.unlink()
    _unlock(descriptor)


def _try_to_lock(descriptor: int) -> bool:
    """Lock the file for this process; False if it is held. A lock of the system does not part threads."""
    with _held_lock:
        status = os.fstat(descriptor)
        if (status.st_dev, status.st_ino) in _held:
            return False
        try:
            _system_lock(descriptor)
        except (BlockingIOError, PermissionError):
            return False
        _held.add((status.st_dev, status.st_ino))
        return True


def _unlock(descriptor: int) -> None:
    with _held_lock:
        status = os.fstat(descriptor)
        _held.discard((status.st_dev, status.st_ino))
        os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _system_lock(descriptor: int) -> None:
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # beyond the text, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _system_lock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # unlike flock, not shared with forked workers


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there, ours = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _described(owner: bytes) -> str:
    try:
        about = parse_json(owner)
        return f"{about['purpose']} (process {about['process']} on {about['machine']}, since {about['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process of fractura"
