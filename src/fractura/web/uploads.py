"""Images that were sent to the server: kept in memory only, so that nothing of a patient stays on the disk."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from fractura.imaging.dicom import is_dicom
from fractura.imaging.reader import is_dicom_file
from fractura.inference.results import printable
from fractura.web.errors import WebError

_LONGEST_NAME = 200
_DICOM_START = 132


@dataclass(frozen=True)
class ImageSource:
    """An image of the folder or one that was sent.

    Attributes:
        id: As the API knows it.
        name: File name.
        source: The file, or its bytes.
        key: Changes with its content.
    """

    id: str
    name: str
    source: Path | bytes
    key: tuple[object, ...]

    @property
    def is_dicom(self) -> bool:
        """True if it is DICOM, told by its content."""
        return (
            is_dicom(self.source[:_DICOM_START], self.name)
            if isinstance(self.source, bytes)
            else is_dicom_file(self.source)
        )

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
            raise WebError(422, "image_unreadable", "the image cannot be opened", hint="is it still there?") from error


class UploadShelf:
    """Images that were sent; the ones not used for longest go first when the memory for them is full.

    Args:
        most_bytes: Memory for all of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._images: OrderedDict[str, ImageSource] = OrderedDict()
        self._bytes = 0

    def keep(self, image: ImageSource) -> None:
        """Keep an image. One that is larger than all the memory is kept alone."""
        with self._lock:
            self._images[image.id] = image
            self._bytes += _size(image)
            while self._bytes > self._most_bytes and len(self._images) > 1:
                self._drop(next(iter(self._images)))

    def get(self, image: str) -> ImageSource:
        """An image that was sent.

        Raises:
            WebError: It is gone.
        """
        with self._lock:
            if image not in self._images:
                raise WebError(
                    410, "upload_gone", "this image is no longer in the server's memory", hint="send the image again"
                )
            self._images.move_to_end(image)
            return self._images[image]

    def forget(self, image: str | None = None) -> None:
        """Forget an image, or all of them."""
        with self._lock:
            for each in [image] if image is not None else list(self._images):
                self._drop(each)

    def _drop(self, image: str) -> None:
        found = self._images.pop(image, None)
        if found is not None:
            self._bytes -= _size(found)


def sent_image(name: str, data: bytes) -> ImageSource:
    """An image that was just sent, with an id that nobody can guess."""
    return ImageSource(f"u{secrets.token_hex(8)}", name, data, (hashlib.sha256(data).hexdigest(),))


def _size(image: ImageSource) -> int:
    return len(image.source) if isinstance(image.source, bytes) else 0


def plain_name(filename: str | None) -> str:
    """The last part of a name that a client sent, printable and not too long; it is shown, and never opened."""
    name = printable((filename or "").replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(letter for letter in name if letter.isprintable()).strip(". ")
    return name[-_LONGEST_NAME:] or "image"
