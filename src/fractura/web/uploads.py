"""Uploaded images and the ground truth sent along: kept in memory only, so that no patient data reaches the disk."""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from fractura.core.errors import DataError
from fractura.core.printable import printable
from fractura.formats.faults import size_fault
from fractura.formats.image_index import ImageIndex
from fractura.formats.voc.annotation import VocAnnotation
from fractura.formats.voc.parser import parse_voc
from fractura.imaging.dicom import DicomIdentifiers, is_dicom
from fractura.imaging.reader import IMAGE_EXTENSIONS, is_dicom_file, radiograph_identifiers
from fractura.web.api_errors import WebError, image_vanished
from fractura.web.schemas import Box

_LONGEST_NAME = 200
_DICOM_START = 132


@dataclass(frozen=True)
class ImageSource:
    """An image of the folder or an uploaded one.

    Attributes:
        id: Its id in the API.
        name: File name.
        source: The file, or its bytes.
        key: Changes with its content.
    """

    id: str
    name: str
    source: Path | bytes
    key: tuple[object, ...]

    @property
    def title(self) -> str:
        """What the reader of pixels calls it."""
        return title_of(self.id, self.name)

    @property
    def is_dicom(self) -> bool:
        """True if it is DICOM, judged by its content."""
        return (
            is_dicom(self.source[:_DICOM_START], self.name)
            if isinstance(self.source, bytes)
            else is_dicom_file(self.source)
        )

    def identifiers(self) -> DicomIdentifiers | None:
        """For those who ask for them; None where it is not a DICOM that can be read."""
        try:
            return radiograph_identifiers(self.source, name=self.title)
        except DataError:
            return None

    def read(self) -> bytes:
        """The image's bytes.

        Raises:
            WebError: The file cannot be read.
        """
        if isinstance(self.source, bytes):
            return self.source
        try:
            return self.source.read_bytes()
        except OSError as error:
            raise image_vanished() from error


def title_of(image: str, name: str) -> str:
    """What the reader of pixels calls an image, and thereby the log: its id, and an extension that says what it is.

    Examples:
        >>> title_of("u61f2c0ffee123456", "Doe^Jane.DCM"), title_of("u61f2c0ffee123456", "Jane.Doe")
        ('u61f2c0ffee123456.dcm', 'u61f2c0ffee123456')
    """
    extension = PurePath(name).suffix.lower()
    return image + (extension if extension in IMAGE_EXTENSIONS else "")


class UploadStore:
    """Uploaded images; the least recently used are dropped when their memory is full.

    Args:
        most_bytes: Memory for all of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._images: OrderedDict[str, ImageSource] = OrderedDict()
        self._bytes = 0

    def keep(self, image: ImageSource) -> None:
        """Store an image. One that is larger than the whole memory is kept alone."""
        with self._lock:
            self._images[image.id] = image
            self._bytes += _size(image)
            while self._bytes > self._most_bytes and len(self._images) > 1:
                self._drop(next(iter(self._images)))

    def get(self, image: str) -> ImageSource:
        """An uploaded image.

        Raises:
            WebError: It has been dropped.
        """
        with self._lock:
            if image not in self._images:
                raise WebError(
                    410, "upload_gone", "this image is no longer in the server's memory", hint="upload it again"
                )
            self._images.move_to_end(image)
            return self._images[image]

    def forget(self, image: str | None = None) -> None:
        """Drop an image, or all of them."""
        with self._lock:
            for each in [image] if image is not None else list(self._images):
                self._drop(each)

    def _drop(self, image: str) -> None:
        found = self._images.pop(image, None)
        if found is not None:
            self._bytes -= _size(found)


def uploaded_image(name: str, data: bytes) -> ImageSource:
    """A new upload, with an id that cannot be guessed."""
    return ImageSource(f"u{secrets.token_hex(8)}", name, data, (hashlib.sha256(data).hexdigest(),))


def file_source(path: Path, name: str) -> ImageSource:
    """A file that is not in the image list.

    Raises:
        WebError: It cannot be opened.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise image_vanished() from error
    return ImageSource(_file_id(path), name, path, (str(path), found.st_mtime_ns, found.st_size))


def _file_id(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _size(image: ImageSource) -> int:
    return len(image.source) if isinstance(image.source, bytes) else 0


def plain_name(filename: str | None) -> str:
    """The last part of a name that a client sent, printable and of limited length; displayed, never opened.

    Examples:
        >>> plain_name("../../etc/wrist.png"), plain_name("C:\\\\images\\\\knee.dcm"), plain_name(None)
        ('wrist.png', 'knee.dcm', 'image')
    """
    name = printable((filename or "").replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(letter for letter in name if letter.isprintable()).strip(". ")
    return name[-_LONGEST_NAME:] or "image"


@dataclass(frozen=True)
class GroundTruth:
    """The boxes that people drew on an uploaded image.

    Attributes:
        annotation: The image's Pascal VOC file, if one was sent and can be read.
        fault: Why the file cannot be read.
    """

    annotation: VocAnnotation | None = None
    fault: str | None = None

    @property
    def boxes(self) -> list[Box] | None:
        """The boxes; None where there is no ground truth, which is not the same as no boxes."""
        return None if self.annotation is None else [Box.of(each) for each in self.annotation.objects]

    def problem_for(self, width: int, height: int) -> str | None:
        """Why the boxes cannot be shown on an image of this size."""
        if self.annotation is None:
            return self.fault
        fault = size_fault(self.annotation.size, (width, height))
        return None if fault is None else f"the annotation {fault[0]}"


def match_ground_truths(images: Sequence[str], files: Sequence[tuple[str, bytes]]) -> list[GroundTruth]:
    """Find each image's annotation among the files, by the rules for folders.

    Args:
        images: Names of the images.
        files: Names and bytes of the Pascal VOC files.

    Returns:
        One per image.
    """
    matcher = ImageIndex(tuple(Path(name) for name in images))
    found: dict[str, GroundTruth] = {}
    for name, data in files:
        try:
            annotation = parse_voc(data, name)
        except DataError as error:
            image = matcher.match(Path(name), None)
            ground_truth = GroundTruth(fault=f"{error.place}: {error.problem}" if error.place else error.problem)
        else:
            image = matcher.match(Path(name), annotation.filename)
            ground_truth = GroundTruth(annotation)
        if image is not None:
            found.setdefault(image.name, ground_truth)
    return [found.get(name, GroundTruth()) for name in images]
