"""Unpacking a ``.zip`` from the network under the rules for ``.tar.gz``: plain files inside the folder, or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from fractura.core.errors import DataError
from fractura.fetch.archive import refusal, safe_name

MAXIMUM_SIZE = 64 << 30
MAXIMUM_FILES = 200_000
_CHUNK = 1 << 20
_NOT_DATA = ("__MACOSX", ".DS_Store")


def unpack_zip(
    archive: Path, folder: Path, *, maximum_size: int = MAXIMUM_SIZE, maximum_files: int = MAXIMUM_FILES
) -> list[Path]:
    """Unpack ``archive`` into ``folder``; what macOS puts into such files is left out.

    Args:
        archive: A ``.zip``.
        folder: Must not be there yet.
        maximum_size: Bytes of all files together.
        maximum_files: Files and folders.

    Returns:
        The files, sorted.

    Raises:
        DataError: The archive is damaged, encrypted, holds something else than files and folders, a name that leads
            outside or that some system cannot have, the same name twice, or too much; or ``folder`` cannot be written.
            Nothing is left.
    """
    scratch = folder.parent / f".fractura-{secrets.token_hex(8)}.tmp"
    try:
        scratch.mkdir(parents=True)
        try:
            with zipfile.ZipFile(archive) as members:
                _unpack(archive, members, scratch, maximum_size, maximum_files)
            os.rename(scratch, folder)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError, UnicodeError, ValueError) as error:
        raise DataError(
            f"is damaged or cut off ({error})", file=archive, hint="delete it and fetch it again"
        ) from error
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}",
            file=folder,
            hint="choose a new folder, on a disk with room",
        ) from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _unpack(archive: Path, members: zipfile.ZipFile, folder: Path, maximum_size: int, maximum_files: int) -> None:
    entries = members.infolist()
    too_much = refusal(archive, f"unpacks to more than {maximum_size / 2**20:.0f} MiB or {maximum_files} files")
    if len(entries) > maximum_files:
        raise too_much
    size = 0
    for entry in entries:
        name = safe_name(archive, entry.filename)
        if any(part in _NOT_DATA for part in name.parts):
            continue
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise refusal(archive, f"holds '{entry.filename}', which is a link or a device and not a file")
        if entry.flag_bits & 1:
            raise refusal(archive, f"holds '{entry.filename}', which is encrypted")
        target = folder / name
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with members.open(entry) as source, target.open("xb") as stream:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)  # what really comes, whatever the archive's table says
                    if size > maximum_size:
                        raise too_much
                    stream.write(chunk)
        except FileExistsError as error:
            raise refusal(archive, f"holds '{entry.filename}' twice") from error
