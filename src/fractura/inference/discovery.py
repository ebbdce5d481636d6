"""Find the images among files and folders, and give each a unique name for the files made from it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.image_index import UniqueNames
from fractura.imaging.reader import IMAGE_EXTENSIONS, is_dicom_file, kind_of_other

_DICOM_DIRECTORY = "DICOMDIR"


@dataclass(frozen=True)
class ImageFile:
    """One image file.

    Attributes:
        path: The file.
        name: Unique among the images it was found with, whatever the case of its letters: the file's stem, with the
            folder's name before it (``folder__stem``) where two images would share one.
    """

    path: Path
    name: str


@dataclass(frozen=True)
class ImageFiles:
    """What was found.

    Attributes:
        images: Sorted by path within each of the given paths.
        passed_over: Files in the folders that are not images, counted by extension or kind.
    """

    images: tuple[ImageFile, ...]
    passed_over: dict[str, int] = field(default_factory=dict)


def find_images(paths: Iterable[Path | str]) -> ImageFiles:
    """Images among ``paths``: files as they are given, folders with all that lies in them.

    In folders an image is recognised by its extension (DICOM by its first bytes) and hidden files are ignored; a file
    given by name always counts. An image that is found twice counts once. On a patient CD, which has a ``DICOMDIR``,
    only DICOM counts: the other pictures belong to the viewer. ``DICOMDIR`` itself stands for its folder.

    Raises:
        DataError: A path does not exist or a folder cannot be read, or there is no image at all.
    """
    files: dict[str, Path] = {}  # by their real paths; ``Path.resolve`` raises an error for a loop of links
    passed_over: Counter[str] = Counter()
    given = [Path(path) for path in paths]
    for path in given:
        folder = path.parent if path.name.upper() == _DICOM_DIRECTORY else path
        if folder.is_dir():
            inside = _files_in(folder)
            media = [file.parent for file in inside if file.name.upper() == _DICOM_DIRECTORY]
            for file in inside:
                other = file.suffix.lower() or file.name if file.name.startswith(".") else kind_of_other(file)
                if other is None and any(file.is_relative_to(medium) for medium in media) and not is_dicom_file(file):
                    other = f"{file.suffix.lower()} beside a {_DICOM_DIRECTORY}"
                if other is None:
                    files.setdefault(os.path.realpath(file), file)
                else:
                    passed_over[other] += 1
        elif path.exists():
            files.setdefault(os.path.realpath(path), path)
        else:
            raise DataError("there is no such file or folder", file=path, hint="check the path and the spelling")
    if not files:
        what = ", ".join(sorted(IMAGE_EXTENSIONS))
        raise DataError(
            "holds no images" if given else "no files or folders were given",
            file=given[0] if len(given) == 1 else None,
            hint=f"images are files with one of these extensions: {what}",
        )
    images = list(files.values())
    named = tuple(ImageFile(path, name) for path, name in zip(images, _unique_names(images), strict=True))
    return ImageFiles(named, dict(sorted(passed_over.items())))


def _files_in(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"cannot be read: {error.strerror or error}", file=error.filename) from error

    found: list[Path] = []
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        # Linked folders count, but each once: a link to a folder above would never end.
        seen.add(os.path.realpath(root))
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(root, name)) not in seen]
        found += [Path(root, name) for name in names]
    return sorted(found)


def _unique_names(images: Sequence[Path]) -> list[str]:
    """The stem; where two are alike, folder and extension as well; where even these are alike, a number."""

    def alike(names: Sequence[str]) -> Counter[str]:
        return Counter(name.casefold() for name in names)

    names = [image.stem for image in images]
    doubled = alike(names)
    for index, image in enumerate(images):
        if doubled[names[index].casefold()] > 1:
            names[index] = f"{image.absolute().parent.name}__{image.name.replace('.', '_')}"
    taken = UniqueNames(str.casefold)
    return [taken.take(name) for name in names]
