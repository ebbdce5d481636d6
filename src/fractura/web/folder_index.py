"""The images of a folder with their states, kept in memory for the image list.

The folders are listed with ``os.scandir``, sub-folders included; no image is opened. An annotation is read, in a
background thread, when its size or modification time has changed: the list of 20,000 images appears at once and its
states a moment later.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from fractura.core.errors import DataError
from fractura.core.printable import printable
from fractura.formats.image_index import ImageIndex
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.decisions import HIDDEN_FOLDER
from fractura.formats.voc.layout import annotation_folder
from fractura.formats.voc.parser import parse_voc, read_voc_bytes
from fractura.imaging.reader import PICTURE_EXTENSIONS, is_image_file
from fractura.web.comments import COMMENTS
from fractura.web.folder_listing import (
    Stamp,
    files_below,
    files_in,
    image_and_annotation_folders,
    is_comment,
    is_xml,
    stamp_of,
)

ImageState = Literal["reading", "unlabelled", "suggested", "labelled", "verified", "disagreeing", "malformed"]
STATES: tuple[ImageState, ...] = get_args(ImageState)
_DIGITS = re.compile(r"(\d+)")
_POLL_SECONDS = 2.0
_SEEN_SHARE = 0.05
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AnnotationSummary:
    """The part of an XML file that the list needs.

    Attributes:
        filename: The image it names; None if the file cannot be read.
        objects: Its boxes.
        verified: A reviewer has confirmed them.
        fault: Why the file cannot be read; None if it can.
    """

    filename: str | None
    objects: tuple[VocObject, ...] = ()
    verified: bool = False
    fault: str | None = None

    @classmethod
    def of(cls, annotation: VocAnnotation) -> AnnotationSummary:
        """Summarise a file that was parsed."""
        return cls(annotation.filename, annotation.objects, annotation.verified)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """How the model's detections on an image compare with the boxes that people drew.

    Attributes:
        uncertainty: 0 to 1.
        has_detections: Some detection reaches the threshold.
        disagreeing: Detections and boxes contradict each other.
    """

    uncertainty: float
    has_detections: bool
    disagreeing: bool


@dataclass(slots=True, eq=False, kw_only=True)
class ImageRow:
    """One image of the list; changed only by ``FolderIndex``, under its lock.

    Attributes:
        id: 16 hex digits of SHA-256 over the folder and ``relative``: addresses contain no file names, and no image of
            another folder has the same.
        relative: Path below the folder of images, with ``/``.
        name: The same, printable.
        path: The image file.
        stamp: Modification time, size and inode of the image file.
        own_annotation: Where its XML file is written unless another one names the image.
        annotation: Its XML file, whether it exists or not.
        summary: Of the XML file; None if there is none.
        is_read: False until the XML file has been read.
        shared: Another image of the same stem owns the XML file.
        commented: There is a comment.
        assessment: By the current model; None if it has not run on the image.
        state: Derived from the rest.
        folded: ``name`` case-folded, for searching.
    """

    id: str
    relative: str
    name: str
    path: Path
    stamp: Stamp
    own_annotation: Path
    annotation: Path
    summary: AnnotationSummary | None = None
    is_read: bool = False
    shared: bool = False
    commented: bool = False
    assessment: Assessment | None = None
    state: ImageState = "reading"
    folded: str = field(repr=False)

    def settle(self) -> None:
        """Derive ``state`` from the other attributes."""
        assessment, summary = self.assessment, self.summary
        if not self.is_read:
            self.state = "reading"
        elif summary is None:
            self.state = "suggested" if assessment is not None and assessment.has_detections else "unlabelled"
        elif summary.fault is not None:
            self.state = "malformed"
        elif summary.verified:
            self.state = "verified"
        else:
            self.state = "disagreeing" if assessment is not None and assessment.disagreeing else "labelled"


class FolderIndex:
    """The images of one folder.

    Args:
        folder: ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or all in one folder. Images in
            sub-folders belong to it; their annotations lie beside them.
        on_change: Called without any lock held: with the rows that changed, or with None when images were added or
            removed.

    Attributes:
        id: Differs with the folder.
        image_dir: Folder of the images.
        annotations_folder: Folder of the XML files; may not exist yet.
        revision: Increases with every change.
        outside: Number of links that lead out of the folder and are skipped.

    Raises:
        DataError: There is no such folder, or it cannot be listed.
    """

    def __init__(self, folder: Path, on_change: Callable[[list[ImageRow] | None], None]) -> None:
        self.folder = Path(folder).resolve()
        self._hash = hashlib.sha256(os.fsencode(self.folder))
        self.id = self._hash.hexdigest()[:16]
        self._hash.update(b"/")
        self.image_dir, self.annotations_folder = image_and_annotation_folders(self.folder)
        self.revision = 0
        self.outside = 0
        self._on_change = on_change
        self._lock = threading.RLock()
        self._working = threading.Lock()
        self._rows: dict[str, ImageRow] = {}
        self._ordered: tuple[ImageRow, ...] = ()
        self._summaries: dict[str, tuple[Stamp, AnnotationSummary]] = {}
        self._boxes_of_class: Counter[str] = Counter()
        self._images_in: Counter[ImageState] = Counter()
        self._partners: dict[str, Path] = {}
        self._assigned = False
        self._closed = 0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._list_images()

    # --- reading -----------------------------------------------------------------------------------------------

    def rows(self) -> tuple[ImageRow, ...]:
        """All images, in natural order of their names (2 before 10)."""
        return self._ordered

    def get(self, image: str) -> ImageRow | None:
        """The image with this id."""
        return self._rows.get(image)

    def counts(self) -> dict[ImageState, int]:
        """Number of images in each state."""
        return {state: self._images_in[state] for state in STATES}

    def class_counts(self) -> list[tuple[str, int]]:
        """Class names in the folder with their numbers of boxes, most used first."""
        with self._lock:
            found = [(name, count) for name, count in self._boxes_of_class.items() if count > 0]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    # --- watching the disk --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Watch the folder in a background thread, until ``stop``."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._watch, name="folder index", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def refresh(self) -> None:
        """Check the folder now for added and removed images, and for XML files that another program changed.

        Raises:
            DataError: The folder can no longer be listed.
        """
        with self._working:
            images_changed = self._list_images()
            changed = self._read_annotations(images_changed)
        if images_changed:
            self._on_change(None)
        if changed:
            self._on_change(changed)

    def put(self, row: ImageRow, summary: AnnotationSummary | None, *, commented: bool) -> None:
        """Record what was just written for an image; None if its XML file was deleted."""
        with self._lock:
            for other in self._ordered:  # at once: the folder is not read again for what was written here
                if other is not row and other.annotation == row.annotation:
                    other.shared = summary is not None
            name = str(row.annotation)
            self._summaries.pop(name, None)
            self._set_summary(row, summary)
            stamp = stamp_of(row.annotation)
            if stamp is not None and summary is not None:
                self._summaries[name] = (stamp, summary)
            row.is_read, row.commented = True, commented
            self._settle(row)
            self.revision += 1
        self._on_change([row])

    def set_assessments(self, assessments: Mapping[str, Assessment | None]) -> None:
        """Record the model's assessments of some images, by their ids."""
        changed = []
        with self._lock:
            for image, assessment in assessments.items():
                row = self._rows.get(image)
                if row is not None and row.assessment != assessment:
                    row.assessment = assessment
                    self._settle(row)
                    changed.append(row)
            if changed:
                self.revision += 1
        if changed:
            self._on_change(changed)

    # --- internals ----------------------------------------------------------------------------------------------------

    def _set_summary(self, row: ImageRow, summary: AnnotationSummary | None) -> None:
        for each in row.summary.objects if row.summary is not None else ():
            self._boxes_of_class[each.name] -= 1
        for each in summary.objects if summary is not None else ():
            self._boxes_of_class[each.name] += 1
        row.summary = summary

    def _settle(self, row: ImageRow) -> None:
        self._images_in[row.state] -= 1
        row.settle()
        self._images_in[row.state] += 1

    def _watch(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            started = time.monotonic()
            try:
                self.refresh()
            except DataError:
                # A network folder may be unavailable for a moment: the images stay listed, and opening one reports
                # the problem.
                pause = 10 * _POLL_SECONDS
                continue
            pause = max(_POLL_SECONDS, (time.monotonic() - started) / _SEEN_SHARE)

    def _is_image(self, path: str) -> bool:
        # The common cases avoid creating a Path or opening a file: 20,000 names may be checked every few seconds.
        if os.path.splitext(path)[1].lower() in PICTURE_EXTENSIONS:
            return True
        relative = path[len(os.path.join(self.image_dir, "")) :].replace(os.sep, "/")
        return self._image_id(relative) in self._rows or is_image_file(Path(path))

    def _list_images(self) -> bool:
        """Update the rows from the image folder. Returns True if images were added, removed or replaced."""
        listing = files_below(self.image_dir, self.folder, self._is_image)
        found = listing.files
        if listing.closed != self._closed:
            self._closed = listing.closed
            _logger.warning("%d sub-folders cannot be listed and are left out", self._closed)
        comments = files_below(self.folder / HIDDEN_FOLDER / COMMENTS, self.folder, is_comment).files
        commented = {name[: -len(".txt")] for name in comments}
        with self._lock:
            before = self._rows
            rows: dict[str, ImageRow] = {}
            changed = len(found) != len(before)
            for name, stamp in found.items():
                key = self._image_id(name)
                row = before.get(key)
                if row is None:
                    path, shown = self.image_dir / name, printable(name)
                    own = self._annotations_of(name) / f"{path.stem}.xml"
                    row = ImageRow(
                        id=key,
                        relative=name,
                        name=shown,
                        folded=shown.casefold(),
                        path=path,
                        stamp=stamp,
                        own_annotation=own,
                        annotation=own,
                    )
                    self._images_in[row.state] += 1
                    changed = True
                elif row.stamp != stamp:
                    row.stamp, row.assessment = stamp, None
                    self._settle(row)
                    changed = True
                row.commented = name in commented
                rows[key] = row
            for key in before.keys() - rows.keys():
                self._set_summary(before[key], None)
                self._images_in[before[key].state] -= 1
            self.outside = listing.outside
            if changed or not self._ordered:
                self._rows = rows
                self._ordered = tuple(sorted(rows.values(), key=lambda row: _natural(row.folded)))
                self.revision += 1
        return changed

    def _image_id(self, relative: str) -> str:
        digest = self._hash.copy()
        digest.update(os.fsencode(relative))
        return digest.hexdigest()[:16]

    def _annotations_of(self, image: str) -> Path:
        """Where the XML file of an image lies, given by its path below the folder of images."""
        folder = image[: image.rfind("/") + 1]
        if folder not in self._partners:
            try:
                partner = annotation_folder(self.image_dir / folder) if folder else self.annotations_folder
            except OSError:  # gone since it was listed
                partner = self.image_dir / folder
            self._partners[folder] = partner
        return self._partners[folder]

    def _read_annotations(self, images_changed: bool) -> list[ImageRow]:
        """Read new and changed XML files and assign them to the images. Returns the rows that changed."""
        stamps: dict[str, Stamp] = {}
        for folder in dict.fromkeys((self.annotations_folder, *self._partners.values())):
            listing = files_in(folder, self.folder, is_xml)
            stamps.update((os.path.join(folder, name), stamp) for name, stamp in listing.files.items())
            self.outside += listing.outside
        with self._lock:
            known = dict(self._summaries)
        new = [name for name, stamp in stamps.items() if known.get(name, (None,))[0] != stamp]
        if self._assigned and not images_changed and not new and len(known) == len(stamps):
            return []
        for name in new:
            if self._stop.is_set():
                return []
            known[name] = (stamps[name], self._read(name))
        return self._assign({name: known[name] for name in sorted(stamps)})

    def _read(self, name: str) -> AnnotationSummary:
        try:
            return AnnotationSummary.of(parse_voc(read_voc_bytes(Path(name)), os.path.basename(name)))
        except DataError as error:
            return AnnotationSummary(None, fault=error.problem)

    def _matchers(self) -> dict[str, list[ImageIndex]]:
        """For each folder of XML files the images that they may belong to, the nearest first."""
        nearest: dict[str, list[Path]] = {str(folder): [] for folder in self._partners.values()}
        nearest.setdefault(str(self.annotations_folder), [])
        for row in self._ordered:
            nearest[str(self._annotations_of(row.relative))].append(row.path)
        found = {folder: [ImageIndex(those)] for folder, those in nearest.items()}
        if self.annotations_folder != self.image_dir:
            # LabelImg puts all XML files into the one folder that it was told, also those of images in sub-folders.
            found[str(self.annotations_folder)].append(ImageIndex(row.path for row in self._ordered))
        return found

    def _assign(self, summaries: dict[str, tuple[Stamp, AnnotationSummary]]) -> list[ImageRow]:
        """Assign XML files to images as the reader of Pascal VOC folders does: first come, first served."""
        rows = {row.path: row for row in self._ordered}
        matchers = self._matchers()
        owners: dict[str, str] = {}
        for name, (_, summary) in summaries.items():
            image = _match(matchers[os.path.dirname(name)], Path(name), summary.filename)
            if image is not None:
                owners.setdefault(rows[image].id, name)
        taken = set(owners.values())
        changed = []
        with self._lock:
            # A file saved while the others were being read is newer than what was read.
            for name, (stamp, summary) in self._summaries.items():
                if name in summaries and stamp[0] > summaries[name][0][0]:
                    summaries[name] = (stamp, summary)
            self._summaries, self._assigned = summaries, True
            for row in self._ordered:
                owned = owners.get(row.id)
                own_summary = None if owned is None else summaries[owned][1]
                found = (
                    row.own_annotation if owned is None else Path(owned),
                    own_summary,
                    owned is None and str(row.own_annotation) in taken,
                )
                if row.is_read and found == (row.annotation, row.summary, row.shared):
                    continue
                self._set_summary(row, own_summary)
                row.annotation, row.shared, row.is_read = found[0], found[2], True
                self._settle(row)
                changed.append(row)
            if changed:
                self.revision += 1
        return changed


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts image2 before image10, as LabelImg does."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name) if part]


def _match(nearest: Sequence[ImageIndex], annotation: Path, filename: str | None) -> Path | None:
    """The image of an annotation; None if it has none, or several by that name in different sub-folders."""
    for images in nearest:
        with suppress(DataError):
            if (found := images.match(annotation, filename)) is not None:
                return found
    return None
