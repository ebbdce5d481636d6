"""Reading and saving one image's annotation so that no box is lost, whatever stops the computer.

A save is: compare the state the writer knew with the one on the disk; put the old bytes into
``.fractura/backup/NAME.xml``; write the new bytes to a temporary file, fsync, rename. At every moment the XML file is
whole, old or new. The backup lies in a hidden folder and not beside the file (``NAME.xml~``), so that the images'
folder holds what LabelImg would have left there and nothing else.

Comments have no place in LabelImg's files, and LabelImg would drop what it does not know: they lie as text in
``.fractura/comments/IMAGE NAME.txt``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.formats.validation import box_fault
from fractura.formats.voc.model import VocAnnotation, VocObject, labelimg_object
from fractura.formats.voc.parser import parse_voc, read_voc_bytes
from fractura.formats.voc.serializer import voc_bytes
from fractura.imaging.reader import radiograph_channels, radiograph_size
from fractura.web.errors import WebError
from fractura.web.folder_index import COMMENTS, HIDDEN_FOLDER, FolderIndex, ImageRow

BACKUP = "backup"
NO_FILE = "none"
_DIGITS = 32
_SHOWN_OF_MALFORMED = 20_000


@dataclass(frozen=True)
class StoredAnnotation:
    """An image's annotation as it is on the disk.

    Attributes:
        data: Bytes of the XML file; None if there is none.
        annotation: What they say; None if there is no file or it is malformed.
        fault: Why it is malformed.
        comment: Empty if there is none.
    """

    data: bytes | None
    annotation: VocAnnotation | None
    fault: DataError | None
    comment: str

    @property
    def etag(self) -> str:
        """Changes with every byte of the XML file and the comment."""
        tag = NO_FILE if self.data is None else hashlib.sha256(self.data).hexdigest()[:_DIGITS]
        if self.comment:
            tag += "." + hashlib.sha256(self.comment.encode("utf-8")).hexdigest()[:_DIGITS]
        return f'"{tag}"'


@dataclass(frozen=True)
class WantedBox:
    """A box as a window sends it; ``pose`` is None for one that was just drawn."""

    name: str
    corners: tuple[float, float, float, float]
    difficult: bool
    pose: str | None


class ChangedElsewhereError(Exception):
    """The annotation is no longer the one that the writer knew."""

    def __init__(self, current: StoredAnnotation) -> None:
        super().__init__("the annotation was changed elsewhere")
        self.current = current


class AnnotationStore:
    """The annotations of one folder.

    Args:
        index: The folder's images; it is told of every save.
    """

    def __init__(self, index: FolderIndex) -> None:
        self._index = index
        self._hidden = index.folder / HIDDEN_FOLDER
        self._lock = threading.Lock()

    def load(self, row: ImageRow) -> StoredAnnotation:
        """Read an image's annotation from the disk; a malformed one is told in ``fault``.

        Raises:
            WebError: The file is there and cannot be read, or is a link that leads out of the folder.
        """
        if row.annotation.is_symlink() and not row.annotation.resolve().is_relative_to(self._index.folder):
            raise WebError(
                409,
                "annotation_outside",
                "the annotation file is a link that leads out of the folder",
                hint="put the file itself into the folder",
            )
        try:
            data = read_voc_bytes(row.annotation) if row.annotation.is_file() else None
        except DataError as error:
            raise WebError.of(error, 409, "annotation_unreadable") from error
        comment = self._comment(row)
        if data is None:
            return StoredAnnotation(None, None, None, comment)
        try:
            return StoredAnnotation(data, parse_voc(data, row.annotation.name), None, comment)
        except DataError as fault:
            return StoredAnnotation(data, None, fault, comment)

    def _comment(self, row: ImageRow) -> str:
        try:
            return self._comment_file(row).read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise WebError(409, "annotation_unreadable", "the image's comment cannot be read") from error

    def has_backup(self, row: ImageRow) -> bool:
        """True if ``restore`` has something to bring back."""
        return self._backup_file(row).is_file()

    def save(
        self, row: ImageRow, known: str, boxes: Sequence[WantedBox], *, verified: bool, comment: str
    ) -> StoredAnnotation:
        """Write boxes, the reviewer's detection and the comment.

        Args:
            row: The image.
            known: ``etag`` of the state the writer worked on.
            boxes: All boxes of the image.
            verified: The reviewer's detection.
            comment: Empty for none.

        Raises:
            ChangedElsewhereError: The state on the disk is another one.
            WebError: The file on the disk is malformed or belongs to another image, a box is impossible, the image
                cannot be read, or nothing can be written.
        """
        with self._lock:
            current = self._changeable(row, known)
            try:
                size, channels = radiograph_size(row.path), radiograph_channels(row.path)
            except DataError as error:
                raise WebError.of(error, 422, "image_unreadable") from error
            before = current.annotation
            if before is None:
                before = VocAnnotation(
                    filename=row.path.name,
                    width=size[0],
                    height=size[1],
                    depth=channels,
                    folder=row.path.parent.name,
                    path=str(row.path),
                )
            try:
                objects = _objects(boxes, before.objects, size)
                annotation = before
                if (objects, verified) != (before.objects, before.verified):
                    annotation = replace(before, objects=objects, verified=verified, width=size[0], height=size[1])
                data = voc_bytes(annotation)
            except DataError as error:
                raise WebError.of(error, 422, "box_invalid") from error
            self._write(row, current.data, data)
            self._write_comment(row, comment)
            return self._taken_over(row)

    def delete(self, row: ImageRow, known: str) -> StoredAnnotation:
        """Take the annotation away; its bytes stay in the backup. A malformed file is never taken away.

        Raises:
            ChangedElsewhereError: See ``save``.
            WebError: See ``save``.
        """
        with self._lock:
            self._write(row, self._changeable(row, known).data, None)
            return self._taken_over(row)

    def restore(self, row: ImageRow, known: str) -> StoredAnnotation:
        """Let the backup and the file change places.

        Raises:
            ChangedElsewhereError: See ``save``.
            WebError: See ``save``; or there is no backup.
        """
        with self._lock:
            current = self._changeable(row, known)
            try:
                backup = self._backup_file(row).read_bytes()
            except OSError as error:
                raise WebError(
                    409, "nothing_to_restore", "there is no earlier state of this image", hint="it was saved only once"
                ) from error
            self._write(row, current.data, backup)
            return self._taken_over(row)

    def _changeable(self, row: ImageRow, known: str) -> StoredAnnotation:
        """What is on the disk, if it is what the writer knows and may be written over."""
        if row.shared:
            raise WebError(
                409,
                "annotation_shared",
                f"another image has the annotation file {row.annotation.name}",
                hint="rename one of the images: LabelImg's files are told apart by the name before the extension",
            )
        current = self.load(row)
        if current.fault is not None:
            raise malformed(current, has_backup=self.has_backup(row))
        if current.etag != known:
            raise ChangedElsewhereError(current)
        return current

    def _write(self, row: ImageRow, old: bytes | None, new: bytes | None) -> None:
        """The one place where an XML file changes: first the backup, then the file."""
        if old == new:
            return
        try:
            if old is not None:
                write_atomically(self._backup_file(row), old)
            if new is not None:
                write_atomically(row.annotation, new)
            else:
                row.annotation.unlink()
        except DataError as error:
            raise WebError.of(error, 507, "disk_refused") from error
        except OSError as error:
            raise WebError(507, "disk_refused", f"cannot be taken away: {error.strerror or error}") from error

    def _write_comment(self, row: ImageRow, comment: str) -> None:
        file = self._comment_file(row)
        try:
            if comment and self._comment(row) != comment:
                write_atomically(file, comment)
            elif not comment:
                file.unlink(missing_ok=True)
        except DataError as error:
            raise WebError.of(error, 507, "disk_refused") from error
        except OSError as error:
            raise WebError(507, "disk_refused", f"cannot be taken away: {error.strerror or error}") from error

    def _taken_over(self, row: ImageRow) -> StoredAnnotation:
        stored = self.load(row)
        self._index.put(row, stored.data, commented=bool(stored.comment))
        return stored

    def _backup_file(self, row: ImageRow) -> Path:
        return self._hidden / BACKUP / row.annotation.name

    def _comment_file(self, row: ImageRow) -> Path:
        return self._hidden / COMMENTS / f"{row.path.name}.txt"


def malformed(stored: StoredAnnotation, *, has_backup: bool) -> WebError:
    """The error that shows a malformed file as it is."""
    assert stored.fault is not None
    text = (stored.data or b"")[:_SHOWN_OF_MALFORMED].decode("utf-8", "replace")
    extra = {"text": text, "has_backup": has_backup}
    return WebError.of(stored.fault, 409, "annotation_malformed", extra=extra)


def _objects(boxes: Sequence[WantedBox], before: Sequence[VocObject], size: tuple[int, int]) -> tuple[VocObject, ...]:
    """The boxes as they go into the file: one that is there already stays as it is, others as LabelImg writes them."""
    left = list(before)
    objects = []
    for number, box in enumerate(boxes, start=1):
        same = next((each for each in left if _is_same(box, each)), None)
        if same is not None:
            left.remove(same)
            objects.append(same)
            continue
        drawn = labelimg_object(box.name, box.corners, *size, difficult=box.difficult)
        if not box.name.strip():
            raise DataError("has no class name", place=f"box {number}", hint="choose a class")
        if problem := box_fault(drawn.corners, *size):
            raise DataError(problem, place=f"box {number}", hint="draw it inside the image")
        objects.append(replace(drawn, pose=box.pose) if box.pose is not None else drawn)
    return tuple(objects)


def _is_same(box: WantedBox, each: VocObject) -> bool:
    return (
        (box.name, box.corners, box.difficult) == (each.name, each.corners, each.difficult)
        and box.pose in (None, each.pose)
    )  # fmt: skip
