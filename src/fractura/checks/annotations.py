"""Checks of annotation files and of how they fit their films."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.checks.findings import Severity
from fractura.checks.registry import Fault, check
from fractura.checks.snapshot import Snapshot
from fractura.formats.voc_rules import size_fault


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


@check("annotations.size", Severity.ERROR, "<size> that is not the film's")
def size(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for file in snapshot.annotations:
        if file.annotation is not None and file.film is not None and file.film.size is not None:
            fault = size_fault(file.annotation, file.film.size)
            if fault is not None:
                yield Fault(fault[0], file.path, way_out=fault[1])
