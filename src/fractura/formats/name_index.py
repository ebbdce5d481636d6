"""Finding the image that an annotation names: only inside the folders it was given with, never by a stale path."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from fractura.core.errors import DataError
from fractura.imaging.reader import IMAGE_EXTENSIONS


class ImageIndex:
    """All images below some folders. Names are compared without regard to letter case and to the spelling of accents.

    Args:
        folders: Where images lie; sub-folders belong to them, hidden files and folders do not.

    Raises:
        DataError: A folder cannot be listed.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self.folders = tuple(dict.fromkeys(folders))
        self.images: list[Path] = []
        self._by_path: dict[str, Path] = {}
        self._by_name: dict[str, list[Path]] = {}
        for folder in self.folders:
            for image in _images_below(folder):
                key = plain_name(image.relative_to(folder).as_posix())
                if self._by_path.setdefault(key, image) is image:
                    self._by_name.setdefault(plain_name(image.name), []).append(image)
                    self.images.append(image)

    def find(self, written: str) -> Path:
        """The image called ``written``: by its path below one of the folders, else by its file name alone.

        Raises:
            DataError: There is no such image, or several images have this name.
        """
        parts = [part for part in written.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):  # a path from another machine ends like the right one
            found = self._by_path.get(plain_name("/".join(parts[start:])))
            if found is not None:
                return found
        same = self._by_name.get(plain_name(parts[-1])) if parts else None
        where = " or ".join(str(folder) for folder in self.folders)
        if not same:
            raise DataError(
                f"its image '{written}' is not in {where}",
                hint="put the image there under that name, name the images' folder, or take the entry out",
            )
        if len(same) > 1:
            raise DataError(
                f"'{written}' may be any of {len(same)} images: {', '.join(str(image) for image in same[:3])}",
                hint="write the image's path below the folder, or give the images names of their own",
            )
        return same[0]


def plain_name(name: str) -> str:
    """``name`` in one Unicode spelling and lower case: macOS and Windows rename between the two."""
    return unicodedata.normalize("NFC", name).casefold()


def unique_names(images: Iterable[tuple[Path, Path]]) -> dict[Path, str]:
    """A name for each image that no other has: its file name, or its path with ``_`` where that is shared.

    Args:
        images: Each image with the folder it was found below.
    """
    names: dict[Path, str] = {}
    owners: dict[str, Path] = {}
    for image, root in images:
        name = image.name
        if owners.get(plain_name(name), image) != image:
            relative = image.relative_to(root) if image.is_relative_to(root) else PurePosixPath(image.name)
            name = "_".join(relative.parts)
        number = 1
        unique = name
        while owners.get(plain_name(unique), image) != image:
            number += 1
            unique = f"{PurePosixPath(name).stem}-{number}{PurePosixPath(name).suffix}"
        owners[plain_name(unique)] = image
        names[image] = unique
    return names


def _images_below(folder: Path) -> list[Path]:
    def stop(error: OSError) -> None:
        raise DataError(
            f"cannot be listed: {error.strerror or error}", file=folder, hint="check that you may read the folder"
        ) from error

    found = []
    for place, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS:
                found.append(Path(place, name))
    return found
