"""Checks of annotation files and of how they fit their films."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.formats.validation import size_fault
from fractura.quality.findings import Severity
from fractura.quality.registry import Fault, check
from fractura.quality.snapshot import Snapshot


@check("annotations.malformed", Severity.ERROR, "annotation files or fields that cannot be understood")
def malformed(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a fault."""
    for file in snapshot.annotations:
        for fault in file.faults:
            yield Fault.of(fault, file.path)


@check("annotations.without_film", Severity.ERROR, "annotation files whose film is missing")
def without_film(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for file in snapshot.annotations:
        if file.film is None:
            written = None if file.annotation is None else file.annotation.filename
            yield Fault(
                f"its film '{written or file.path.stem}' is not there",
                file.path,
                way_out="put the film back under that name, or take the annotation out",
            )


@check("annotations.shared_film", Severity.ERROR, "several annotation files for one film")
def shared_film(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film, files in snapshot.labelled.items():
        if len(files) > 1:
            names = ", ".join(file.path.name for file in files)
            yield Fault(
                f"has {len(files)} annotation files: {names}",
                film,
                way_out="keep one of them, and correct <filename> in the others",
                others=tuple(file.path for file in files),
            )


@check("annotations.turned_film", Severity.NOTE, "boxes on films that are displayed turned (EXIF orientation)")
def turned_film(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film with boxes.

    A warning where the two possible sizes of the film are one, upside down or square, as nothing in the file then tells
    on which of them the boxes were drawn. A swapped size is an error of ``annotations.size``.
    """
    for file in snapshot.annotations:
        film, annotation = file.film, file.annotation
        if film is None or film.size is None or annotation is None or not annotation.objects or film.orientation == 1:
            continue
        if size_fault(annotation, film.size) is not None:
            continue
        untold = film.orientation < 5 or film.size[0] == film.size[1]
        yield Fault(
            f"its film is displayed turned (EXIF orientation {film.orientation})"
            + (", and its size does not tell on which way up the boxes were drawn" if untold else ""),
            file.path,
            way_out="look whether the boxes sit on the bone; if so, save the film turned, without the EXIF tag",
            severity=Severity.WARNING if untold else None,
        )


@check("annotations.size", Severity.ERROR, "<size> that is not the film's")
def size(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for file in snapshot.annotations:
        if file.annotation is not None and file.film is not None and file.film.size is not None:
            fault = size_fault(file.annotation, file.film.size)
            if fault is not None:
                yield Fault(fault[0], file.path, way_out=fault[1])
