"""Archives from the network: ``.zip`` and ``.tar.gz``."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import stat
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from fractura.fetch.archive import unpack_archive
from soak.fuzz.harness import Read, Reader, Seed
from soak.fuzz.mutations import change_bytes

_SIZE, _FILES = 1 << 20, 50
_NAMES = (
    "",
    "/",
    ".",
    "..",
    "a/../../x",
    "/x",
    "C:x",
    "a\\b",
    "a/b",
    "a/b/",
    "a",
    "nul",
    "x.",
    "ñ",
    "\0",
    "a" * 300,
    "\ud800",
)


def _zip(draw: random.Random) -> bytes:
    """A zip of files under names that should not be, packed in every way."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in draw.sample(("data/a.txt", "data/b/c.bin", "data/", "ñ.txt", "__MACOSX/x", "e"), 4):
            member = zipfile.ZipInfo(name)
            member.external_attr = draw.choice((0, 0o644, stat.S_IFREG | 0o600, stat.S_IFLNK | 0o777)) << 16
            kind = draw.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            archive.writestr(member, name.encode() * draw.randrange(20), compress_type=kind)
    return stream.getvalue()


def _tar(draw: random.Random) -> bytes:
    """A tar, not yet packed."""
    stream = io.BytesIO()
    kind = draw.choice((tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT))
    with tarfile.open(fileobj=stream, mode="w", format=kind) as archive:
        for name in ("data", "data/a.txt", "data/" + "long/" * 30 + "ñ.bin"):
            member = tarfile.TarInfo(name)
            content = name.encode() * draw.randrange(20)
            member.size = 0 if name == "data" else len(content)
            member.type = tarfile.DIRTYPE if name == "data" else tarfile.REGTYPE
            if kind == tarfile.PAX_FORMAT:
                member.pax_headers = {"mtime": "1.5", "comment": "x"}
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _change_zip(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Damage to a field of an entry in the directory: its flags, method, sizes, name, place or kind."""
    places = [place for place in range(len(data) - 46) if data.startswith((b"PK\1\2", b"PK\3\4", b"PK\5\6"), place)]
    if not places:
        return change_bytes(data, draw, others)
    place, content = draw.choice(places), bytearray(data)
    offset, width = draw.choice(
        (
            (6, "<H"),
            (8, "<H"),
            (10, "<H"),
            (16, "<I"),
            (20, "<I"),
            (24, "<I"),
            (28, "<H"),
            (30, "<H"),
            (38, "<I"),
            (42, "<I"),
        )
    )
    if draw.random() < 0.3 and data.startswith(b"PK\1\2", place):
        (length,) = struct.unpack_from("<H", data, place + 28)
        name = draw.choice(_NAMES).encode("utf-8", "surrogatepass")
        struct.pack_into("<H", content, place + 28, len(name))
        content[place + 46 : place + 46 + length] = name
        end = content.rfind(b"PK\5\6")
        if end >= 0 and end + 22 <= len(content):  # the directory is longer or shorter now
            (size,) = struct.unpack_from("<I", content, end + 12)
            struct.pack_into("<I", content, end + 12, max(0, size + len(name) - length) & 0xFFFFFFFF)
        return bytes(content)
    number = draw.choice((0, 1, 2, 8, 12, 14, 95, 99, 0x800, 0xFFFF, 0xFFFFFFFF, 1 << 31, draw.randrange(1 << 16)))
    struct.pack_into(width, content, place + offset, number & (0xFFFF if width == "<H" else 0xFFFFFFFF))
    return bytes(content)


def _change_tar(data: bytes, draw: random.Random, others: Sequence[bytes]) -> bytes:
    """Damage to a field of a header of a tar."""
    if len(data) < 512:
        return change_bytes(data, draw, others)
    content = bytearray(data)
    block = 512 * draw.randrange(len(data) // 512)
    fields = (
        (0, 100),
        (100, 8),
        (108, 8),
        (116, 8),
        (124, 12),
        (136, 12),
        (156, 1),
        (157, 100),
        (257, 8),
        (329, 8),
        (345, 155),
    )
    start, width = draw.choice(fields)
    if draw.random() < 0.2:
        block_bytes = content[block : block + 512]
        content[block:block] = block_bytes * draw.choice((1, 1, 1, 1, 3, 1100))
        return bytes(content)
    values = (
        b"0",
        b"1",
        b"2",
        b"5",
        b"6",
        b"x",
        b"g",
        b"L",
        b"K",
        b"S",
        b"\x80" + b"\xff" * 11,
        b"77777777777",
        b"-1",
        b"\xff" * 12,
    )
    value = draw.choice((*values, *(name.encode("utf-8", "surrogatepass") for name in _NAMES)))
    content[block + start : block + start + width] = value[:width].ljust(width, b"\0")
    return bytes(content)


def _repair_tar(data: bytes, _draw: random.Random) -> bytes:
    """The right checksum of every header."""
    content = bytearray(data)
    for block in range(0, len(content) - 511, 512):
        if content[block + 257 : block + 262] == b"ustar":
            content[block + 148 : block + 156] = b" " * 8
            content[block + 148 : block + 156] = b"%06o\0 " % sum(content[block : block + 512])
    return bytes(content)


def _repair_gzip(data: bytes, draw: random.Random) -> bytes:
    return data if data.startswith(b"\x1f\x8b") else _repair_tar(data, draw)


def _unpacked(path: Path, folder: Path) -> str:
    """Unpack and see that nothing lies outside of the folder, nor anything where an error was raised."""
    before = {entry.name for entry in path.parent.iterdir()}
    try:
        files = unpack_archive(path, folder, maximum_size=_SIZE, maximum_files=_FILES)
        assert all(file.is_relative_to(folder) and not file.is_symlink() for file in files)
        assert all(
            stat.S_ISREG(file.lstat().st_mode) or stat.S_ISDIR(file.lstat().st_mode) for file in folder.rglob("*")
        )
        assert sum(file.stat().st_size for file in files) <= _SIZE
        return str(len(files))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        left = {entry.name for entry in path.parent.iterdir()} - before
        assert not left, f"leaves {left}"


def _prepare_zip(folder: Path) -> tuple[Sequence[Seed], Read]:
    path = folder / "a.zip"

    def read(data: bytes, _name: str) -> str:
        path.write_bytes(data)
        return _unpacked(path, folder / "out")

    return [Seed(_zip(random.Random(number))) for number in range(8)], read


def _prepare_tar(folder: Path) -> tuple[Sequence[Seed], Read]:
    path = folder / "a.tar.gz"

    def read(data: bytes, name: str) -> str:
        path.write_bytes(data if name == "packed" else gzip.compress(data, 1))
        return _unpacked(path, folder / "out")

    tars = [_tar(random.Random(number)) for number in range(6)]
    return [*map(Seed, tars), Seed(gzip.compress(tars[0]), "packed")], read


ARCHIVES = (
    Reader(
        "archive-zip",
        "zip archive",
        _prepare_zip,
        (_change_zip, _change_zip, change_bytes),
        traced=("fractura", "zipfile"),
        found="an entry without a name, damaged LZMA and bzip2 (`test_damaged_zips`); LZMA that asks for gigabytes, 3 "
        "of 100,000 (`test_an_entry_that_asks_for_more_memory_than_there_is`)",
    ),
    Reader(
        "archive-tar",
        "tar.gz archive",
        _prepare_tar,
        (_change_tar, _change_tar, change_bytes),
        repair=_repair_gzip,
        traced=("fractura", "tarfile"),
        found="a thousand headers before one file: RecursionError (`test_archive.py`)",
    ),
)
