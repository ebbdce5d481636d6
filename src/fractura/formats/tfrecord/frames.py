"""TFRecord framing: length, masked CRC-32C of the length, payload, masked CRC-32C of the payload; shards and patterns.

Format: tensorflow/core/lib/io/record_writer.h. The files are read and written record by record.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from fractura.core.errors import DataError

HEADER_BYTES = 12
_START_BYTES, _GZIP_OR_ZLIB = 512, 47
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Frame:
    """One record.

    Attributes:
        offset: Of the payload's first byte in the file.
        payload: The record's bytes.
    """

    offset: int
    payload: bytes


def masked_crc32c(data: bytes) -> int:
    """TensorFlow's checksum: CRC-32C, rotated right by 15 bits, plus a constant."""
    return mask_crc32c(google_crc32c.value(data))


def mask_crc32c(crc: int) -> int:
    """The mask alone, for a CRC-32C that was computed in pieces."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def read_frames(path: Path, on_bad_record: Callable[[DataError], None] | None = None) -> Iterator[Frame]:
    """The records of one file, one in memory at a time.

    Args:
        path: The file.
        on_bad_record: Takes the error of a record whose payload fails its checksum; reading goes on behind it. By
            default the error is raised.

    Raises:
        DataError: A length fails its checksum, the file is cut off (nothing behind that place can be trusted) or
            cannot be read; file and byte offset are named.
    """
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            position = 0
            while position < size:
                frame = _read_frame(stream, path, position, size, on_bad_record)
                position = stream.tell()
                if frame is not None:
                    yield frame
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path, hint="check the path") from error


def _read_frame(
    stream: BinaryIO, path: Path, position: int, size: int, on_bad_record: Callable[[DataError], None] | None
) -> Frame | None:
    header = stream.read(HEADER_BYTES)
    whole = _is_header(header)
    if position == 0 and not whole:
        _refuse_compressed(header + stream.read(_START_BYTES), path)
    if len(header) < HEADER_BYTES:
        raise _cut_off(path, position)
    (length,) = _LENGTH.unpack_from(header)
    if not whole:
        what = "is not a TFRecord file" if position == 0 else "the length of a record is damaged"
        raise DataError(
            f"{what} (its checksum differs)",
            file=path,
            place=f"byte {position}",
            hint="copy the file again from its source, or write it again with: fractura convert",
        )
    if length + 4 > size - position - HEADER_BYTES:
        raise _cut_off(path, position)
    payload = stream.read(length)
    checksum = stream.read(4)
    if len(payload) < length or len(checksum) < 4:  # the file shrank meanwhile
        raise _cut_off(path, position)
    if _CHECKSUM.unpack(checksum)[0] != masked_crc32c(payload):
        error = DataError(
            "a record is damaged (its checksum differs)",
            file=path,
            place=f"byte {position}",
            hint="copy the file again from its source, or write it again with: fractura convert",
        )
        if on_bad_record is None:
            raise error
        on_bad_record(error)
        return None
    return Frame(position + HEADER_BYTES, payload)


def _is_header(data: bytes) -> bool:
    return len(data) >= HEADER_BYTES and _CHECKSUM.unpack_from(data, 8)[0] == masked_crc32c(data[:8])


def _refuse_compressed(start: bytes, path: Path) -> None:
    """Name what TensorFlow's writer makes with the options GZIP and ZLIB, and other files of gzip."""
    kind = "gzip" if start.startswith(b"\x1f\x8b") else "zlib"
    try:
        inner = zlib.decompressobj(_GZIP_OR_ZLIB).decompress(start, HEADER_BYTES)
    except zlib.error:
        inner = b""
    if kind == "gzip" or _is_header(inner):
        what = "a TFRecord file " if _is_header(inner) else ""
        raise DataError(
            f"is {what}compressed with {kind}, which the Object Detection API does not read either",
            file=path,
            hint=f'unpack it first: python -c "import {kind}; '
            f"open('unpacked.record', 'wb').write({kind}.decompress(open('{path.name}', 'rb').read()))\"",
        )


def _cut_off(path: Path, position: int) -> DataError:
    return DataError(
        "the file is cut off inside a record",
        file=path,
        place=f"byte {position}",
        hint="copy the file again from its source: this copy is not complete",
    )


def write_frame(stream: BinaryIO, payload: bytes) -> int:
    """Append one record; returns the number of bytes written."""
    length = _LENGTH.pack(len(payload))
    stream.write(length + _CHECKSUM.pack(masked_crc32c(length)))
    stream.write(payload)
    stream.write(_CHECKSUM.pack(masked_crc32c(payload)))
    return HEADER_BYTES + len(payload) + 4


def shard_paths(path: Path, shards: int | None) -> list[Path]:
    """The files to write: ``path`` itself, or ``path-00000-of-00010`` and so on.

    Raises:
        DataError: ``shards`` is not in 1 to 99999.
    """
    if shards is None:
        return [path]
    if not 1 <= shards <= 99_999:
        raise DataError(f"cannot write {shards} files", file=path, hint="the number of shards is 1 to 99999")
    return [path.with_name(f"{path.name}-{index:05d}-of-{shards:05d}") for index in range(shards)]


def matching_files(path: Path | str | Sequence[Path | str]) -> list[Path]:
    """The files that ``path`` stands for: a file, a pattern (``train-?????-of-00010``), a sharded name, or several.

    A name without a file but with shards next to it (``train`` for ``train-00000-of-00010``) stands for its shards.

    Raises:
        DataError: Nothing matches, or shards of a set are missing.
    """
    if not isinstance(path, (str, Path)):
        files = [file for part in path for file in matching_files(part)]
        if not files:
            raise DataError("no TFRecord file is named")
        return list(dict.fromkeys(files))
    given = Path(path)
    if given.is_dir():
        raise DataError("is a folder", file=given, hint="name a TFRecord file, or a pattern such as train-*.tfrecord")
    files = _files_named(given)
    if not files:
        raise DataError("no file of this name is there", file=given, hint="check the path and the pattern")
    if files != [given]:
        _refuse_missing_shards(files)
    return files


def stands_for_files(path: Path) -> bool:
    """True if ``path`` is not a folder, and is a file, a pattern that finds files, or a sharded name."""
    return not path.is_dir() and bool(_files_named(path))


def _files_named(given: Path) -> list[Path]:
    if given.is_file():
        return [given]
    if not given.name or not given.parent.is_dir():
        return []
    pattern = given.name if _WILD.search(given.name) else f"{given.name}-[0-9][0-9][0-9][0-9][0-9]-of-*"
    return sorted(file for file in given.parent.glob(pattern) if file.is_file())


def _refuse_missing_shards(files: Sequence[Path]) -> None:
    present = {file.name for file in files}
    sets: set[tuple[str, int, str]] = set()
    for file in files:
        if found := _SHARD.search(file.name):
            sets.add((file.name[: found.start()], int(found.group(2)), file.name[found.end() :]))
    for before, total, after in sorted(sets):
        missing = [i for i in range(total) if f"{before}-{i:05d}-of-{total:05d}{after}" not in present]
        if missing:
            raise DataError(
                f"{len(missing)} of {total} shards are missing, the first is number {missing[0]:05d}",
                file=files[0].with_name(f"{before}-?????-of-{total:05d}{after}"),
                hint="copy all files of the set, or name the files that you want one by one",
            )
