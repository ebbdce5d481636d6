"""Checks for one picture that is there more than once."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.checks.findings import Severity
from fractura.checks.registry import Fault, check
from fractura.checks.snapshot import Film, Snapshot


@check("duplicates.identical", Severity.WARNING, "the same picture under several names")
def identical(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a picture; those with contradictory labels are left to their own check."""
    for films in _groups(snapshot):
        if not _contradicts(snapshot, films):
            how = "the same file" if len({film.bytes_hash for film in films}) == 1 else "the same pixels"
            yield Fault(
                f"is {how} as {_names(films[1:])}",
                films[0].path,
                way_out="keep one of them: copies count double and can end up in both splits",
                others=tuple(film.path for film in films[1:]),
            )


@check("duplicates.contradictory", Severity.ERROR, "the same picture with different labels")
def contradictory(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a picture."""
    for films in _groups(snapshot):
        if _contradicts(snapshot, films):
            yield Fault(
                f"is the same picture as {_names(films[1:])}, but is labelled differently: {_labels(snapshot, films)}",
                films[0].path,
                way_out="decide which label is right and keep that film only",
                others=tuple(film.path for film in films[1:]),
            )


@check("duplicates.both_splits", Severity.ERROR, "the same picture in both splits")
def both_splits(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film of this split."""
    if snapshot.against is None:
        return
    there: dict[str, list[Film]] = {}
    for film in snapshot.against.films:
        for key in {film.pixels_hash, film.bytes_hash} - {""}:
            there.setdefault(key, []).append(film)
    for film in snapshot.films:
        copies = there.get(film.pixels_hash) or there.get(film.bytes_hash)
        if copies:
            yield Fault(
                f"is in {snapshot.against.root} too, as {_names(copies)}",
                film.path,
                way_out="take it out of one of the splits: a film that was learnt cannot measure",
                others=tuple(copy.path for copy in copies),
            )


def _groups(snapshot: Snapshot) -> list[list[Film]]:
    """Films with the same pixels; the same bytes where they cannot be decoded."""
    groups: dict[str, list[Film]] = {}
    for film in snapshot.films:
        key = film.pixels_hash or film.bytes_hash
        if key:
            groups.setdefault(key, []).append(film)
    return [films for films in groups.values() if len(films) > 1]


def _names(films: list[Film]) -> str:
    return ", ".join(film.path.name for film in films[:3]) + (", …" if len(films) > 3 else "")


def _classes(snapshot: Snapshot, film: Film) -> tuple[str, ...] | None:
    """Class names of a film's boxes, sorted; None if it is not labelled."""
    files = [file for file in snapshot.labelled.get(film.path, []) if file.annotation is not None and not file.faults]
    if not files:
        return None
    return tuple(sorted(each.name for file in files if file.annotation for each in file.annotation.objects))


def _contradicts(snapshot: Snapshot, films: list[Film]) -> bool:
    """True if the films do not all show the same classes; how many boxes of each, people may draw differently."""
    labels = {frozenset(classes) for film in films if (classes := _classes(snapshot, film)) is not None}
    return len(labels) > 1


def _labels(snapshot: Snapshot, films: list[Film]) -> str:
    said = []
    for film in films:
        classes = _classes(snapshot, film)
        if classes is not None:
            said.append(f"{film.path.name}: {', '.join(classes) or 'nothing'}")
    return "; ".join(said)
