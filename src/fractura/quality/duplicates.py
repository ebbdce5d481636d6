"""Checks for one picture that is there more than once."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.quality.findings import Severity
from fractura.quality.near_duplicates import SURE, NearIdentical
from fractura.quality.registry import Fault, check
from fractura.quality.snapshot import Film, Snapshot


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


@check("duplicates.near_identical", Severity.WARNING, "nearly the same picture under several names")
def near(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a pair."""
    ours = {film.path for film in snapshot.films}
    for pair in snapshot.lookalikes:
        if pair.second.path in ours:
            said = [_classes(snapshot, film) for film in (pair.first, pair.second)]
            differ = None not in said and set(said[0] or ()) != set(said[1] or ())
            yield Fault(
                f"{_how(pair)} {pair.second.path.name}"
                + (f", but is labelled differently: {_labels(snapshot, [pair.first, pair.second])}" if differ else ""),
                pair.first.path,
                way_out="compare the two; keep one if they are one exposure, saved again, scaled or mirrored",
                others=(pair.second.path,),
            )


@check("duplicates.near_both_splits", Severity.ERROR, "nearly the same picture in both splits")
def near_both_splits(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a pair; a warning where the likeness leaves a doubt."""
    if snapshot.against is None:
        return
    ours = {film.path for film in snapshot.films}
    for pair in snapshot.lookalikes:
        if pair.second.path not in ours:
            yield Fault(
                f"{_how(pair)} {pair.second.path.name} in {snapshot.against.root}",
                pair.first.path,
                way_out="take it out of one split if it is one exposure: a film that was learnt cannot measure",
                others=(pair.second.path,),
                severity=None if pair.likeness >= SURE else Severity.WARNING,
            )


@check("duplicates.patient_in_both_splits", Severity.ERROR, "films of one patient in both splits")
def patient_in_both_splits(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a patient; who it is, is not said."""
    if snapshot.against is None:
        return
    there: dict[str, list[Film]] = {}
    for film in snapshot.against.films:
        if film.facts.patient is not None:
            there.setdefault(film.facts.patient, []).append(film)
    here: dict[str, list[Film]] = {}
    for film in snapshot.films:
        if film.facts.patient in there:
            here.setdefault(str(film.facts.patient), []).append(film)
    for patient, films in here.items():
        others = there[patient]
        yield Fault(
            f"{len(films)} films here ({_names(films)}) and {len(others)} in {snapshot.against.root} "
            f"({_names(others)}) are of one patient",
            films[0].path,
            way_out="keep each patient in one split: bones of one person look alike",
            others=tuple(film.path for film in (*films[1:], *others)),
        )


def _how(pair: NearIdentical) -> str:
    return "shows the same exposure as" if pair.likeness >= SURE else "looks very much like"


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
