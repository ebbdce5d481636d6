"""Filtering, ordering and cutting the film list: what the page shows of 20,000 films."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

from fractura.web.folder_index import FilmRow, FolderIndex, State


@dataclass(frozen=True)
class FilmQuery:
    """Which films, in which order.

    Attributes:
        states: Only these; all if empty.
        query: Only names that hold this, in lower case.
        order: By name, or the most uncertain first.
    """

    states: tuple[State, ...] = ()
    query: str = ""
    order: Literal["name", "uncertainty"] = "name"


@dataclass(frozen=True)
class ListPart:
    """A part of the filtered list.

    Attributes:
        rows: The films.
        total: Films in the filtered list.
        offset: Of the first one.
        position: Of the film that was asked for, or of the next one behind it; None if there is none.
        counts: Films of the whole folder by state.
        revision: Of the index.
    """

    rows: list[FilmRow]
    total: int
    offset: int
    position: int | None
    counts: dict[State, int]
    revision: int


def list_films(index: FolderIndex, wanted: FilmQuery, *, offset: int, limit: int, around: str | None) -> ListPart:
    """Cut a part out of the list.

    Args:
        index: The films.
        wanted: Filter and order.
        offset: Of the first film; not used with ``around``.
        limit: Most films.
        around: The part that this film lies in, whole parts of ``limit`` counted from the start.
    """
    revision = index.revision
    ordered = list(index.rows())
    if wanted.order == "uncertainty":
        ordered.sort(key=_certainty)
    places = [place for place, row in enumerate(ordered) if _is_wanted(row, wanted)]
    position: int | None = None
    if around is not None:
        at = next((place for place, row in enumerate(ordered) if row.id == around), len(ordered))
        position = bisect_left(places, at)
        if position == len(places):
            position = None
        offset = 0 if position is None else position // limit * limit
    rows = [ordered[place] for place in places[offset : offset + limit]]
    return ListPart(rows, len(places), offset, position, index.counts(), revision)


def _is_wanted(row: FilmRow, wanted: FilmQuery) -> bool:
    return (not wanted.states or row.state in wanted.states) and (not wanted.query or wanted.query in row.folded)


def _certainty(row: FilmRow) -> float:
    """Sort key; sorting keeps the order of names among equals, and films not looked at come last."""
    return -row.opinion.uncertainty if row.opinion is not None else 1.0
