"""Filters, orders and pages the image list, so that the page can show a part of 20,000 images."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fractura.web.folder_index import STATES, FolderIndex, ImageRow, ImageState
from fractura.web.schemas import ImageItem

_LISTS_KEPT = 20


@dataclass(frozen=True)
class ImageQuery:
    """Which images, in which order.

    Attributes:
        states: Only images in these states; all if empty.
        query: Only names that contain this text, which is in lower case.
        order: By name, or the most uncertain first.
    """

    states: tuple[ImageState, ...] = ()
    query: str = ""
    order: Literal["name", "uncertainty"] = "name"


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """A page of the filtered list.

    Attributes:
        rows: Its images.
        total: Number of images in the filtered list.
        offset: Position of the first row.
        position: Of the requested image, or of the next one after it; None if there is none.
        counts: Number of images of the whole folder in each state.
        revision: Of the index.
    """

    rows: Sequence[ImageRow]
    total: int
    offset: int
    position: int | None
    counts: dict[ImageState, int]
    revision: int


class ImageLister:
    """Serves pages of the list. The last few filtered lists are cached until the folder changes.

    Args:
        index: The images.
    """

    def __init__(self, index: FolderIndex) -> None:
        self._index = index
        self._revision = -1
        self._lists: dict[ImageQuery, _Filtered] = {}
        self._counts: dict[ImageState, int] = {}

    def page(self, wanted: ImageQuery, *, offset: int, limit: int, around: str | None) -> ListPage:
        """A page of a filtered list.

        Args:
            wanted: Filter and order.
            offset: Position of the first image; ignored with ``around``.
            limit: Most images.
            around: Return the page that contains this image, in pages of ``limit`` images.
        """
        revision = self._index.revision
        if revision != self._revision:
            self._lists, self._counts, self._revision = {}, self._index.counts(), revision
        filtered = self._lists.get(wanted)
        if filtered is None:
            if len(self._lists) >= _LISTS_KEPT:
                self._lists.clear()
            filtered = self._lists[wanted] = _Filtered.of(self._index.rows(), wanted)
        position = None if around is None else filtered.position_of(around)
        if around is not None:
            offset = 0 if position is None else position // limit * limit
        rows = filtered.rows[offset : offset + limit]
        return ListPage(
            rows=rows,
            total=len(filtered.rows),
            offset=offset,
            position=position,
            counts=self._counts,
            revision=revision,
        )


def image_item(row: ImageRow) -> ImageItem:
    """An image as the API lists it."""
    summary, assessment = row.summary, row.assessment
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "boxes": None if summary is None or summary.fault is not None else len(summary.objects),
        "uncertainty": None if assessment is None else round(assessment.uncertainty, 4),
        "disagreeing": row.state == "disagreeing",
        "comment": row.commented,
    }


@dataclass(frozen=True)
class _Filtered:
    """A filtered list.

    Attributes:
        ordered: All images in its order.
        rows: Those that match.
        places: Their positions in ``ordered``.
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
        """Of an image in the filtered list, or of the next one after it; None if there is none."""
        at = next((place for place, row in enumerate(self.ordered) if row.id == image), len(self.ordered))
        position = bisect_left(self.places, at)
        return position if position < len(self.places) else None


def _certainty(row: ImageRow) -> float:
    """Sort key; sorting is stable, so equals stay in the order of names, and images not yet processed come last."""
    return -row.assessment.uncertainty if row.assessment is not None else 1.0
