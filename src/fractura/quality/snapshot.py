"""A data folder as the checks see it: everything that can be read, and the fault of everything that cannot."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.image_index import find_voc_folder
from fractura.formats.voc.parser import examine_voc, read_voc_bytes
from fractura.formats.voc.serializer import VocAnnotation
from fractura.formats.voc.xml_source import parse_xml
from fractura.imaging.dicom import ImageFacts, is_dicom
from fractura.imaging.headers import image_kind
from fractura.imaging.reader import Radiograph, radiograph_channels, read_radiograph
from fractura.quality.near_duplicates import NearIdentical, near_identical
from fractura.quality.perceptual_hash import Fingerprint, fingerprint
from fractura.quality.traits import Traits, image_traits

# More threads than this gain nothing, and each holds one decoded image in memory.
MAXIMUM_THREADS = 8


@dataclass(frozen=True)
class CheckedImage:
    """One image.

    Attributes:
        path: Its file.
        size: Width and height as displayed; None if it cannot be read.
        bytes_hash: SHA-256 of the file; empty if it cannot be read at all.
        pixels_hash: SHA-256 of size and pixels as displayed; empty if it cannot be decoded.
        fault: Why it cannot be read.
        bit_depth: Bits that its values use.
        orientation: EXIF orientation, 1 to 8.
        source: How it was stored, in words; images of one origin share it.
        fingerprint: To find its near-duplicates; None if it cannot be decoded.
        traits: What it looks like; None if it cannot be decoded.
        facts: What a DICOM says of it.
    """

    path: Path
    size: tuple[int, int] | None
    bytes_hash: str
    pixels_hash: str
    fault: DataError | None = None
    bit_depth: int = 8
    orientation: int = 1
    source: str = ""
    fingerprint: Fingerprint | None = None
    traits: Traits | None = None
    facts: ImageFacts = ImageFacts()  # noqa: RUF009 (frozen)


@dataclass(frozen=True)
class AnnotationFile:
    """One annotation file.

    Attributes:
        path: The file.
        annotation: What of it is right; None if nothing is.
        numbers: Number in the file, from 1, of each of ``annotation.objects``.
        faults: What is wrong with it.
        image: The image it belongs to, if that is there.
    """

    path: Path
    annotation: VocAnnotation | None
    numbers: tuple[int, ...]
    faults: tuple[DataError, ...]
    image: CheckedImage | None


@dataclass(frozen=True)
class Snapshot:
    """All of a folder.

    Attributes:
        root: The folder.
        images: Sorted by name.
        annotations: Sorted by name.
        class_names: The names that are allowed; None if any is.
        against: The folder of another split to compare with, if any.
    """

    root: Path
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
        """For each image with one faultless annotation: True if a box is annotated on it."""
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
        return sum(
            file.annotation is not None and not file.annotation.objects and not file.faults for file in self.annotations
        )


def take_snapshot(
    path: Path,
    *,
    class_names: tuple[str, ...] | None = None,
    against: Snapshot | None = None,
    progress: Callable[[Sequence[Path]], Iterable[Path]] | None = None,
) -> Snapshot:
    """Read a Pascal VOC folder, every image decoded. Nothing in it is changed.

    Args:
        path: The folder.
        class_names: The names that are allowed; by default any.
        against: The other split.
        progress: Is given the images and hands them on, one when it is their turn.

    Raises:
        DataError: There is no such folder, or no annotation in it.
    """
    folder = find_voc_folder(path)
    # Pillow lets other threads run while it decodes, and hashing does too.
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MAXIMUM_THREADS)) as pool:
        jobs = [pool.submit(_inspect_image, path) for path in folder.images]
        turns = folder.images if progress is None else progress(folder.images)
        images = {path: job.result() for path, job in zip(turns, jobs, strict=True)}
    matcher = folder.matcher()
    annotations = []
    for file in folder.annotations:
        annotation, numbers, faults = _inspect_annotation(file)
        image = matcher.find(file, None if annotation is None else annotation.filename)
        annotations.append(AnnotationFile(file, annotation, numbers, faults, None if image is None else images[image]))
    return Snapshot(Path(path), tuple(images.values()), tuple(annotations), class_names, against)


def _inspect_image(path: Path) -> CheckedImage:
    try:
        data = path.read_bytes()
    except OSError as error:
        fault = DataError(f"cannot be opened: {error.strerror or error}", file=path, hint="check that you may read it")
        return CheckedImage(path, None, "", "", fault)
    bytes_hash = hashlib.sha256(data).hexdigest()
    try:
        image = read_radiograph(data, name=str(path))
    except DataError as fault:
        return CheckedImage(path, None, bytes_hash, "", fault)
    digest = hashlib.sha256(f"{image.width}x{image.height}".encode())
    digest.update(image.pixels.data)
    return CheckedImage(
        path,
        (image.width, image.height),
        bytes_hash,
        digest.hexdigest(),
        None,
        image.bit_depth,
        image.exif_orientation,
        _source(data, path, image),
        fingerprint(image.pixels),
        image_traits(image.pixels),
        image.facts,
    )


def _source(data: bytes, path: Path, image: Radiograph) -> str:
    """Kind, colours and depth, and the machine of a DICOM: what tells one scanner or export from another."""
    kind = "dicom" if is_dicom(data[:132], path.name) else image_kind(data)
    channels = "grey" if radiograph_channels(data, name=path.name) == 1 else "colour"
    device = f", machine {image.facts.device}" if image.facts.device else ""
    return f"{kind}, {channels}, {image.bit_depth} bits{device}"


def _inspect_annotation(path: Path) -> tuple[VocAnnotation | None, tuple[int, ...], tuple[DataError, ...]]:
    try:
        data = read_voc_bytes(path)
        examined = examine_voc(parse_xml(data, str(path)), str(path), data)
    except DataError as fault:
        return None, (), (fault,)
    return examined.annotation, examined.numbers, examined.faults
