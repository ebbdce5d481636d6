"""Comments on images, in files of their own: ``.fractura/comments/IMAGE.txt``.

They have no place in LabelImg's files, and a comment is not a label: an image with nothing but a comment is unlabelled.
"""

from __future__ import annotations

from pathlib import Path

from fractura.core.files import write_atomically
from fractura.formats.voc.decisions import HIDDEN_FOLDER
from fractura.web.api_errors import WebError

COMMENTS = "comments"
"""Their folder, in the hidden one."""


def read_comment(folder: Path, image: str) -> str:
    """The comment on an image; empty if there is none.

    Args:
        folder: The folder being labelled.
        image: Path of the image below the folder of images, with ``/``.

    Raises:
        WebError: The file cannot be read.
    """
    try:
        return _file(folder, image).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise WebError(409, "annotation_unreadable", "the image's comment cannot be read") from error


def write_comment(folder: Path, image: str, comment: str) -> None:
    """Write the comment on an image, or delete it where it is empty.

    Args:
        folder: The folder being labelled.
        image: Path of the image below the folder of images, with ``/``.
        comment: The text.

    Raises:
        DataError: It cannot be written.
        OSError: It cannot be deleted.
    """
    if not comment:
        _file(folder, image).unlink(missing_ok=True)
    elif read_comment(folder, image) != comment:
        write_atomically(_file(folder, image), comment)


def _file(folder: Path, image: str) -> Path:
    return folder / HIDDEN_FOLDER / COMMENTS / f"{image}.txt"
