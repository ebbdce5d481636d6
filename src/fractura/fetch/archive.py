"""Unpack a ``.zip`` or ``.tar.gz`` from the network, which may be damaged, cut off, or malicious.

Only regular files and folders are unpacked, under names that stay inside the target; owners, permissions and times are
not restored. All of it appears at once, or nothing does.
"""

from __future__ import annotations

import gzip
import lzma
import os
import re
import secrets
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from fractura.core.errors import DataError
from fractura.core.memory import not_enough_memory

_CHUNK = 1 << 20
_LONGEST_READ = 1 << 24
"""No valid archive needs more at once: file contents are copied in small pieces, and headers are small."""
_FORBIDDEN = re.compile(r'[\x00-\x1f\\:*?"<>|]')
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_NOT_DATA = ("__MACOSX", ".DS_Store")
_LIMITS = {".zip": (64 << 30, 200_000), ".tar.gz": (8 << 30, 20_000)}
"""Bytes and files that an archive may unpack to."""
_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    ValueError,
    RecursionError,  # a thousand headers before one file
)


class _BombError(Exception):
    """The archive exceeds the limits."""


@dataclass(frozen=True)
class _Entry:
    """A file or folder in an archive: its name, kind, size in bytes and content."""

    name: str
    is_folder: bool
    size: int
    open: Callable[[], IO[bytes] | None]


def archive_ending(name: str) -> str | None:
    """The ending of an archive that can be unpacked; None for any other file.

    >>> archive_ending("images.tar.gz"), archive_ending("images.rar")
    ('.tar.gz', None)
    """
    return next((ending for ending in _LIMITS if name.lower().endswith(ending)), None)


def unpack_archive(
    archive: Path,
    folder: Path,
    *,
    unwrap: bool = False,
    maximum_size: int | None = None,
    maximum_files: int | None = None,
) -> list[Path]:
    """Unpack ``archive`` into ``folder``. What macOS adds to a ``.zip`` is left out.

    Args:
        archive: A ``.zip``, or else a ``.tar.gz``.
        folder: Must not exist.
        unwrap: If everything in the archive is inside a folder called like ``folder``, that becomes ``folder``.
        maximum_size: Bytes of all files together; None is 64 GiB for a ``.zip`` and 8 GiB for a ``.tar.gz``.
        maximum_files: Files and folders; None is 200,000 and 20,000.

    Returns:
        The files, sorted.

    Raises:
        DataError: The archive is damaged, encrypted, contains anything but files and folders, a name that leads
            outside or is not valid on every system, the same name twice, or too much; or ``folder`` cannot be written.
            Nothing is left behind.
        NotEnoughMemoryError: It asks for more than there is. Nothing is left behind.
    """
    ending = archive_ending(archive.name) or ".tar.gz"
    size = _LIMITS[ending][0] if maximum_size is None else maximum_size
    files = _LIMITS[ending][1] if maximum_files is None else maximum_files
    scratch = folder.parent / f".fractura-{secrets.token_hex(8)}.tmp"
    try:
        scratch.mkdir(parents=True)
        try:
            entries = _zip_entries(archive) if ending == ".zip" else _tar_entries(archive, scratch, size + files * 4096)
            with closing(entries):
                _unpack(archive, entries, scratch, size, files)
            inner = scratch / folder.name
            alone = unwrap and inner.is_dir() and len(list(scratch.iterdir())) == 1
            os.rename(inner if alone else scratch, folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except _DAMAGED as error:
        raise DataError(
            f"is damaged or cut off ({error})", file=archive, hint="delete it and fetch it again"
        ) from error
    except MemoryError as error:  # LZMA takes as much as a header claims
        raise not_enough_memory("what it contains", error, file=str(archive), hint="fetch it again") from error
    except _BombError as error:
        raise _refusal(archive, f"unpacks to more than {size / 2**20:.0f} MiB or {files} files") from error
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}",
            file=folder,
            hint="choose a new folder, on a disk with free space",
        ) from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _unpack(archive: Path, entries: Iterable[_Entry], folder: Path, maximum_size: int, maximum_files: int) -> None:
    size = count = 0
    files: set[str] = set()  # folded, for systems on which A.png is a.png
    for entry in entries:
        count, size = count + 1, size + entry.size
        if size > maximum_size or count > maximum_files:
            raise _BombError
        name = safe_name(archive, entry.name)
        target, folded = folder / name, str(name).casefold()
        if folded in files:
            raise _refusal(archive, f"contains '{entry.name}' twice")
        if not entry.is_folder:
            files.add(folded)
        try:
            (target if entry.is_folder else target.parent).mkdir(parents=True, exist_ok=True)
            if not entry.is_folder:
                _copy(entry, target)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
            raise _refusal(archive, f"contains '{entry.name}' twice") from error
    if count == 0:
        raise ValueError("it is empty")


def _copy(entry: _Entry, target: Path) -> None:
    """Write the content of an entry; its size is what the limit was checked with, so no more than that is read."""
    with target.open("xb") as stream, closing(_chunks(entry)) as chunks:
        for chunk in chunks:
            stream.write(chunk)


def _chunks(entry: _Entry) -> Generator[bytes, None, None]:
    """The content of an entry, piece by piece.

    Raises:
        ValueError: It is damaged, or not as long as it claims.
    """
    try:
        with cast(IO[bytes], entry.open()) as source:
            left = entry.size
            while left and (chunk := source.read(min(_CHUNK, left))):
                yield chunk
                left -= len(chunk)
            if left or source.read(1):
                raise ValueError(f"'{entry.name}' is incomplete")
    except OSError as error:  # what bzip2 raises; the system's errors of writing are another matter
        raise ValueError(str(error)) from error


class _LimitedReader:
    """Reads the unpacked stream of a gzip file up to a limit: headers may be a bomb, too."""

    def __init__(self, stream: gzip.GzipFile, limit: int) -> None:
        self._stream = stream
        self._limit = limit + _LONGEST_READ

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_READ or self._stream.tell() + size > self._limit:
            raise _BombError
        return self._stream.read(size)

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, position: int) -> int:
        if position > self._limit:
            raise _BombError
        return self._stream.seek(position)


def _tar_entries(archive: Path, folder: Path, limit: int) -> Generator[_Entry, None, None]:
    with gzip.open(archive, "rb") as plain:
        reader = cast(IO[bytes], _LimitedReader(plain, limit))
        with tarfile.open(fileobj=reader, mode="r:", errorlevel=2) as members:
            for member in members:
                safe_name(archive, member.name)
                if not _is_plain(member, folder):
                    raise _refusal(archive, f"contains '{member.name}', which is a link or a device and not a file")
                yield _Entry(member.name, member.isdir(), member.size, partial(members.extractfile, member))
        while plain.read(_LONGEST_READ):  # to the end: gzip verifies its checksum only there
            pass


def _is_plain(member: tarfile.TarInfo, folder: Path) -> bool:
    """Whether Python's own filter takes a member; unlike ours, that lets links within the archive pass."""
    try:
        return not (tarfile.data_filter(member, str(folder)).issym() or member.islnk())
    except tarfile.FilterError:
        return False


def _zip_entries(archive: Path) -> Generator[_Entry, None, None]:
    with zipfile.ZipFile(archive) as members:
        for member in members.infolist():
            if any(part in _NOT_DATA for part in safe_name(archive, member.filename).parts):
                continue
            if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _refusal(archive, f"contains '{member.filename}', which is a link or a device and not a file")
            if member.flag_bits & 1:
                raise _refusal(archive, f"contains '{member.filename}', which is encrypted")
            yield _Entry(member.filename, member.is_dir(), member.file_size, partial(members.open, member))


def safe_name(archive: Path, written: str) -> PurePosixPath:
    """``written`` as a path inside the target folder.

    >>> str(safe_name(Path("data.zip"), "images/1.png"))
    'images/1.png'

    Raises:
        DataError: It leads outside, or is not a valid name on every system.
    """
    name = PurePosixPath(written)
    if not written:
        raise _refusal(archive, "contains an entry without a name")
    if name.is_absolute() or ".." in name.parts or _FORBIDDEN.search(written):
        raise _refusal(archive, f"contains the name '{written}', which leads outside or is not valid on every system")
    if any(_DEVICES.fullmatch(part) or part.endswith((" ", ".")) for part in name.parts):
        raise _refusal(archive, f"contains the name '{written}', which is not valid on Windows")
    return name


def _refusal(archive: Path, problem: str) -> DataError:
    return DataError(problem, file=archive, hint="nothing was unpacked; do not use this archive")
