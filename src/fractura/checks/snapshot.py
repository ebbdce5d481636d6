"""A data folder as the checks see it: everything that can be read, and the fault of everything that cannot."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fractura.errors import DataError
from fractura.formats.voc_document import VocAnnotation
from fractura.formats.voc_folder import find_voc_folder
from fractura.formats.voc_parser import examine_voc, read_voc_bytes
from fractura.formats.xml_source import parse_xml
from fractura.radiograph import read_radiograph

# More threads than this gain nothing, and each holds one decoded film in memory.
MAXIMUM_THREADS = 8


@dataclass(frozen=True)
class Film:
    """One film.

    Attributes:
        path: Its file.
        size: Width and height as displayed; None if it cannot be read.
        bytes_hash: SHA-256 of the file; empty if it cannot be read at all.
        pixels_hash: SHA-256 of size and pixels as displayed; empty if it cannot be decoded.
        fault: Why it cannot be read.
    """

    path: Path
    size: tuple[int, int] | None
    bytes_hash: str
    pixels_hash: str
    fault: DataError | None = None


@dataclass(frozen=True)
class AnnotationFile:
    """One annotation file.

    Attributes:
        path: The file.
        annotation: What of it is right; None if nothing is.
        numbers: Number in the file, from 1, of each of ``annotation.objects``.
        faults: What is wrong with it.
        film: The film it belongs to, if that is there.
    """

    path: Path
    annotation: VocAnnotation | None
    numbers: tuple[int, ...]
    faults: tuple[DataError, ...]
    film: Film | None


@dataclass(frozen=True)
class Snapshot:
    """All of a folder.

    Attributes:
        root: The folder.
        films: Sorted by name.
        annotations: Sorted by name.
        class_names: The names that are allowed; None if any is.
        against: The folder of another split to compare with, if any.
    """

    root: Path
    films: tuple[Film, ...]
    annotations: tuple[AnnotationFile, ...]
    class_names: tuple[str, ...] | None = None
    against: Snapshot | None = None

    @cached_property
    def labelled(self) -> dict[Path, list[AnnotationFile]]:
        """The annotation files of each film that has any."""
        files: dict[Path, list[AnnotationFile]] = {}
        for each in self.annotations:
            if each.film is not None:
                files.setdefault(each.film.path, []).append(each)
        return files

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
        return sum(
            file.annotation is not None and not file.annotation.objects and not file.faults for file in self.annotations
        )


def take_snapshot(
    path: Path, *, class_names: tuple[str, ...] | None = None, against: Snapshot | None = None
) -> Snapshot:
    """Read a Pascal VOC folder, every film decoded. Nothing in it is changed.

    Raises:
        DataError: There is no such folder, or no annotation in it.
    """
    folder = find_voc_folder(path)
    # Pillow lets other threads run while it decodes, and hashing does too.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAXIMUM_THREADS)) as pool:
        films = {film.path: film for film in pool.map(_look_at_film, folder.films)}
    matcher = folder.matcher()
    annotations = []
    for file in folder.annotations:
        annotation, numbers, faults = _look_at_annotation(file)
        film = matcher.find(file, None if annotation is None else annotation.filename)
        annotations.append(AnnotationFile(file, annotation, numbers, faults, None if film is None else films[film]))
    return Snapshot(Path(path), tuple(films.values()), tuple(annotations), class_names, against)


def _look_at_film(path: Path) -> Film:
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = DataError(f"cannot be opened: {error.strerror or error}", file=path, hint="check that you may read it")
        return Film(path, None, "", "", fault)
    bytes_hash = hashlib.sha256(data).hexdigest()
    try:
        film = read_radiograph(data, name=str(path))
    except DataError as fault:
        return Film(path, None, bytes_hash, "", fault)
    digest = hashlib.sha256(f"{film.width}x{film.height}".encode())
    digest.update(film.pixels.data)
    return Film(path, (film.width, film.height), bytes_hash, digest.hexdigest())


def _look_at_annotation(path: Path) -> tuple[VocAnnotation | None, tuple[int, ...], tuple[DataError, ...]]:
    try:
        data = read_voc_bytes(path)
        examined = examine_voc(parse_xml(data, str(path)), str(path), data)
    except DataError as fault:
        return None, (), (fault,)
    return examined.annotation, examined.numbers, examined.faults
