"""A cleaned copy of a data folder: what is certain is corrected, what cannot be used is left out, all is logged.

The original is never touched. Nothing is guessed: boxes are moved by nothing but cutting them at the image's edge, and
where two images of one picture are labelled differently neither is taken, as only a person can decide. Nor is an image
with a box that cannot be placed on it: without that box it would pass for an image on which nothing is broken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.boxes import Boxes
from fractura.core.csv_cell import csv_text
from fractura.core.errors import UsageError
from fractura.core.files import read_file, write_atomically
from fractura.core.leftovers import holds_nothing
from fractura.core.output_folder import left_unfinished, unfinished
from fractura.formats.faults import box_fault, reading_fault, size_fault
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.serializer import voc_bytes
from fractura.quality import CheckReport
from fractura.quality.box_checks import SAME_BOX_IOU
from fractura.quality.class_checks import same_but_for_spelling
from fractura.quality.registry import Severity
from fractura.quality.snapshot import AnnotationFile, Snapshot

LOG, IMAGES, ANNOTATIONS = "changes.csv", Path("images"), Path("annotations")


@dataclass(frozen=True)
class Change:
    """One thing that differs between the original and the copy.

    Attributes:
        file: Name of the image or annotation.
        action: ``left out`` or ``changed``.
        what: What was done, or why it was left out.
        check: Id of the check that asked for it.
    """

    file: str
    action: str
    what: str
    check: str


def write_fixed_copy(report: CheckReport, folder: Path) -> tuple[Change, ...]:
    """Write ``images/``, ``annotations/`` and ``changes.csv`` into a new folder.

    Args:
        report: Of the original.
        folder: Must not exist, or be empty, or be left by a run that was stopped; not inside the original.

    Returns:
        What was changed, in the order of the log.

    Raises:
        UsageError: The folder is the original, lies in it, or holds something.
        DataError: It cannot be written.
    """
    _refuse_target(report.root, folder)

    def clear() -> None:
        _refuse_target(report.root, folder)
        for name in left_unfinished(folder) or ():
            (folder / name).unlink(missing_ok=True)

    snapshot = report.snapshot
    changes: list[Change] = []
    left_out = _images_left_out(report, changes)
    with unfinished(folder, "check --fix", _files(snapshot), prepare=clear):
        _write(snapshot, left_out, folder, changes)
        write_atomically(folder / LOG, _log(changes))
    return tuple(changes)


def _files(snapshot: Snapshot) -> list[str]:
    """All that may be written."""
    found = [LOG]
    for file in snapshot.annotations:
        if file.image is not None:
            beside, place = _places(file)
            found += [beside.as_posix(), (place / file.image.path.name).as_posix()]
    return found


def _places(file: AnnotationFile) -> tuple[Path, Path]:
    """Where an annotation goes, and the folder of its image; in sub-folders they lie side by side."""
    images = IMAGES / file.subfolder
    return (ANNOTATIONS if file.subfolder == Path() else images) / file.path.name, images


def _write(snapshot: Snapshot, left_out: set[Path], folder: Path, changes: list[Change]) -> None:
    names = same_but_for_spelling(snapshot.class_counts)
    for file in snapshot.annotations:
        image = file.image
        if image is None:
            changes.append(Change(file.path.name, "left out", "its image is missing", "annotations.missing_image"))
        elif image.path not in left_out and image.size is not None and file.annotation is not None:
            fixed = _fixed(file, file.annotation, image.size, names, changes)
            same = fixed == file.annotation
            data = read_file(file.path) if same else voc_bytes(fixed)
            beside, place = _places(file)
            write_atomically(folder / beside, data)
            write_atomically(folder / place / image.path.name, read_file(image.path))


def _refuse_target(root: Path, folder: Path) -> None:
    if root.resolve() == folder.resolve() or root.resolve() in folder.resolve().parents:
        raise UsageError(
            f"'{folder}' lies in the data that is checked", hint="give a new folder elsewhere: the data stays as it is"
        )
    stopped = left_unfinished(folder) is not None
    if folder.exists() and not stopped and (not folder.is_dir() or not holds_nothing(folder)):
        raise UsageError(f"'{folder}' is there already and is not empty", hint="give a new folder")


def _images_left_out(report: CheckReport, changes: list[Change]) -> set[Path]:
    """Images that cannot be used, and copies beyond the first."""
    snapshot, left = report.snapshot, set[Path]()
    ours = {image.path for image in snapshot.images}

    def leave(image: Path | None, what: str, check: str) -> None:
        if image is not None and image not in left:
            left.add(image)
            changes.append(Change(image.name, "left out", what, check))

    for image in snapshot.images:
        files = snapshot.labelled.get(image.path, [])
        if image.fault is not None:
            leave(image.path, image.fault.problem, "images.unreadable")
        elif not files:
            leave(image.path, "it has no annotation", "images.unlabelled")
        elif len(files) > 1:
            leave(image.path, f"it has {len(files)} annotation files", "annotations.shared_image")
        elif files[0].annotation is None or files[0].faults:
            leave(image.path, "its annotation cannot be understood", "annotations.malformed")
        elif files[0].own_image not in (None, image.path):
            leave(image.path, f"its annotation {files[0].path.name} may be of another image", "annotations.other_image")
        elif image.size is not None and (reason := _size_in_doubt(files[0], image.size)):
            leave(image.path, reason, "annotations.size")
        elif image.size is not None and (reason := _box_without_place(files[0], image.size)):
            leave(image.path, reason, "boxes.invalid")
    for finding in report.findings:
        if finding.check == "duplicates.contradictory" and finding.file is not None:
            for path in (finding.file, *finding.others):
                leave(path, "the same picture is labelled differently elsewhere", finding.check)
        elif finding.check == "duplicates.identical":
            usable = [path for path in (finding.file, *finding.others) if path is not None and path not in left]
            for path in usable[1:]:
                leave(path, f"the same picture as {usable[0].name}", finding.check)
        elif (
            finding.check in ("duplicates.across_splits", "duplicates.near_across_splits") and finding.file is not None
        ):
            if finding.severity == Severity.ERROR:
                leave(finding.file, "its picture is in the other split", finding.check)
        elif finding.check == "duplicates.patient_across_splits":
            for each in (finding.file, *finding.others):
                if each in ours:
                    leave(each, "its patient is in the other split", finding.check)
        elif finding.check == "images.blank" and finding.severity == Severity.ERROR and finding.file is not None:
            leave(finding.file, "it shows nothing", finding.check)
    return left


def _size_in_doubt(file: AnnotationFile, size: tuple[int, int]) -> str | None:
    """Why a wrong <size> cannot simply be corrected: the boxes may have been drawn on another picture."""
    annotation = file.annotation
    if annotation is None or size_fault(annotation.size, size) is None or not annotation.objects:
        return None
    if (annotation.width, annotation.height) == (size[1], size[0]) and size[0] != size[1]:
        return "width and height are swapped: its boxes may have been drawn before the image was turned"
    if annotation.width and annotation.height:
        return "its boxes may have been drawn on an image of another size"
    outside = any(box_fault(each.corners, *size) for each in annotation.objects)
    return "its boxes do not fit the image" if outside else None


def _box_without_place(file: AnnotationFile, size: tuple[int, int]) -> str | None:
    """Why a box cannot be placed on the image: it is invalid, and cutting it at the edge does not repair it."""
    for number, each in zip(file.numbers, () if file.annotation is None else file.annotation.objects, strict=True):
        problem = box_fault(each.corners, *size)
        if problem is not None and not _cuts_little(each, _cut(each, *size)):
            return f"object {number}: {problem}, and only a person can say where it belongs: draw it again"
    return None


def _fixed(
    file: AnnotationFile, annotation: VocAnnotation, size: tuple[int, int], names: dict[str, str], changes: list[Change]
) -> VocAnnotation:
    """The annotation with its size, names and boxes put right."""

    def log(what: str, check: str) -> None:
        changes.append(Change(file.path.name, "changed", what, check))

    width, height = size
    if size_fault(annotation.size, size) is not None:
        log(f"size {annotation.width}x{annotation.height} is now {width}x{height}", "annotations.size")
        annotation = replace(annotation, width=width, height=height)
    kept: list[VocObject] = []
    for number, each in zip(file.numbers, annotation.objects, strict=True):
        if each.name in names:
            log(f"object {number}: class '{each.name}' is now '{names[each.name]}'", "classes.similar_names")
            each = replace(each, name=names[each.name])
        problem = box_fault(each.corners, width, height)
        if problem is not None:  # what cutting does not mend is left out with its image
            is_slight = reading_fault(each.corners, width, height) is None
            check = "boxes.over_edge" if is_slight else "boxes.invalid"
            log(f"object {number}: cut at the edge of the image ({problem})", check)
            each = _cut(each, width, height)
        if any(_same(each, other) for other in kept):
            log(f"object {number}: taken out, it repeats another", "boxes.duplicate")
            continue
        kept.append(each)
    return annotation if tuple(kept) == annotation.objects else replace(annotation, objects=tuple(kept))


def _cut(each: VocObject, width: int, height: int) -> VocObject:
    """The part of the box that is on the image."""
    return replace(
        each, xmin=max(0, each.xmin), ymin=max(0, each.ymin), xmax=min(width, each.xmax), ymax=min(height, each.ymax)
    )


def _cuts_little(each: VocObject, cut: VocObject) -> bool:
    """At least half of the box is on the image."""
    area = (each.xmax - each.xmin) * (each.ymax - each.ymin)
    left = max(0, cut.xmax - cut.xmin) * max(0, cut.ymax - cut.ymin)
    return each.xmax > each.xmin and each.ymax > each.ymin and left >= 0.5 * area


def _same(each: VocObject, other: VocObject) -> bool:
    overlap = Boxes([each.corners], [0]).iou(Boxes([other.corners], [0]))
    return each.name == other.name and float(overlap[0, 0]) >= SAME_BOX_IOU


def _log(changes: list[Change]) -> str:
    rows = [(each.file, each.action, each.what, each.check) for each in changes]
    return csv_text(("file", "action", "what", "check"), rows)
