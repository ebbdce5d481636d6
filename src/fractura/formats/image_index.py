"""Which image belongs to which annotation file: the folder layouts people use with LabelImg."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from fractura.core.errors import DataError
from fractura.imaging.reader import IMAGE_EXTENSIONS, is_image_file

_PAIRS = (("images", "annotations"), ("jpegimages", "annotations"))


@dataclass(frozen=True)
class VocFolder:
    """The files of one data folder; hidden files (such as the ``._`` files of macOS) are left aside.

    Attributes:
        image_dir: Where the images lie.
        images: Sorted by name.
        annotations: ``.xml`` files, sorted by name.
    """

    image_dir: Path
    images: tuple[Path, ...]
    annotations: tuple[Path, ...]

    def matcher(self) -> ImageMatcher:
        """A lookup from annotation to image."""
        return ImageMatcher(self.images)


class ImageMatcher:
    """Finds the image of an annotation by name; the stale ``<path>`` plays no part."""

    def __init__(self, images: tuple[Path, ...]) -> None:
        self._exact = {image.name: image for image in images}
        self._names: dict[str, list[Path]] = {}
        self._stems: dict[str, list[Path]] = {}
        for image in images:
            self._names.setdefault(_plain(image.name), []).append(image)
            self._stems.setdefault(_plain(image.stem), []).append(image)

    def find(self, annotation: Path, filename: str | None) -> Path | None:
        """The image, or None.

        First by ``<filename>``, then with another image extension (it may lie or be missing), then by the annotation's
        own name. Letter case and the two Unicode spellings of an accent do not matter unless they decide.
        """
        written = _last_part(filename or "")
        if written in self._exact:
            return self._exact[written]
        by_name = self._names.get(_plain(written), [])
        if len(by_name) == 1:
            return by_name[0]
        for stem in (_stem(written), annotation.stem, _stem(annotation.stem)):
            candidates = self._stems.get(_plain(stem), []) if stem else []
            same_case = [image for image in candidates if image.stem == stem]
            if len(same_case) == 1:
                return same_case[0]
            if len(candidates) == 1:
                return candidates[0]
        return None


def find_voc_folder(path: Path) -> VocFolder:
    """List a data folder: ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or all in one folder.

    Raises:
        DataError: There is no such folder, it cannot be read, or it holds no annotation.
    """
    image_dir, annotations_folder = voc_folders(path)
    try:
        images = _files(image_dir, is_image_file)
        annotations = _files(annotations_folder, lambda entry: entry.suffix.lower() == ".xml")
        if not annotations:
            hint = _nearby(Path(path))
            raise DataError("holds no annotation (.xml file)", file=annotations_folder, hint=hint)
    except OSError as error:
        raise _unlisted(path, error) from error
    return VocFolder(image_dir, images, annotations)


def voc_folders(path: Path) -> tuple[Path, Path]:
    """Where the images and where the annotations of a data folder lie; both may be the folder itself.

    Raises:
        DataError: There is no such folder, or it cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        problem = "is a file, not a folder" if path.exists() else "there is no such folder"
        raise DataError(problem, file=path, hint="give the folder that holds the images and their XML files")
    try:
        folders = {entry.name.lower(): entry for entry in sorted(path.iterdir(), reverse=True) if entry.is_dir()}
    except OSError as error:
        raise _unlisted(path, error) from error
    for images_name, annotations_name in _PAIRS:
        if images_name in folders and annotations_name in folders:
            return folders[images_name], folders[annotations_name]
    return path, path


def _unlisted(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot be listed: {error.strerror or error}", file=path, hint="check that you may read the folder"
    )


def _files(folder: Path, is_wanted: Callable[[Path], bool]) -> tuple[Path, ...]:
    return tuple(
        entry
        for entry in sorted(folder.iterdir())
        if not entry.name.startswith(".") and entry.is_file() and is_wanted(entry)
    )


def _nearby(path: Path) -> str:
    """A hint that names the sub-folders that do look like data."""
    below = sorted({xml.parent for pattern in ("*/*.xml", "*/*/*.xml") for xml in path.glob(pattern)})
    if not below:
        return "label the images first; an image on which nothing is broken needs an XML file without objects"
    roots = sorted({(f.parent if f.name.lower() == "annotations" else f) for f in below})
    return "annotations lie in " + ", ".join(f"'{root}'" for root in roots[:3]) + ": give that folder"


def _plain(name: str) -> str:
    """``name`` in one Unicode spelling and lower case: macOS and Windows rename between the two."""
    return unicodedata.normalize("NFC", name).casefold()


def _last_part(filename: str) -> str:
    """Some tools write a whole path into ``<filename>``."""
    return PurePosixPath(PureWindowsPath(filename.strip()).name).name


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in IMAGE_EXTENSIONS | {".xml"} else name
