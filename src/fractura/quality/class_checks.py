"""Checks of the class names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from fractura.core.errors import nearest_name
from fractura.formats.faults import unknown_class
from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import Snapshot

SIMILAR = 0.85


@check("classes.unknown", Severity.ERROR, "class names that are not among the given ones")
def unknown(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a box."""
    if snapshot.class_names is None:
        return
    for file in snapshot.annotations:
        objects = () if file.annotation is None else file.annotation.objects
        for number, each in zip(file.numbers, objects, strict=True):
            if each.name not in snapshot.class_names:
                yield Fault.of(unknown_class(each.name, snapshot.class_names, f"object {number}"), file.path)


@check("classes.similar_names", Severity.WARNING, "class names that may be one class spelled in two ways")
def similar_names(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a pair of names; an error where only case, spaces or accents differ."""
    for pair in similar_classes(snapshot.class_counts):
        yield Fault(
            pair.problem,
            _file_with(snapshot, pair.rarer),
            hint=f"if they are, rename '{pair.rarer}' to '{pair.other}'",
            severity=Severity.ERROR if pair.same else None,
        )


@check("classes.only_in_one_split", Severity.WARNING, "classes that only one of the two splits has")
def only_in_one_split(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a class."""
    if snapshot.against is None:
        return
    for here, there in ((snapshot, snapshot.against), (snapshot.against, snapshot)):
        for name in sorted(here.class_counts.keys() - there.class_counts.keys()):
            nearest = nearest_name(name, list(there.class_counts))
            meant = f"did you mean '{nearest}'? " if nearest else ""
            yield Fault(
                f"class '{name}' has {here.class_counts[name]} boxes here and none in {there.root}",
                _file_with(here, name),
                hint=f"{meant}A class must be in both, to be learnt and to be measured",
            )


class SimilarClasses(NamedTuple):
    """Two class names that may be one: what is odd, the rarer one, the other, and whether only the spelling differs."""

    problem: str
    rarer: str
    other: str
    same: bool


def similar_classes(counts: Mapping[str, int]) -> Iterator[SimilarClasses]:
    """Pairs of names that may be one class spelled in two ways.

    Args:
        counts: Number of boxes of each name.
    """
    for first, second in combinations(counts, 2):
        same = _plain(first) == _plain(second)
        if same or _one_slip_apart(first, second):
            rarer, other = sorted((first, second), key=lambda name: counts[name])
            problem = f"classes '{first}' ({counts[first]} boxes) and '{second}' ({counts[second]}) may be the same"
            yield SimilarClasses(problem, rarer, other, same)


def same_but_for_spelling(counts: dict[str, int]) -> dict[str, str]:
    """For each class name that another one differs from in case, accents and blanks only: the most frequent of them."""
    groups: dict[str, list[str]] = {}
    for name in counts:
        groups.setdefault(_plain(name), []).append(name)
    best = {plain: max(names, key=lambda name: counts[name]) for plain, names in groups.items()}
    return {name: best[_plain(name)] for name in counts if best[_plain(name)] != name}


def _plain(name: str) -> str:
    """``name`` without case, accents, spaces, hyphens and underscores."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c) and not c.isspace() and c not in "-_")


def _one_slip_apart(first: str, second: str) -> bool:
    """Nearly the same letters; names that differ in a digit are meant to differ."""
    a, b = _plain(first), _plain(second)
    digits = ["".join(c for c in name if c.isdigit()) for name in (a, b)]
    return digits[0] == digits[1] and SequenceMatcher(None, a, b).ratio() >= SIMILAR


def _file_with(snapshot: Snapshot, name: str) -> Path | None:
    for file in snapshot.annotations:
        if file.annotation is not None and any(each.name == name for each in file.annotation.objects):
            return file.path
    return None
