"""Where the images and the annotations of a Pascal VOC folder lie: the layouts people use with LabelImg."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import unlistable
from fractura.formats.assembly import split_of
from fractura.formats.image_index import ImageIndex, plain_name
from fractura.imaging.reader import is_image_file

_PAIRS = (("images", "annotations"), ("jpegimages", "annotations"))


@dataclass(frozen=True)
class VocFolder:
    """The files of one data folder; hidden files (such as the ``._`` files of macOS) are left aside.

    Attributes:
        image_dir: Where the images lie.
        images: Sorted by name.
        annotations: ``.xml`` files, sorted by name.
        subfolders: Sub-folders with annotations of their own, see ``annotation_folder``.
    """

    image_dir: Path
    images: tuple[Path, ...]
    annotations: tuple[Path, ...]
    subfolders: tuple[VocFolder, ...] = ()

    @property
    def matches(self) -> int:
        """Number of annotations that are named after an image."""
        stems = {plain_name(image.stem) for image in self.images}
        return sum(plain_name(annotation.stem) in stems for annotation in self.annotations)

    def index(self) -> ImageIndex:
        """For finding the image of an annotation."""
        return ImageIndex(self.images, [self.image_dir])


def find_voc_folder(path: Path, image_dir: Path | None = None) -> VocFolder:
    """List a data folder: ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or all in one folder.

    Of several pairs, and of folders of other names, it is the pair whose file names match. The annotations may lie in
    the only sub-folder that has any, and the images in sub-folders where none lies above.

    Sub-folders of the images whose annotations lie beside them, as LabelImg puts them, belong to it; those called
    ``train``, ``test`` or the like are data sets of their own and do not.

    Args:
        path: The folder.
        image_dir: Where the images lie, sub-folders included, if not there.

    Raises:
        DataError: There is no such folder, it cannot be read, or it holds no annotation.
    """
    path = Path(path)
    pairs = _pairs(path)
    try:
        found = [_listed(path, images, annotations, image_dir) for images, annotations in pairs]
        if pairs == [(path, path)] and not found[0].annotations:
            others = _pairs_of_other_names(path)
            listed = [(pair, _listed(path, *pair, image_dir)) for pair in others]
            found = [each for pair, each in listed if each.matches or _is_usual(pair[1])] or found
    except OSError as error:
        raise unlistable(error, path) from error
    best = max(found, key=lambda each: each.matches)  # of equals the first
    if image_dir is None:
        best = _with_subfolders(best)
    if not best.annotations and not best.subfolders:
        raise DataError("holds no annotation (.xml file)", file=pairs[0][1], hint=_nearby(Path(path)))
    return best


def annotation_folder(images: Path) -> Path:
    """Where the annotations of the images in a sub-folder lie: beside them, or in ``annotations/`` beside ``images/``.

    Raises:
        OSError: The folder above cannot be listed.
    """
    partner = dict(_PAIRS).get(images.name.lower())
    if partner is None:
        return images
    return next((e for e in sorted(images.parent.iterdir()) if e.name.lower() == partner and e.is_dir()), images)


def _with_subfolders(found: VocFolder) -> VocFolder:
    """The folder with those sub-folders of its images in which an annotation is named after an image."""
    parts = []
    for place, folders, _ in os.walk(found.image_dir):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and split_of(name) is None)
        parts += [_listed_subfolder(Path(place, name)) for name in folders]
    parts = [each for each in parts if each.annotations]
    taken = {image for each in parts for image in each.images}
    return replace(
        found, images=tuple(each for each in found.images if each not in taken), subfolders=tuple(parts)
    )  # fmt: skip


def _listed_subfolder(folder: Path) -> VocFolder:
    try:
        annotations = _xml_in(annotation_folder(folder))
        images = _files(folder, is_image_file) if annotations else ()
    except OSError as error:
        raise unlistable(error, folder) from error
    stems = {plain_name(image.stem) for image in images}
    return VocFolder(folder, images, tuple(each for each in annotations if plain_name(each.stem) in stems))


def voc_folders(path: Path) -> tuple[Path, Path]:
    """Where the images and where the annotations of a data folder lie; both may be the folder itself.

    Raises:
        DataError: There is no such folder, or it cannot be read.
    """
    pairs = _pairs(path)
    try:
        if len(pairs) == 1:
            return pairs[0]
        return max(pairs, key=lambda pair: _listed(path, pair[0], pair[1], None).matches)
    except OSError as error:
        raise unlistable(error, path) from error


def _pairs(path: Path) -> list[tuple[Path, Path]]:
    path = Path(path)
    if not path.is_dir():
        problem = "is a file, not a folder" if path.exists() else "there is no such folder"
        raise DataError(problem, file=path, hint="give the folder that holds the images and their XML files")
    try:
        folders = {entry.name.lower(): entry for entry in sorted(path.iterdir(), reverse=True) if entry.is_dir()}
    except OSError as error:
        raise unlistable(error, path) from error
    pairs = [(folders[one], folders[other]) for one, other in _PAIRS if one in folders and other in folders]
    return pairs or [(path, path)]


def _listed(path: Path, image_dir: Path, annotation_dir: Path, elsewhere: Path | None) -> VocFolder:
    annotations = _files(annotation_dir, _is_xml)
    if not annotations and annotation_dir != path:
        below = [files for entry in sorted(annotation_dir.iterdir()) if entry.is_dir() and (files := _xml_in(entry))]
        annotations = below[0] if len(below) == 1 else ()
    if elsewhere is not None:
        return VocFolder(elsewhere, tuple(ImageIndex.below([elsewhere]).images), annotations)
    images = _files(image_dir, is_image_file)
    if not images and image_dir != path:
        images = tuple(ImageIndex.below([image_dir]).images)
    return VocFolder(image_dir, images, annotations)


def _pairs_of_other_names(path: Path) -> list[tuple[Path, Path]]:
    """Folders that hold XML files alone, each with the folders in which its images may lie, the usual name first."""
    folders = [
        entry
        for entry in sorted(path.iterdir())
        if entry.is_dir() and not entry.name.startswith(".") and split_of(entry.name) is None
    ]
    found = [entry for entry in folders if _is_usual(entry) or _xml_in(entry)]
    found = [entry for entry in found if not _files(entry, is_image_file)]
    found.sort(key=lambda entry: not _is_usual(entry))
    return [(images, entry) for entry in found for images in (path, *folders) if images not in found]


def _is_usual(folder: Path) -> bool:
    return folder.name.lower() in {annotations for _, annotations in _PAIRS}


def _is_xml(entry: Path) -> bool:
    return entry.suffix.lower() == ".xml"


def _xml_in(folder: Path) -> tuple[Path, ...]:
    return _files(folder, _is_xml)


def _files(folder: Path, is_wanted: Callable[[Path], bool]) -> tuple[Path, ...]:
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_file())
    return tuple(file for name in names if is_wanted(file := folder / name))


def _nearby(path: Path) -> str:
    """A hint that names the sub-folders that do hold annotations."""
    below = sorted({xml.parent for pattern in ("*/*.xml", "*/*/*.xml") for xml in path.glob(pattern)})
    if not below:
        return "label the images first; an image on which nothing is broken needs an XML file without objects"
    roots = sorted({(f.parent if f.name.lower() == "annotations" else f) for f in below})
    places = ", ".join(f"'{root}'" for root in roots[:3])
    return f"annotations lie in {places}: give that folder, and name the images' folder if they lie elsewhere"
