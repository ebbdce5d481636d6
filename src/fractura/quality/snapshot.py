"""A data folder as the checks see it: everything that can be read, and the fault of everything that cannot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.output_folder import refuse_unfinished
from fractura.formats.voc.annotation import VocAnnotation
from fractura.formats.voc.decisions import is_decided
from fractura.formats.voc.layout import find_voc_folder
from fractura.formats.voc.parser import examine_voc, read_voc_bytes
from fractura.formats.voc.xml_source import parse_xml
from fractura.quality.checked_image import CheckedImage, check_image
from fractura.quality.near_duplicates import NearIdentical, near_identical

# More threads than this gain nothing, and each holds one decoded image in memory.
MAXIMUM_THREADS = 8


@dataclass(frozen=True)
class AnnotationFile:
    """One annotation file.

    Attributes:
        path: The file.
        annotation: What of it is right; None if nothing is.
        numbers: Number in the file, from 1, of each of ``annotation.objects``.
        faults: What is wrong with it.
        image: The image it belongs to, if that is there.
        own_image: The image that it is named after, if that is there.
        subfolder: Of the images, if the annotation is one of a sub-folder.
    """

    path: Path
    annotation: VocAnnotation | None
    numbers: tuple[int, ...]
    faults: tuple[DataError, ...]
    image: CheckedImage | None
    own_image: Path | None = None
    subfolder: Path = Path()


@dataclass(frozen=True)
class Snapshot:
    """All of a folder.

    Attributes:
        root: The folder.
        image_dir: Where the images lie.
        images: Sorted by name; those of sub-folders last.
        annotations: Sorted by name.
        class_names: The names that are allowed; None if any is.
        against: The folder of another split to compare with, if any.
    """

    root: Path
    image_dir: Path
    images: tuple[CheckedImage, ...]
    annotations: tuple[AnnotationFile, ...]
    class_names: tuple[str, ...] | None = None
    against: Snapshot | None = None

    @cached_property
    def labelled(self) -> dict[Path, list[AnnotationFile]]:
        """The annotation files of each image that has any."""
        files: dict[Path, list[AnnotationFile]] = {}
        for each in self.annotations:
            if each.image is not None:
                files.setdefault(each.image.path, []).append(each)
        return files

    @cached_property
    def positives(self) -> dict[Path, bool]:
        """For each image with one valid annotation: True if it has a box."""
        found: dict[Path, bool] = {}
        for image, files in self.labelled.items():
            if len(files) == 1 and files[0].annotation is not None and not files[0].faults:
                found[image] = bool(files[0].annotation.objects)
        return found

    @cached_property
    def near_duplicates(self) -> tuple[NearIdentical, ...]:
        """Pairs of images with near-identical pictures, confirmed on their pixels; not those with the same pixels.

        With another split to compare with, that one's images are among them: the first of a pair is then ours.
        """
        return tuple(near_identical(self.images, () if self.against is None else self.against.images))

    @cached_property
    def class_counts(self) -> dict[str, int]:
        """Number of boxes of each class name found, sorted by name."""
        counts: dict[str, int] = {}
        for file in self.annotations:
            for each in () if file.annotation is None else file.annotation.objects:
                counts[each.name] = counts.get(each.name, 0) + 1
        return dict(sorted(counts.items()))

    @cached_property
    def negatives(self) -> int:
        """Number of annotation files without fault and without objects."""
        return len(self._negatives)

    @cached_property
    def decided_negatives(self) -> int:
        """How many of these somebody saved as normal on the page."""
        return sum(
            file.image is not None
            and is_decided(self.root, file.image.path.relative_to(self.image_dir).as_posix(), file.path)
            for file in self._negatives
        )

    @cached_property
    def _negatives(self) -> tuple[AnnotationFile, ...]:
        return tuple(
            file
            for file in self.annotations
            if file.annotation is not None and not file.annotation.objects and not file.faults
        )


def take_snapshot(
    path: Path,
    *,
    image_dir: Path | None = None,
    class_names: tuple[str, ...] | None = None,
    against: Snapshot | None = None,
    progress: Callable[[Sequence[Path]], Iterable[Path]] | None = None,
) -> Snapshot:
    """Read a Pascal VOC folder, every image decoded. Nothing in it is changed.

    Args:
        path: The folder.
        image_dir: Where the images lie, sub-folders included, if not there.
        class_names: The names that are allowed; by default any.
        against: The other split.
        progress: Receives the images and yields them, each when its turn comes.

    Raises:
        DataError: There is no such folder, or no annotation in it.
    """
    refuse_unfinished(path)
    folder = find_voc_folder(path, image_dir)
    parts = (folder, *folder.subfolders)
    paths = [image for part in parts for image in part.images]
    # Pillow lets other threads run while it decodes, and hashing does too.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAXIMUM_THREADS)) as pool:
        jobs = [pool.submit(check_image, path) for path in paths]
        turns = paths if progress is None else progress(paths)
        images = {path: job.result() for path, job in zip(turns, jobs, strict=True)}
    annotations = []
    for part in parts:
        index, subfolder = part.index(), part.image_dir.relative_to(folder.image_dir)
        for file in part.annotations:
            annotation, numbers, faults = _inspect_annotation(file)
            try:
                image = index.match(file, None if annotation is None else annotation.filename)
            except DataError as fault:
                image, faults = None, (*faults, fault)
            checked = None if image is None else images[image]
            annotations.append(AnnotationFile(file, annotation, numbers, faults, checked, index.own(file), subfolder))
    return Snapshot(Path(path), folder.image_dir, tuple(images.values()), tuple(annotations), class_names, against)


def _inspect_annotation(path: Path) -> tuple[VocAnnotation | None, tuple[int, ...], tuple[DataError, ...]]:
    try:
        data = read_voc_bytes(path)
        examined = examine_voc(parse_xml(data, str(path)), str(path), data)
    except DataError as fault:
        return None, (), (fault,)
    return examined.annotation, examined.numbers, examined.faults
