"""Checks of the films themselves."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.checks.findings import Severity
from fractura.checks.registry import Fault, check
from fractura.checks.snapshot import Snapshot


@check("films.unreadable", Severity.ERROR, "films that are truncated, damaged or no pictures")
def unreadable(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film in snapshot.films:
        if film.fault is not None:
            yield Fault.of(film.fault, film.path)


@check("films.unlabelled", Severity.WARNING, "films without an annotation file")
def unlabelled(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film in snapshot.films:
        if film.path not in snapshot.labelled:
            yield Fault(
                "has no annotation file and will not be used",
                film.path,
                way_out="label it; if nothing is broken on it, save an XML file without objects",
            )
