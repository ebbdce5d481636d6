"""The folder whose images batch jobs may examine: names of folders below it are the only paths that requests have."""

from __future__ import annotations

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
    given = PurePosixPath(folder)
    wrong = given.is_absolute() or ".." in given.parts or "\0" in folder or "\\" in folder
    # On Windows, "C:" and "C:x" are relative for POSIX rules only.
    place = root if wrong or PureWindowsPath(folder).drive else (root / given).resolve()
    if wrong or PureWindowsPath(folder).drive or not place.is_relative_to(root) or not place.is_dir():
        raise WebError(404, "folder_unknown", "there is no such folder below the one that is served")
    try:
        found = [image.path for image in find_images([place]).images]
    except DataError as error:
        raise WebError.of(error, 422, "no_images") from error
    inside = [path for path in found if _is_inside(path, root)]
    if not inside:
        raise WebError(422, "no_images", "holds no images")
    return inside


def _is_inside(path: Path, root: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return not is_hidden and path.resolve().is_relative_to(root)
