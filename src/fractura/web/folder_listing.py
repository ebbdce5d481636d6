"""Lists the files of a folder that is being labelled, again every few seconds: no image is opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.voc.layout import voc_folders
from fractura.imaging.reader import is_image_file

Stamp = tuple[int, int, int]
"""Modification time, size and inode of a file."""
MOST_SUBFOLDERS = 20_000


@dataclass
class Listing:
    """What was found.

    Attributes:
        files: Stamps by name, or by path below the folder.
        folders: Names of the sub-folders of one folder.
        outside: Number of links that lead out of the root and are skipped.
        closed: Number of sub-folders that cannot be listed and are skipped.
    """

    files: dict[str, Stamp] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    outside: int = 0
    closed: int = 0


def image_and_annotation_folders(folder: Path) -> tuple[Path, Path]:
    """The folders of images and annotations; ``annotations/`` next to ``images/`` is created with the first file."""
    images, annotations = voc_folders(folder)
    subfolder = folder / "images"
    if images == folder and subfolder.is_dir() and not any(is_image_file(entry) for entry in folder.iterdir()):
        return subfolder, folder / "annotations"
    return images, annotations


def files_in(folder: Path | str, root: Path, is_wanted: Callable[[str], bool]) -> Listing:
    """The wanted files of one folder, by name; hidden ones are left aside.

    Args:
        folder: The folder; nothing is found in one that does not exist.
        root: Links that lead out of it are left aside.
        is_wanted: Asked for the path of each file.

    Raises:
        DataError: The folder cannot be listed.
    """
    found = Listing()
    try:
        with os.scandir(folder) as listing:
            entries = [entry for entry in listing if not entry.name.startswith(".")]
    except FileNotFoundError:
        return found
    except OSError as error:
        raise DataError(
            f"cannot be listed: {error.strerror or error}",
            file=Path(folder),
            hint="check that you have permission to read the folder",
        ) from error
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                found.folders.append(entry.name)
                continue
            if not is_wanted(entry.path) or not entry.is_file():
                continue
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
                found.outside += 1
                continue
            status = entry.stat()
        except OSError:  # deleted since it was listed
            continue
        found.files[entry.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found


def files_below(folder: Path, root: Path, is_wanted: Callable[[str], bool]) -> Listing:
    """The wanted files of a folder and its sub-folders, by their paths below it; links to folders are not followed.

    Args:
        folder: The folder; nothing is found in one that does not exist.
        root: See ``files_in``.
        is_wanted: See ``files_in``.

    Raises:
        DataError: The folder cannot be listed, or has very many sub-folders.
    """
    found = files_in(folder, root, is_wanted)
    waiting = [f"{name}/" for name in found.folders]
    for prefix in waiting:  # grows while it is gone through
        if len(waiting) > MOST_SUBFOLDERS:
            raise DataError(
                f"has more than {MOST_SUBFOLDERS} sub-folders", file=folder, hint="open the one that has the images"
            )
        try:
            below = files_in(os.path.join(folder, prefix), root, is_wanted)
        except DataError:
            found.closed += 1
            continue
        found.files.update((prefix + name, stamp) for name, stamp in below.files.items())
        found.outside += below.outside
        waiting += [f"{prefix}{name}/" for name in below.folders]
    return found


def is_xml(path: str) -> bool:
    """True if this is the path of an XML file."""
    return path.lower().endswith(".xml")


def is_comment(path: str) -> bool:
    """True if this is the path of a comment."""
    return path.endswith(".txt")


def stamp_of(path: Path) -> Stamp | None:
    """Of a file; None if it is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
