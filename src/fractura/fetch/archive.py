"""Unpacking a ``.tar.gz`` from the network, which may be damaged, cut off, or made to do harm.

Only plain files and folders are taken, under names that stay inside; owners, permissions and times are not. All of it
appears at once, or nothing does.
"""

from __future__ import annotations

import gzip
import os
import re
import secrets
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from fractura.core.errors import DataError

MAXIMUM_SIZE = 8 << 30
MAXIMUM_FILES = 20_000
_LONGEST_READ = 1 << 24
"""Nothing honest asks for more at once: file contents are copied in small pieces, and headers are small."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\\:*?"<>|]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class _BombError(Exception):
    """The archive grows beyond the limit."""


class _LimitedReader:
    """Reads the unpacked stream of a gzip file up to a limit."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_READ or self._stream.tell() + size > self._limit + _LONGEST_READ:
            raise _BombError
        return self._stream.read(size)

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, position: int) -> int:
        if position > self._limit + _LONGEST_READ:
            raise _BombError
        return self._stream.seek(position)


def unpack_archive(
    archive: Path, folder: Path, *, maximum_size: int = MAXIMUM_SIZE, maximum_files: int = MAXIMUM_FILES
) -> list[Path]:
    """Unpack ``archive`` into ``folder``.

    Args:
        archive: A ``.tar.gz``.
        folder: Must not be there yet.
        maximum_size: Bytes of all files together.
        maximum_files: Files and folders.

    Returns:
        The files, sorted.

    Raises:
        DataError: The archive is damaged, holds something else than files and folders, a name that leads outside or
            that some system cannot have, the same name twice, or too much; or ``folder`` cannot be written. Nothing is
            left.
    """
    scratch = folder.parent / f".fractura-{secrets.token_hex(8)}.tmp"
    try:
        scratch.mkdir(parents=True)
        try:
            _unpack(archive, scratch, maximum_size, maximum_files)
            os.rename(scratch, folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"is damaged or cut off ({error})", file=archive, hint="delete it and fetch it again"
        ) from error
    except _BombError as error:
        raise refusal(
            archive, f"unpacks to more than {maximum_size / 2**20:.0f} MiB or {maximum_files} files"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}",
            file=folder,
            hint="choose a new folder, on a disk with room",
        ) from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _unpack(archive: Path, folder: Path, maximum_size: int, maximum_files: int) -> None:
    size = count = 0
    with gzip.open(archive, "rb") as plain:
        reader = cast("IO[bytes]", _LimitedReader(cast(gzip.GzipFile, plain), maximum_size + maximum_files * 4096))
        with tarfile.open(fileobj=reader, mode="r:", errorlevel=2) as members:
            for member in members:
                count, size = count + 1, size + member.size
                if size > maximum_size or count > maximum_files:
                    raise _BombError
                target = folder / _safe_name(archive, member)
                if member.isdir():
                    target.mkdir(parents=True, exist_ok=True)
                    continue
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(archive, members.extractfile(member), target, member)
        if count == 0:
            raise tarfile.ReadError("it is empty")
        while plain.read(_LONGEST_READ):  # to the end: only there does gzip compare its checksum
            pass


def _copy(archive: Path, source: Any, target: Path, member: tarfile.TarInfo) -> None:
    try:
        with target.open("xb") as stream:
            shutil.copyfileobj(source, stream, 1 << 20)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise refusal(archive, f"holds '{member.name}' twice") from error
    if target.stat().st_size != member.size:
        raise tarfile.ReadError(f"'{member.name}' is not complete")


def _safe_name(archive: Path, member: tarfile.TarInfo) -> PurePosixPath:
    if not (member.isdir() or member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
        raise refusal(archive, f"holds '{member.name}', which is a link or a device and not a file")
    return safe_name(archive, member.name)


def safe_name(archive: Path, written: str) -> PurePosixPath:
    """``written`` as a path below the folder to unpack into.

    Raises:
        DataError: It leads outside, or some system cannot have such a file.
    """
    name = PurePosixPath(written)
    if name.is_absolute() or ".." in name.parts or _FORBIDDEN.search(written):
        raise refusal(archive, f"holds the name '{written}', which leads outside or is not possible everywhere")
    if any(_DEVICES.fullmatch(part) or part.endswith((" ", ".")) for part in name.parts):
        raise refusal(archive, f"holds the name '{written}', which Windows cannot have")
    return name


def refusal(archive: Path, problem: str) -> DataError:
    """The error of an archive that is not to be trusted."""
    return DataError(problem, file=archive, hint="nothing was unpacked; do not use this archive")
