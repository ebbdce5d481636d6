"""Finding the image that an annotation names: only among the images it was given with, never by a stale path.

Names are compared without regard to letter case and to the spelling of accents: macOS and Windows rename between them.
Where a name is not found as it is, it may be percent-encoded, as it was in a web address, or lack its ending.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from fractura.core.errors import DataError
from fractura.core.files import unlistable
from fractura.imaging.reader import IMAGE_EXTENSIONS, is_image_file


class ImageIndex:
    """Images by their paths, names and stems.

    Args:
        images: The images.
        folders: Where they lie, for paths and error messages.

    Attributes:
        images: In the order given.
        folders: As given.
        found: Those that were asked for.
    """

    def __init__(self, images: Iterable[Path], folders: Iterable[Path] = ()) -> None:
        self.folders = tuple(dict.fromkeys(folders))
        self.images = list(dict.fromkeys(images))
        self.found: set[Path] = set()
        self._exact: dict[str, Path] = {}
        self._by_path: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        self._by_stem: dict[str, list[Path]] = {}
        for image in self.images:
            root = next((folder for folder in self.folders if image.is_relative_to(folder)), None)
            path = image.as_posix() if root is None else image.relative_to(root).as_posix()
            self._exact.setdefault(path, image)
            self._by_path.setdefault(plain_name(path), []).append(image)
            self._by_name.setdefault(plain_name(image.name), []).append(image)
            self._by_stem.setdefault(plain_name(image.stem), []).append(image)

    @classmethod
    def below(cls, folders: Iterable[Path]) -> ImageIndex:
        """All images below some folders; sub-folders belong to them, hidden files and folders do not.

        Raises:
            DataError: A folder cannot be listed.
        """
        folders = tuple(folders)
        return cls((image for folder in folders for image in _images_below(folder)), folders)

    @property
    def unused(self) -> list[Path]:
        """The images that nobody asked for."""
        return [image for image in self.images if image not in self.found]

    def find(self, written: str) -> Path:
        """The image called ``written``: by its path below one of the folders, else by its file name alone.

        Raises:
            DataError: There is no such image, or several images have this name.
        """
        same = self._called(written) or self._called(unquote(written)) or self._with_any_ending(written)
        if not same:
            raise DataError(
                f"its image '{written}' is not in {' or '.join(str(folder) for folder in self.folders)}",
                hint="put the image there under that name, name the images' folder, or take the entry out",
            )
        if len(same) > 1:
            raise _ambiguous(written, same)
        self.found.add(same[0])
        return same[0]

    def _called(self, written: str) -> list[Path]:
        parts = [part for part in written.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):  # a path from another machine ends like the right one
            path = "/".join(parts[start:])
            if path in self._exact:
                return [self._exact[path]]
            if same := self._by_path.get(plain_name(path), []):
                return same
        return self._by_name.get(plain_name(parts[-1]), []) if parts else []

    def _with_any_ending(self, written: str) -> list[Path]:
        name = PurePosixPath(PureWindowsPath(written).as_posix()).name
        return self._by_stem.get(plain_name(name), []) or self._by_stem.get(plain_name(unquote(name)), [])

    def match(self, annotation: Path, filename: str | None) -> Path | None:
        """The image of an annotation file of its own, or None.

        First by the name written in the file, then with another image extension (the written one may be wrong or
        missing), then by the annotation's own name. Letter case and the two Unicode spellings of an accent do not
        matter unless they decide.

        Raises:
            DataError: Several images in different folders have the name.
        """
        image = self._match(annotation, filename)
        if image is not None:
            self.found.add(image)
        return image

    def own(self, annotation: Path) -> Path | None:
        """The image that an annotation file is named after, or None: ``a.png`` for ``a.xml``."""
        stems = dict.fromkeys((annotation.stem, _stem(annotation.stem), unquote(annotation.stem)))
        return next((image for stem in stems if (image := self._of_stem(stem)) is not None), None)

    def _match(self, annotation: Path, filename: str | None) -> Path | None:
        # Some tools write a whole path into <filename>.
        as_written = PurePosixPath(PureWindowsPath((filename or "").strip()).name).name
        for written in dict.fromkeys((as_written, unquote(as_written))):
            by_name = self._by_name.get(plain_name(written), [])
            exact = [image for image in by_name if image.name == written]
            if len(exact) > 1:
                raise _ambiguous(written, exact)
            if exact or len(by_name) == 1:
                return (exact or by_name)[0]
            if (image := self._of_stem(_stem(written))) is not None:
                return image
        return self.own(annotation)

    def _of_stem(self, stem: str) -> Path | None:
        candidates = self._by_stem.get(plain_name(stem), []) if stem else []
        same_case = [image for image in candidates if image.stem == stem]
        if len(same_case) == 1:
            return same_case[0]
        return candidates[0] if len(candidates) == 1 else None


def _ambiguous(written: str, images: list[Path]) -> DataError:
    return DataError(
        f"'{written}' may be any of {len(images)} images: {', '.join(str(image) for image in images[:3])}",
        hint="write the image's path below the folder, or give the images names of their own",
    )


def plain_name(name: str) -> str:
    """``name`` in one Unicode spelling and lower case.

    Examples:
        >>> plain_name("Muñeca.JPG") == plain_name("mun\\u0303eca.jpg")
        True
    """
    return unicodedata.normalize("NFC", name).casefold()


class UniqueNames:
    """Hands out names, none of them twice.

    Args:
        key: Names with the same key count as one.

    Examples:
        >>> names = UniqueNames()
        >>> names.take("wrist", ".png"), names.take("Wrist", ".png"), names.take("wrist")
        ('wrist.png', 'Wrist-2.png', 'wrist')
    """

    def __init__(self, key: Callable[[str], str] = plain_name) -> None:
        self._key = key
        self._taken: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return self._key(name) in self._taken

    def take(self, stem: str, suffix: str = "") -> str:
        """``stem`` and ``suffix``, with a number between them where that name is taken."""
        number, name = 1, stem + suffix
        while name in self:
            number += 1
            name = f"{stem}-{number}{suffix}"
        self._taken.add(self._key(name))
        return name


def unique_names(images: Iterable[tuple[Path, Path]]) -> dict[Path, str]:
    """A name for each image that no other has: its file name, or its path with ``_`` where that is shared.

    Args:
        images: Each image, once, with the folder it was found below.
    """
    taken = UniqueNames()
    names: dict[Path, str] = {}
    for image, root in images:
        name = image.name
        if name in taken and image.is_relative_to(root):
            name = "_".join(image.relative_to(root).parts)
        names[image] = taken.take(PurePosixPath(name).stem, PurePosixPath(name).suffix)
    return names


def _images_below(folder: Path) -> list[Path]:
    def stop(error: OSError) -> None:
        raise unlistable(error, folder) from error

    found = []
    for place, folders, files in os.walk(folder, onerror=stop):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith(".") and is_image_file(path := Path(place, name)):
                found.append(path)
    return found


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_EXTENSIONS | {".xml"} else name
