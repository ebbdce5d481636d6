"""Which images of a folder are of the same study or patient, as far as their DICOM headers say; kept in memory only."""

from __future__ import annotations

import threading
from collections.abc import Hashable
from typing import Literal

from fractura.core.errors import DataError
from fractura.imaging.dicom import ImageFacts
from fractura.imaging.reader import radiograph_facts
from fractura.web.folder_index import FolderIndex, ImageRow

Relation = Literal["study", "patient"]


class RelatedImages:
    """Finds the images that belong together. Headers are read when somebody asks, and each once.

    Args:
        index: The images.
    """

    def __init__(self, index: FolderIndex) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._facts: dict[str, tuple[Hashable, ImageFacts]] = {}

    def of(self, row: ImageRow) -> list[tuple[ImageRow, Relation]] | None:
        """The other images of its study, then those of its patient.

        Returns:
            None if the file does not say whose image it is.
        """
        with self._lock:
            own = self._read(row)
            if own.study is None and own.patient is None:
                return None
            found = [(other, _relation(own, self._read(other))) for other in self._index.rows() if other.id != row.id]
        return [(other, wanted) for wanted in ("study", "patient") for other, relation in found if relation == wanted]

    def _read(self, row: ImageRow) -> ImageFacts:
        known = self._facts.get(row.id)
        if known is not None and known[0] == row.stamp:
            return known[1]
        try:
            facts = radiograph_facts(row.path)
        except DataError:  # opening the image reports it
            facts = ImageFacts()
        self._facts[row.id] = (row.stamp, facts)
        return facts


def _relation(one: ImageFacts, other: ImageFacts) -> Relation | None:
    if one.study is not None and one.study == other.study:
        return "study"
    return "patient" if one.patient is not None and one.patient == other.patient else None
