"""Checks of annotation files and of how they fit their images."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.formats.faults import size_fault
from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import Snapshot


@check("annotations.malformed", Severity.ERROR, "annotation files or fields that cannot be understood")
def malformed(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a fault."""
    for file in snapshot.annotations:
        for fault in file.faults:
            yield Fault.of(fault, file.path)


@check("annotations.missing_image", Severity.ERROR, "annotation files whose image is missing")
def missing_image(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for file in snapshot.annotations:
        if file.image is None:
            written = None if file.annotation is None else file.annotation.filename
            yield Fault(
                f"its image '{written or file.path.stem}' is not there",
                file.path,
                hint="put the image back under that name, or take the annotation out",
            )


@check("annotations.other_image", Severity.ERROR, "annotation files that name another image than their own")
def other_image(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file that is named after one image and names another, where both are there."""
    for file in snapshot.annotations:
        if file.image is not None and file.own_image not in (None, file.image.path):
            yield Fault(
                f"names the image {file.image.path.name}, but is itself named after {file.own_image.name}, which is "
                "there, too",
                file.path,
                hint="correct <filename>, or rename the file",
                others=(file.image.path, file.own_image),
            )


@check("annotations.shared_image", Severity.ERROR, "several annotation files for one image")
def shared_image(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image, files in snapshot.labelled.items():
        if len(files) > 1:
            names = ", ".join(file.path.name for file in files)
            yield Fault(
                f"has {len(files)} annotation files: {names}",
                image,
                hint="keep one of them, and correct <filename> in the others",
                others=tuple(file.path for file in files),
            )


@check("annotations.rotated_image", Severity.NOTE, "boxes on images that are displayed rotated (EXIF orientation)")
def rotated_image(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image with boxes.

    A warning where the two possible sizes of the image are one, upside down or square, as nothing in the file then
    shows on which of them the boxes were drawn. A swapped size is an error of ``annotations.size``.
    """
    for file in snapshot.annotations:
        image, annotation = file.image, file.annotation
        if (
            image is None
            or image.size is None
            or annotation is None
            or not annotation.objects
            or image.orientation == 1
        ):
            continue
        if size_fault(annotation.size, image.size) is not None:
            continue
        ambiguous = image.orientation < 5 or image.size[0] == image.size[1]
        yield Fault(
            f"its image is displayed rotated (EXIF orientation {image.orientation})"
            + (", and its size does not show which way up the boxes were drawn" if ambiguous else ""),
            file.path,
            hint="check that the boxes sit on the bone; if so, save the image rotated, without the EXIF tag",
            severity=Severity.WARNING if ambiguous else None,
        )


@check("annotations.size", Severity.ERROR, "<size> that is not the image's")
def size(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for file in snapshot.annotations:
        if file.annotation is not None and file.image is not None and file.image.size is not None:
            fault = size_fault(file.annotation.size, file.image.size, orientation=file.image.orientation)
            if fault is not None:
                yield Fault(fault[0], file.path, hint=fault[1])
