"""Where the images and the annotations of a Pascal VOC folder lie: the layouts people use with LabelImg."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import unlistable
from fractura.formats.image_index import ImageIndex
from fractura.imaging.reader import is_image_file

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

    def index(self) -> ImageIndex:
        """For finding the image of an annotation."""
        return ImageIndex(self.images, [self.image_dir])


def find_voc_folder(path: Path) -> VocFolder:
    """List a data folder: ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or all in one folder.

    Raises:
        DataError: There is no such folder, it cannot be read, or it holds no annotation.
    """
    image_dir, annotation_dir = voc_folders(path)
    try:
        images = _files(image_dir, is_image_file)
        annotations = _files(annotation_dir, lambda entry: entry.suffix.lower() == ".xml")
        if not annotations:
            hint = _nearby(Path(path))
            raise DataError("holds no annotation (.xml file)", file=annotation_dir, hint=hint)
    except OSError as error:
        raise unlistable(error, path) from error
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
        raise unlistable(error, path) from error
    for images_name, annotations_name in _PAIRS:
        if images_name in folders and annotations_name in folders:
            return folders[images_name], folders[annotations_name]
    return path, path


def _files(folder: Path, is_wanted: Callable[[Path], bool]) -> tuple[Path, ...]:
    return tuple(
        entry
        for entry in sorted(folder.iterdir())
        if not entry.name.startswith(".") and entry.is_file() and is_wanted(entry)
    )


def _nearby(path: Path) -> str:
    """A hint that names the sub-folders that do hold annotations."""
    below = sorted({xml.parent for pattern in ("*/*.xml", "*/*/*.xml") for xml in path.glob(pattern)})
    if not below:
        return "label the images first; an image on which nothing is broken needs an XML file without objects"
    roots = sorted({(f.parent if f.name.lower() == "annotations" else f) for f in below})
    return "annotations lie in " + ", ".join(f"'{root}'" for root in roots[:3]) + ": give that folder"
