"""The images of a folder with their states, kept in memory for the image list.

The two folders are listed with ``os.scandir``; no image is opened. An annotation is read, in a background thread, when
its size or modification time has changed: the list of 20,000 images appears at once and its states a moment later.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from fractura.core.errors import DataError
from fractura.formats.image_index import ImageIndex
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.decisions import HIDDEN_FOLDER
from fractura.formats.voc.layout import voc_folders
from fractura.formats.voc.parser import parse_voc, read_voc_bytes
from fractura.imaging.reader import PICTURE_EXTENSIONS, is_image_file
from fractura.inference.results import printable
from fractura.web.comments import COMMENTS

ImageState = Literal["reading", "unlabelled", "suggested", "labelled", "verified", "disagreeing", "malformed"]
STATES: tuple[ImageState, ...] = get_args(ImageState)
_DIGITS = re.compile(r"(\d+)")
_POLL_SECONDS = 2.0
_SEEN_SHARE = 0.05

Stamp = tuple[int, int, int]


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
        id: 16 hex digits of SHA-256 over the file name: addresses contain no file names.
        name: File name, printable.
        path: The image file.
        stamp: Modification time, size and inode of the image file.
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
    name: str
    path: Path
    stamp: Stamp
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


def image_id(name: str) -> str:
    """The id of the image with this file name."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


class FolderIndex:
    """The images of one folder.

    Args:
        folder: ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or all in one folder.
        on_change: Called without any lock held: with the rows that changed, or with None when images were added or
            removed.

    Attributes:
        image_dir: Folder of the images.
        annotations_folder: Folder of the XML files; may not exist yet.
        revision: Increases with every change.
        outside: Number of links that lead out of the folder and are skipped.

    Raises:
        DataError: There is no such folder, or it cannot be listed.
    """

    def __init__(self, folder: Path, on_change: Callable[[list[ImageRow] | None], None]) -> None:
        self.folder = Path(folder).resolve()
        self.image_dir, self.annotations_folder = _image_and_annotation_folders(self.folder)
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
        self._assigned = False
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
            name = row.annotation.name
            self._summaries.pop(name, None)
            self._set_summary(row, summary)
            stamp = _stamp_of(row.annotation)
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

    def _is_image(self, name: str) -> bool:
        # The common cases avoid creating a Path or opening a file: 20,000 names may be checked every few seconds.
        if os.path.splitext(name)[1].lower() in PICTURE_EXTENSIONS or image_id(name) in self._rows:
            return True
        return is_image_file(self.image_dir / name)

    def _list_images(self) -> bool:
        """Update the rows from the image folder. Returns True if images were added, removed or replaced."""
        found, outside = _entries(self.image_dir, self.folder, self._is_image)
        comments, _ = _entries(self.folder / HIDDEN_FOLDER / COMMENTS, self.folder, lambda name: name.endswith(".txt"))
        commented = {name[: -len(".txt")] for name in comments}
        with self._lock:
            before = self._rows
            rows: dict[str, ImageRow] = {}
            changed = len(found) != len(before)
            for name, stamp in found.items():
                key = image_id(name)
                row = before.get(key)
                if row is None:
                    path, shown = self.image_dir / name, printable(name)
                    row = ImageRow(
                        id=key,
                        name=shown,
                        folded=shown.casefold(),
                        path=path,
                        stamp=stamp,
                        annotation=self.annotations_folder / f"{path.stem}.xml",
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
            self.outside = outside
            if changed or not self._ordered:
                self._rows = rows
                self._ordered = tuple(sorted(rows.values(), key=lambda row: _natural(row.folded)))
                self.revision += 1
        return changed

    def _read_annotations(self, images_changed: bool) -> list[ImageRow]:
        """Read new and changed XML files and assign them to the images. Returns the rows that changed."""
        stamps, outside = _entries(self.annotations_folder, self.folder, lambda name: name.lower().endswith(".xml"))
        self.outside += outside
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
            return AnnotationSummary.of(parse_voc(read_voc_bytes(self.annotations_folder / name), name))
        except DataError as error:
            return AnnotationSummary(None, fault=error.problem)

    def _assign(self, summaries: dict[str, tuple[Stamp, AnnotationSummary]]) -> list[ImageRow]:
        """Assign XML files to images as the reader of Pascal VOC folders does: first come, first served."""
        rows = {row.path: row for row in self._ordered}
        matcher = ImageIndex(tuple(rows))
        owners: dict[str, str] = {}
        for name, (_, summary) in summaries.items():
            image = matcher.match(self.annotations_folder / name, summary.filename)
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
                owned, own = owners.get(row.id), f"{row.path.stem}.xml"
                own_summary = None if owned is None else summaries[owned][1]
                found = (self.annotations_folder / (owned or own), own_summary, owned is None and own in taken)
                if row.is_read and found == (row.annotation, row.summary, row.shared):
                    continue
                self._set_summary(row, own_summary)
                row.annotation, row.shared, row.is_read = found[0], found[2], True
                self._settle(row)
                changed.append(row)
            if changed:
                self.revision += 1
        return changed


def _image_and_annotation_folders(folder: Path) -> tuple[Path, Path]:
    """The folders of images and annotations; ``annotations/`` next to ``images/`` is created with the first file."""
    images, annotations = voc_folders(folder)
    subfolder = folder / "images"
    if images == folder and subfolder.is_dir() and not any(is_image_file(entry) for entry in folder.iterdir()):
        return subfolder, folder / "annotations"
    return images, annotations


def _entries(folder: Path, root: Path, is_wanted: Callable[[str], bool]) -> tuple[dict[str, Stamp], int]:
    """Wanted, non-hidden files of a folder with their stamps, and the number of links that lead out of ``root``."""
    try:
        with os.scandir(folder) as listing:
            entries = [entry for entry in listing if not entry.name.startswith(".") and is_wanted(entry.name)]
    except FileNotFoundError:
        return {}, 0
    except OSError as error:
        raise DataError(
            f"cannot be listed: {error.strerror or error}",
            file=folder,
            hint="check that you have permission to read the folder",
        ) from error
    found: dict[str, Stamp] = {}
    outside = 0
    for entry in entries:
        try:
            if not entry.is_file():
                continue
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(root):
                outside += 1
                continue
            status = entry.stat()
        except OSError:  # deleted since it was listed
            continue
        found[entry.name] = (status.st_mtime_ns, status.st_size, status.st_ino)
    return found, outside


def _stamp_of(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts image2 before image10, as LabelImg does."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in _DIGITS.split(name) if part]
