"""Reading and writing whole files: one set of error messages, and a reader never sees half of what is written."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fractura.core.errors import DataError
from fractura.core.leftovers import create_temporary_file, temporary_folder

_REFUSALS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EFBIG, errno.EIO, errno.ENOENT, getattr(errno, "EDQUOT", 0))
"""What a disk that is full, read-only or broken answers to a write; and that there is no folder for temporary files."""


def read_file(path: Path, *, limit: int | None = None) -> bytes:
    """The bytes of a file.

    Args:
        path: The file.
        limit: Read no more bytes than this.

    Raises:
        DataError: There is no such file, it is a folder, or it cannot be read.

    Examples:
        >>> read_file(Path("missing.png"))
        Traceback (most recent call last):
        ...
        fractura.core.errors.DataError: missing.png: there is no such file
          → check the path and the spelling
    """
    try:
        refuse_special(path)
        with Path(path).open("rb") as stream:
            return stream.read() if limit is None else stream.read(limit)
    except OSError as error:
        raise unreadable(error, path) from error


def refuse_special(path: Path) -> None:
    """See that a file is one: reading a pipe may wait for ever, and a device has no end.

    Raises:
        DataError: It is neither a file nor a folder.
        OSError: It is not there.
    """
    mode = Path(path).stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise DataError("is a pipe or a device, not a file", file=path, hint="give a file")


def unreadable(error: OSError, file: Path | str) -> DataError:
    """What to raise when the system refuses to open or read a file."""
    if isinstance(error, FileNotFoundError):
        return DataError("there is no such file", file=file, hint="check the path and the spelling")
    if isinstance(error, IsADirectoryError):
        return DataError("is a folder, not a file", file=file, hint="give a file")
    return DataError(
        f"cannot be read: {error.strerror or error}", file=file, hint="check that you have permission to read it"
    )


def unlistable(error: OSError, folder: Path | str) -> DataError:
    """What to raise when the system refuses to list a folder."""
    return DataError(
        f"cannot be listed: {error.strerror or error}",
        file=folder,
        hint="check that you have permission to read the folder",
    )


def unwritable(error: Exception, path: Path | str) -> DataError:
    """What to raise when the system refuses to write a file."""
    return DataError(
        f"cannot be written: {getattr(error, 'strerror', None) or error}",
        file=path,
        hint="choose a folder that you may write to, on a disk with space left",
    )


def write_atomically(path: Path, data: bytes | str, *, before_rename: Callable[[], None] | None = None) -> None:
    r"""Write ``data`` to ``path`` through a temporary file next to it, fsync and rename.

    The folder is created if it is missing. A link is written through, and an existing file keeps its permissions.
    If anything fails the temporary file is removed and what was at ``path`` stays as it was.

    Args:
        path: The file to write.
        data: Bytes as they are; text is encoded as UTF-8 with its line ends unchanged. Of a file name that is not UTF-8
            the odd bytes become ``\udcNN``.
        before_rename: Called when all but the rename is done; if it raises, nothing changes.

    Raises:
        DataError: The folder or file cannot be written.
    """
    with open_atomically(path, before_rename=before_rename) as stream:
        stream.write(data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data)


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A folder for temporary files, deleted at the end of the block.

    Raises:
        DataError: The disk for temporary files is full, or refuses them.
    """
    try:
        with temporary_folder(prefix) as folder:
            yield folder
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise DataError(
            f"temporary files cannot be written: {error.strerror or error}",
            file=error.filename or tempfile.tempdir,
            hint="free some space there, or name another folder in the variable TMPDIR",
        ) from error


@contextmanager
def open_atomically(path: Path, *, before_rename: Callable[[], None] | None = None) -> Iterator[BinaryIO]:
    """A binary file that appears at ``path`` when the block ends, for what is too large for memory.

    Temporary file, links and permissions are treated as in ``write_atomically``.

    Raises:
        DataError: The folder or file cannot be written.
    """
    target = Path(path)
    if target.is_symlink():
        target = target.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        mode = target.stat().st_mode & 0o777 if target.exists() else None
        temporary, descriptor = create_temporary_file(target.parent)
        # Closing the stream would let go of the file before it is renamed; an open one cannot be renamed on Windows.
        held = None if os.name == "nt" else os.dup(descriptor)
        try:
            with open(descriptor, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            if mode is not None:
                temporary.chmod(mode)
            if before_rename is not None:
                before_rename()
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        finally:
            if held is not None:
                os.close(held)
        _sync_folder(target.parent)
    except OSError as error:
        raise unwritable(error, path) from error


def _sync_folder(folder: Path) -> None:
    """Put the rename itself on the disk, where the system lets a folder be opened (Windows does not)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
