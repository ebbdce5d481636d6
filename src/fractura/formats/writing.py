"""Writing a data set's files into a folder: examined as a whole before the first byte, and nothing of others is lost.

``conversion.json`` lists what was written with its SHA-256. Only files on that list that nobody changed since may be
replaced, and those that no longer belong to the data set are removed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fractura.core.dataset import Dataset, Progress, Record
from fractura.core.errors import DataError, UsageError
from fractura.core.files import write_atomically
from fractura.core.leftovers import holds_nothing
from fractura.core.output_folder import is_inside, left_unfinished, unfinished
from fractura.formats.text_files import a_dict, json_bytes, read_json

CONVERSION_FILE = "conversion.json"
Images = Literal["copy", "link", "none"]


@dataclass(frozen=True)
class PlannedFile:
    """One file to write.

    Attributes:
        path: Below the folder, with ``/``.
        content: Its bytes; None if it is an image.
        image: The image whose bytes it gets.
    """

    path: str
    content: bytes | None = None
    image: Record | None = None


@dataclass(frozen=True)
class _Folder:
    path: Path
    own: Mapping[str, str | None]  # None: of a run that was stopped, which left no digest
    overwrite: bool


def write_files(
    folder: Path,
    plan: Callable[[], Iterable[PlannedFile]],
    *,
    images: Images,
    overwrite: bool,
    about: Mapping[str, Any],
    count: int,
    command: str,
    progress: Progress | None = None,
) -> None:
    """Write the files of ``plan`` below ``folder``, which is marked as unfinished meanwhile.

    Args:
        folder: Created if it is missing.
        plan: Lists the files; called twice, and must say the same both times.
        images: ``copy`` images byte for byte, ``link`` to them, or leave them out.
        overwrite: Replace files of an earlier call that were not changed since.
        about: Goes into ``conversion.json``.
        count: How many images there are, for ``progress``.
        command: What writes: ``convert``.
        progress: Called after each image.

    Raises:
        DataError: A file is in the way, two images want one file, an image cannot be read or linked, or a file cannot
            be written. Before the first file is written all that can be seen beforehand was examined.
        UsageError: Another run writes there, or has since that was examined.
    """
    own = _own_files(folder)
    target = _Folder(Path(folder), own, overwrite)
    wanted: dict[str, str] = {}
    is_new = not target.path.exists()
    for file in plan():
        if images == "none" and file.image is not None:
            continue
        key = file.path.casefold()
        if key in wanted:
            raise DataError(
                f"'{wanted[key]}' and '{file.path}' would be one file", file=folder, hint="rename one of the images"
            )
        wanted[key] = file.path
        if file.image is not None and images == "link" and file.image.span is not None:
            raise DataError(
                "an image inside a TFRecord file cannot be linked to", file=file.image.image, hint="use --images copy"
            )
        if not is_new:
            _refuse_strangers(target, file)
    stale = [path for path in own if path.casefold() not in wanted]
    _refuse_stale(target, stale)
    written: dict[str, str] = {}
    done = 0

    def see_no_other() -> None:
        if _own_files(folder) != own or (is_new and not holds_nothing(target.path)):
            raise UsageError("was written by another run in the meantime", file=folder, hint="run the command again")

    with unfinished(target.path, command, {*wanted.values(), *stale}, prepare=see_no_other):
        for file in plan():
            if file.image is None:
                written[file.path] = _write(target.path / file.path, file.content or b"")
                continue
            done += 1
            if images != "none":
                written[file.path] = _place_image(target.path / file.path, file.image, images)
            if progress is not None:
                progress(done, count)
        for path in stale:
            (target.path / path).unlink(missing_ok=True)
        write_atomically(target.path / CONVERSION_FILE, json_bytes({**about, "files": written}))


def _own_files(folder: Path) -> dict[str, str | None]:
    """What earlier runs wrote, with digests; None of a run that was stopped."""
    return {**conversion_of(folder).get("files", {}), **dict.fromkeys(left_unfinished(folder) or ())}


def conversion_of(folder: Path) -> dict[str, Any]:
    """What an earlier call noted in ``folder``; empty if there was none.

    Raises:
        DataError: The note is damaged.
    """
    path = Path(folder) / CONVERSION_FILE
    if not path.is_file():
        return {}
    document = a_dict(read_json(path), "the document")
    files = document.get("files", {})
    if not isinstance(files, dict) or not all(isinstance(value, str) for value in files.values()):
        raise DataError("is damaged", file=path, hint="choose an empty folder")
    for name in files:
        if ":" in name or not is_inside(Path(folder), name):
            raise DataError(f"lists '{name}', which lies outside", file=path, hint="choose an empty folder")
    return document


def _refuse_strangers(target: _Folder, file: PlannedFile) -> None:
    path = target.path / file.path
    if not path.exists() and not path.is_symlink():
        return
    content = file.content if file.image is None else file.image.read_bytes()
    there = path.read_bytes() if path.is_file() else None
    if there == content:
        return
    if file.path not in target.own:
        raise DataError(
            "exists already, with other content, and is not of an earlier conversion",
            file=path,
            hint="choose an empty folder",
        )
    if not target.overwrite:
        raise DataError(
            "exists already, with other content",
            file=path,
            hint="choose an empty folder, or replace the earlier conversion with --overwrite",
        )
    _refuse_changed(path, there, target.own[file.path])


def _refuse_stale(target: _Folder, stale: list[str]) -> None:
    present = [path for path in stale if (target.path / path).is_file()]
    if present and not target.overwrite:
        raise DataError(
            f"{len(present)} files of an earlier conversion do not belong to this one, such as {present[0]}",
            file=target.path,
            hint="choose an empty folder, or take them away with --overwrite",
        )
    for path in present:
        _refuse_changed(target.path / path, (target.path / path).read_bytes(), target.own[path])


def _refuse_changed(path: Path, content: bytes | None, digest: str | None) -> None:
    if digest is not None and (content is None or hashlib.sha256(content).hexdigest() != digest):
        raise DataError(
            "was changed since it was written, and the change would be lost",
            file=path,
            hint="choose an empty folder, or delete it if the change does not matter",
        )


def _write(path: Path, content: bytes) -> str:
    if not (path.is_file() and path.read_bytes() == content):
        write_atomically(path, content)
    return hashlib.sha256(content).hexdigest()


def _place_image(path: Path, record: Record, images: Images) -> str:
    content = record.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if path.is_file() and path.read_bytes() == content:
        return digest
    if path.is_symlink() or (images == "link" and path.is_file()):
        path.unlink()  # never write through a link: the image at its other end is somebody's source
    if images == "copy":
        write_atomically(path, content)
        return digest
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(record.image.resolve(), path)
        except OSError:  # another disk, or a file system without hard links
            path.symlink_to(record.image.resolve())
    except OSError as error:
        raise DataError(
            f"cannot be linked to: {error.strerror or error}", file=record.image, hint="use --images copy"
        ) from error
    return digest


def plan_images(dataset: Dataset, folder: str = "") -> Iterator[PlannedFile]:
    """The images of a data set under their names, below ``folder`` (which ends with ``/``)."""
    for record in dataset:
        yield PlannedFile(f"{folder}{record.name}", image=record)
