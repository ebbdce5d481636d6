"""The folder whose images batch jobs may examine: names of folders below it are the only paths that requests have."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from fractura.core.errors import DataError
from fractura.inference.discovery import find_images
from fractura.web.api_errors import WebError


def images_below(root: Path, folder: str) -> list[Path]:
    """The images of a folder, as ``fractura detect`` finds them; hidden folders and what leads out are left aside.

    Args:
        root: The folder that is served, resolved.
        folder: Relative, with ``/``; ``.`` is the root itself.

    Raises:
        WebError: There is no such folder below the root, or it holds no image.
    """
    place = _folder(root, folder)
    if place is None:
        raise WebError(404, "folder_unknown", "there is no such folder below the one that is served")
    try:
        found = [image.path for image in find_images([place]).images]
    except DataError as error:
        raise WebError.of(error, 422, "no_images") from error
    inside = [path for path in found if _is_inside(path, root)]
    if not inside:
        raise WebError(422, "no_images", "holds no images")
    return inside


def _folder(root: Path, name: str) -> Path | None:
    given = PurePosixPath(name)
    # On Windows, "C:" and "C:x" are relative by the rules of POSIX only.
    is_wrong = given.is_absolute() or ".." in given.parts or bool(PureWindowsPath(name).drive)
    if is_wrong or "\0" in name or "\\" in name:
        return None
    # Of os.path, because those of pathlib raise an error for a loop of links and for names that are too long.
    place = Path(os.path.realpath(root / given))
    return place if place.is_relative_to(root) and os.path.isdir(place) else None


def _is_inside(path: Path, root: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not is_hidden and Path(os.path.realpath(path)).is_relative_to(root)
