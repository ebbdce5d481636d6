"""Which images somebody decided to be normal with *Save as normal* on the page.

An XML file without objects does not say whether a person found nothing or a program wrote it. The decision is
therefore kept in ``.fractura/normal/IMAGE.txt`` next to the labels: the SHA-256 of the XML file that was saved. It
counts for exactly that file: once another program has written it anew, the image is one that came from elsewhere.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fractura.core.files import write_atomically

HIDDEN_FOLDER = ".fractura"
"""What the page keeps next to the labels, in the folder that it was opened on."""

_DECISIONS = "normal"


def decision_of(image: str, annotation: bytes) -> tuple[str, str]:
    """Path below the folder, and content, of the file that records a decision.

    Args:
        image: Path of the image below the folder of images, with ``/``: its file name if it lies in no sub-folder.
        annotation: The XML file that was saved.

    Examples:
        >>> decision_of("wrist.png", b"")[0]
        '.fractura/normal/wrist.png.txt'
    """
    return f"{HIDDEN_FOLDER}/{_DECISIONS}/{image}.txt", hashlib.sha256(annotation).hexdigest()


def record_decision(folder: Path, image: str, annotation: bytes) -> None:
    """Record that a person saved an image as normal.

    Args:
        folder: The folder that is being labelled.
        image: Path of the image below the folder of images, with ``/``: its file name if it lies in no sub-folder.
        annotation: The XML file that was saved.

    Raises:
        DataError: The file cannot be written.
    """
    place, content = decision_of(image, annotation)
    write_atomically(folder / place, content)


def is_decided(folder: Path, image: str, annotation: Path) -> bool:
    """Whether a person saved the image as normal, and the XML file is still the one saved then.

    Args:
        folder: The folder that was labelled.
        image: Path of the image below the folder of images, with ``/``: its file name if it lies in no sub-folder.
        annotation: Its XML file.
    """
    recorded = folder / decision_of(image, b"")[0]
    try:
        return recorded.is_file() and recorded.read_text("utf-8") == decision_of(image, annotation.read_bytes())[1]
    except (OSError, UnicodeDecodeError):
        return False  # no decision that can be read
