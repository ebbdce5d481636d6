"""Filtering, ordering and cutting the image list: what the page shows of 20,000 images."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fractura.web.folder_index import STATES, FolderIndex, ImageRow, State

_LISTS_KEPT = 20


@dataclass(frozen=True)
class ImageQuery:
    """Which images, in which order.

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
        rows: The images.
        total: Images in the filtered list.
        offset: Of the first one.
        position: Of the image that was asked for, or of the next one behind it; None if there is none.
        counts: Images of the whole folder by state.
        revision: Of the index.
    """

    rows: Sequence[ImageRow]
    total: int
    offset: int
    position: int | None
    counts: dict[State, int]
    revision: int


class ImageLister:
    """Cuts parts out of the list. The last few filtered lists are kept until the folder changes.

    Args:
        index: The images.
    """

    def __init__(self, index: FolderIndex) -> None:
        self._index = index
        self._revision = -1
        self._places: dict[ImageQuery, _Filtered] = {}
        self._counts: dict[State, int] = {}

    def part(self, wanted: ImageQuery, *, offset: int, limit: int, around: str | None) -> ListPart:
        """A part of a filtered list.

        Args:
            wanted: Filter and order.
            offset: Of the first image; not used with ``around``.
            limit: Most images.
            around: The part that this image lies in, whole parts of ``limit`` counted from the start.
        """
        revision = self._index.revision
        if revision != self._revision:
            self._places, self._counts, self._revision = {}, self._index.counts(), revision
        filtered = self._places.get(wanted)
        if filtered is None:
            if len(self._places) >= _LISTS_KEPT:
                self._places.clear()
            filtered = self._places[wanted] = _Filtered.of(self._index.rows(), wanted)
        position = None if around is None else filtered.position_of(around)
        if around is not None:
            offset = 0 if position is None else position // limit * limit
        rows = filtered.rows[offset : offset + limit]
        return ListPart(rows, len(filtered.rows), offset, position, self._counts, revision)


@dataclass(frozen=True)
class _Filtered:
    """A filtered list.

    Attributes:
        ordered: All images in its order.
        rows: Those that are wanted.
        places: Their places in ``ordered``.
    """

    ordered: Sequence[ImageRow]
    rows: Sequence[ImageRow]
    places: Sequence[int]

    @classmethod
    def of(cls, rows: Sequence[ImageRow], wanted: ImageQuery) -> _Filtered:
        ordered = sorted(rows, key=_certainty) if wanted.order == "uncertainty" else rows
        if not wanted.states and not wanted.query:
            return cls(ordered, ordered, range(len(ordered)))
        states, query = frozenset(wanted.states or STATES), wanted.query
        if query:
            places = [place for place, row in enumerate(ordered) if query in row.folded and row.state in states]
        else:
            places = [place for place, row in enumerate(ordered) if row.state in states]
        return cls(ordered, [ordered[place] for place in places], places)

    def position_of(self, image: str) -> int | None:
        """Of an image in the filtered list, or of the next one behind it; None if there is none."""
        at = next((place for place, row in enumerate(self.ordered) if row.id == image), len(self.ordered))
        position = bisect_left(self.places, at)
        return position if position < len(self.places) else None


def _certainty(row: ImageRow) -> float:
    """Sort key; sorting keeps the order of names among equals, and images not examined come last."""
    return -row.opinion.uncertainty if row.opinion is not None else 1.0
