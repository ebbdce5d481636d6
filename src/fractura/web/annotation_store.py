"""Reads and saves one image's annotation so that no box is ever lost, whenever the computer stops.

A save compares the state the writer started from with the one on the disk; copies the old bytes to
``.fractura/backup/NAME.xml``; then writes the new bytes to a temporary file, fsyncs and renames it. At every moment the
XML file is complete, either old or new. The backup lies in a hidden folder instead of next to the file (``NAME.xml~``),
so that the image folder holds what LabelImg would have left there and nothing else.

An XML file without objects makes an image a normal one that training learns from. It is written by a person's decision
only, never because the last box was deleted: an image with neither boxes nor a decision has no file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.formats.faults import box_fault
from fractura.formats.voc.annotation import VocAnnotation, VocObject, labelimg_object
from fractura.formats.voc.decisions import HIDDEN_FOLDER, record_decision
from fractura.formats.voc.parser import parse_voc, read_voc_bytes
from fractura.formats.voc.serializer import voc_bytes
from fractura.imaging.reader import radiograph_channels, radiograph_size
from fractura.web.api_errors import WebError
from fractura.web.comments import read_comment, write_comment
from fractura.web.folder_index import AnnotationSummary, FolderIndex, ImageRow
from fractura.web.folder_listing import Stamp
from fractura.web.schemas import AnnotationIn, BoxIn
from fractura.web.uploads import title_of

BACKUP = "backup"
NO_FILE = "none"
_REPLACED = ".replaced"
_DIGITS = 32
_SHOWN_OF_MALFORMED = 20_000
_PARSED_KEPT = 64
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StoredAnnotation:
    """An image's annotation as it is on the disk.

    Attributes:
        data: Bytes of the XML file; None if there is none.
        annotation: Their content; None if there is no file or it is malformed.
        fault: Why the file is malformed.
        comment: Empty if there is none.
    """

    data: bytes | None = None
    annotation: VocAnnotation | None = None
    fault: DataError | None = None
    comment: str = ""

    @property
    def etag(self) -> str:
        """Changes with every byte of the XML file and the comment."""
        tag = NO_FILE if self.data is None else _digest(self.data)
        return f'"{tag}.{_digest(self.comment.encode("utf-8"))}"' if self.comment else f'"{tag}"'

    @property
    def summary(self) -> AnnotationSummary | None:
        """The part of the file that the image list needs; None if there is no file."""
        if self.fault is not None:
            return AnnotationSummary(None, fault=self.fault.problem)
        return None if self.annotation is None else AnnotationSummary.of(self.annotation)


class ChangedElsewhereError(Exception):
    """The annotation is no longer in the state that the writer started from."""

    def __init__(self, current: StoredAnnotation) -> None:
        super().__init__("the annotation was changed elsewhere")
        self.current = current


class AnnotationStore:
    """The annotations of one folder, and the only place that parses their files for the API.

    The annotations last read or written are kept with their bytes, so that a file is parsed again only when its bytes
    are new.

    Args:
        index: The folder's images; it is notified of every save.
    """

    def __init__(self, index: FolderIndex) -> None:
        self._index = index
        self._hidden = index.folder / HIDDEN_FOLDER
        self._lock = threading.Lock()
        self._parsed: OrderedDict[Path, tuple[bytes, VocAnnotation]] = OrderedDict()
        self._sizes: dict[str, tuple[Stamp, tuple[int, int]]] = {}

    def load(self, row: ImageRow) -> StoredAnnotation:
        """Read an image's annotation from the disk; a malformed file is reported in ``fault``.

        Raises:
            WebError: The file exists and cannot be read, or is a link that leads out of the folder.
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
        comment = read_comment(self._index.folder, row.relative)
        if data is None:
            return StoredAnnotation(comment=comment)
        path, kept = row.annotation, self._parsed.get(row.annotation)
        if kept is not None and kept[0] == data:
            return StoredAnnotation(data, kept[1], comment=comment)
        try:
            annotation = parse_voc(data, path.name)
        except DataError as fault:
            return StoredAnnotation(data, fault=fault, comment=comment)
        self._keep(path, data, annotation)
        return StoredAnnotation(data, annotation, comment=comment)

    def size(self, row: ImageRow) -> tuple[int, int]:
        """Width and height of an image in pixels, as displayed; its header is read once.

        Raises:
            WebError: The image cannot be read.
        """
        stamp, known = row.stamp, self._sizes.get(row.id)
        if known is not None and known[0] == stamp:
            return known[1]
        try:
            size = radiograph_size(row.path, name=title_of(row.id, row.name))
        except DataError as error:
            raise WebError.of(error, 422, "image_unreadable") from error
        self._sizes[row.id] = (stamp, size)
        return size

    def has_backup(self, row: ImageRow) -> bool:
        """True if ``restore`` has something to bring back."""
        return self._backup_file(row).is_file()

    def settle(self) -> None:
        """Finish what a server that was killed in a save did not: tell from the backup whose file it had replaced."""
        for replaced in (self._hidden / BACKUP).rglob(f".*{_REPLACED}"):
            backup = replaced.with_name(replaced.name.removeprefix(".").removesuffix(_REPLACED))
            try:
                _keep_or_delete(replaced, backup.read_bytes() if backup.is_file() else None)
            except OSError as error:
                _logger.warning("%s: %s", replaced, error)

    def save(self, row: ImageRow, known: str, wanted: AnnotationIn) -> StoredAnnotation:
        """Write an image's boxes, or the decision that it is normal, whether that is verified, and the comment.

        Without boxes and without a decision there is no file: one that exists is deleted, and its bytes stay in the
        backup. Boxes that come back later find what else that file held.

        Args:
            row: The image.
            known: ``etag`` of the state that the writer started from.
            wanted: What to write.

        Raises:
            ChangedElsewhereError: The state on the disk is a different one.
            WebError: Nothing was decided on an image without boxes, the file on the disk is malformed or belongs to
                another image, a box is invalid, the image cannot be read, or nothing can be written.
        """
        with self._lock:
            current = self._changeable(row, known)
            _refuse_undecided(wanted)
            folder, is_new = self._index.folder, wanted.comment != current.comment
            try:
                # First: boxes that were written must not be refused because of a comment that could not be.
                write_comment(folder, row.relative, wanted.comment)
                try:
                    if wanted.boxes is None:
                        self._write(row, current.data, None)
                    else:
                        self._write_labels(row, current, wanted, wanted.boxes)
                except BaseException:
                    if is_new:
                        with suppress(DataError, OSError):
                            write_comment(folder, row.relative, current.comment)
                    raise
            except (DataError, OSError) as error:
                raise _disk_refused(error) from error
            return self._saved(row)

    def delete(self, row: ImageRow, known: str) -> StoredAnnotation:
        """Delete the annotation; its bytes stay in the backup. A malformed file is never deleted.

        Raises:
            ChangedElsewhereError: See ``save``.
            WebError: See ``save``.
        """
        with self._lock:
            self._write(row, self._changeable(row, known).data, None)
            return self._saved(row)

    def restore(self, row: ImageRow, known: str) -> StoredAnnotation:
        """Swap the backup and the file.

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
                    409, "nothing_to_restore", "there is no earlier version of this image's labels",
                    hint="they were saved only once",
                ) from error  # fmt: skip
            self._write(row, current.data, backup)
            return self._saved(row)

    def _changeable(self, row: ImageRow, known: str) -> StoredAnnotation:
        """The state on the disk, if it is the one that the writer knows and may be overwritten."""
        if row.shared:
            raise WebError(
                409,
                "annotation_shared",
                f"another image uses the annotation file {row.annotation.name}",
                hint="rename one of the images: annotation files differ only by the name before the extension",
            )
        current = self.load(row)
        if current.fault is not None:
            raise malformed(current, has_backup=self.has_backup(row))
        if current.etag != known:
            raise ChangedElsewhereError(current)
        return current

    def _write_labels(
        self, row: ImageRow, current: StoredAnnotation, wanted: AnnotationIn, boxes: Sequence[BoxIn]
    ) -> None:
        """Write boxes, or that there are none by a person's decision."""
        size = self.size(row)
        before = current.annotation or self._deleted(row, current) or _new_annotation(row, size)
        try:
            objects = _objects(boxes, before.objects, size)
            annotation, data = before, before.source
            if data is None or (objects, wanted.verified) != (before.objects, before.verified):
                annotation = replace(before, objects=objects, verified=wanted.verified, width=size[0], height=size[1])
                data = voc_bytes(annotation)
        except DataError as error:
            raise WebError.of(error, 422, "box_invalid") from error
        # A comment on an image that was normal already does not decide about it.
        if not objects and (data != current.data or wanted.comment == current.comment):
            record_decision(self._index.folder, row.relative, data)
        self._write(row, current.data, data)
        self._keep(row.annotation, data, replace(annotation, source=data))

    def _deleted(self, row: ImageRow, current: StoredAnnotation) -> VocAnnotation | None:
        """The file that was deleted with its last box, so that undoing that brings back every byte of it."""
        if current.data is not None or not self.has_backup(row):
            return None
        try:
            return parse_voc(read_voc_bytes(self._backup_file(row)), row.annotation.name)
        except DataError:
            return None  # nothing of it can be taken over

    def _write(self, row: ImageRow, old: bytes | None, new: bytes | None) -> None:
        """The one place where an XML file changes: first the backup, then the file.

        Another program may write at any moment. The file is compared once more right before it is replaced; what is
        replaced all the same, in the instant between, is kept beside the backup.
        """
        if old == new:
            return
        backup = self._backup_file(row)
        replaced = backup.with_name(f".{backup.name}{_REPLACED}")

        def keep() -> None:
            self._refuse_change(row, old)
            replaced.unlink(missing_ok=True)
            with suppress(OSError):  # there is no file, or the file system has no hard links
                replaced.parent.mkdir(parents=True, exist_ok=True)
                os.link(row.annotation, replaced)

        try:
            if old is not None:
                write_atomically(backup, old)
            if new is not None:
                write_atomically(row.annotation, new, before_rename=keep)
            else:
                self._refuse_change(row, old)
                os.replace(row.annotation, replaced)
            _keep_or_delete(replaced, old)
        except (DataError, OSError) as error:
            raise _disk_refused(error) from error

    def _refuse_change(self, row: ImageRow, old: bytes | None) -> None:
        try:
            now = row.annotation.read_bytes()
        except FileNotFoundError:
            now = None
        if now != old:
            raise ChangedElsewhereError(self.load(row))

    def _saved(self, row: ImageRow) -> StoredAnnotation:
        """The state on the disk after a change, which the index is notified of."""
        stored = self.load(row)
        self._index.put(row, stored.summary, commented=bool(stored.comment))
        return stored

    def _keep(self, path: Path, data: bytes, annotation: VocAnnotation) -> None:
        self._parsed.pop(path, None)
        self._parsed[path] = (data, annotation)
        while len(self._parsed) > _PARSED_KEPT:
            self._parsed.popitem(last=False)

    def _backup_file(self, row: ImageRow) -> Path:
        images = row.path.parent.relative_to(self._index.image_dir)
        return self._hidden / BACKUP / images / row.annotation.name


def _keep_or_delete(replaced: Path, known: bytes | None) -> None:
    """Keep a file that was replaced if it is not the one that was meant to be: NAME.xml.DATE-TIME."""
    try:
        found = replaced.read_bytes()
    except FileNotFoundError:
        return
    if found == known:
        replaced.unlink()
        return
    name = replaced.name.removeprefix(".").removesuffix(_REPLACED)
    kept = replaced.with_name(f"{name}.{datetime.now():%Y%m%d-%H%M%S-%f}")
    os.replace(replaced, kept)
    _logger.warning("%s: another program wrote it while it was saved; its version is kept as %s", name, kept)


def malformed(stored: StoredAnnotation, *, has_backup: bool) -> WebError:
    """The error that shows a malformed file as it is."""
    assert stored.fault is not None
    text = (stored.data or b"")[:_SHOWN_OF_MALFORMED].decode("utf-8", "replace")
    extra = {"text": text, "has_backup": has_backup}
    return WebError.of(stored.fault, 409, "annotation_malformed", extra=extra)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGITS]


def _refuse_undecided(wanted: AnnotationIn) -> None:
    if wanted.boxes or (wanted.boxes is not None and wanted.normal):
        return
    if wanted.boxes is not None or wanted.verified or wanted.normal:
        raise WebError(
            422,
            "undecided",
            "there are no boxes, and nobody has decided that the image is normal",
            hint='send "normal": true with an empty list of boxes, or "boxes": null where nothing is decided',
        )


def _disk_refused(error: DataError | OSError) -> WebError:
    if isinstance(error, DataError):
        return WebError.of(error, 507, "disk_refused")
    return WebError(507, "disk_refused", f"cannot be deleted: {error.strerror or error}")


def _new_annotation(row: ImageRow, size: tuple[int, int]) -> VocAnnotation:
    try:
        channels = radiograph_channels(row.path, name=title_of(row.id, row.name))
    except DataError as error:
        raise WebError.of(error, 422, "image_unreadable") from error
    width, height = size
    folder = row.path.parent.name
    return VocAnnotation(row.path.name, width, height, channels, folder=folder, path=str(row.path))


def _objects(boxes: Sequence[BoxIn], before: Sequence[VocObject], size: tuple[int, int]) -> tuple[VocObject, ...]:
    """The boxes as they go into the file: existing ones stay as they are, others are written as LabelImg does."""
    left = list(before)
    objects = []
    for number, box in enumerate(boxes, start=1):
        same = next((each for each in left if _is_same(box, each)), None)
        if same is not None:
            left.remove(same)
            objects.append(same)
            continue
        place = f"box {number}"
        if not box.name.strip():
            raise DataError("has no class name", place=place, hint="choose a class")
        if any("\n" in text and text != text.strip() for text in (box.name, box.pose or "")):
            # A reader cannot tell such a line break from a pretty printer's, and would drop it.
            raise DataError("has a line break in its class name", place=place, hint="choose another class name")
        drawn = labelimg_object(box.name, box.corners, *size, difficult=box.difficult)
        if problem := box_fault(drawn.corners, *size):
            raise DataError(problem, place=place, hint="draw it inside the image")
        objects.append(replace(drawn, pose=box.pose) if box.pose is not None else drawn)
    return tuple(objects)


def _is_same(box: BoxIn, each: VocObject) -> bool:
    return (
        (box.name, box.corners, box.difficult) == (each.name, each.corners, each.difficult)
        and box.pose in (None, each.pose)
    )  # fmt: skip
