"""Detections per image and model, computed once and looked up by the digests of both."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.boxes import Boxes
from fractura.core.image_score import image_score
from fractura.evaluation.classes import match_names
from fractura.imaging.dicom import DicomIdentifiers
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import ImageRow, image_row
from fractura.web.folder_listing import Stamp
from fractura.web.schemas import Corners, ScoredBox

LOWEST_SCORE = 0.05
"""Detections below this score are dropped: the page's slider ends here."""
_logger = logging.getLogger(__name__)
_TABLES = """
CREATE TABLE IF NOT EXISTS detections (
    model TEXT, image TEXT, width INTEGER, height INTEGER, detections TEXT, image_score REAL, warning TEXT,
    PRIMARY KEY (model, image)
);
CREATE TABLE IF NOT EXISTS images (name TEXT PRIMARY KEY, stamp TEXT, image TEXT);
SELECT warning FROM detections LIMIT 0;
"""
# The last statement fails on a file with other columns, which is then replaced like a damaged one.


@dataclass(frozen=True)
class ImageDetections:
    """What a model found on one image.

    Attributes:
        width: Pixels, as displayed.
        height: Pixels, as displayed.
        detections: Down to ``LOWEST_SCORE``, best first.
        image_score: Of the best candidate, whatever its score; see ``fractura.core.image_score``.
        warning: That the image is outside what the model was trained on; see ``fractura.inference.domain``.
    """

    width: int
    height: int
    detections: tuple[ScoredBox, ...]
    image_score: float
    warning: str | None = None

    def above(self, threshold: float) -> ImageDetections:
        """The detections whose score is at least ``threshold``."""
        return replace(self, detections=tuple(each for each in self.detections if each.score >= threshold))

    def boxes(self, class_names: Sequence[str]) -> Boxes:
        """The detections with the positions of their names among ``class_names`` as labels."""
        return Boxes(
            [each.corners for each in self.detections],
            [class_names.index(each.name) for each in self.detections],
            [each.score for each in self.detections],
        )

    def row(self, image: str, origin: ResultOrigin, identifiers: DicomIdentifiers | None = None) -> ImageRow:
        """The image's entry in ``results.json``, as ``fractura detect`` writes it.

        Args:
            image: Its name.
            origin: The model, and the threshold that its answer is given at.
            identifiers: Of the image, where somebody asked for them.

        Raises:
            ModelError: The card's calibration is not one.
        """
        class_names = origin.card.class_names
        return image_row(
            image,
            self.boxes(class_names),
            size=(self.width, self.height),
            image_score=self.image_score,
            class_names=class_names,
            threshold=origin.settings.threshold,
            calibrator=origin.calibrator,
            identifiers=identifiers,
            warning=self.warning,
        )

    def renamed(self, class_names: Sequence[str], folder_names: Sequence[str]) -> ImageDetections:
        """The detections under the class names that a folder uses, matched as ``match_names`` does.

        The boxes of a model that says "fracture" thus fit into a folder labelled "Fractura".

        Args:
            class_names: All classes of the model.
            folder_names: All class names in the folder.
        """
        names = match_names(class_names, folder_names)
        return replace(
            self,
            detections=tuple(
                each.model_copy(update={"name": names.get(each.name, each.name)}) for each in self.detections
            ),
        )


def scored_box(name: str, corners: Corners, score: float) -> ScoredBox:
    """A detection from its class name, its corners (left, top, right, bottom) and its score."""
    left, top, right, bottom = corners
    return ScoredBox(name=name, xmin=left, ymin=top, xmax=right, ymax=bottom, score=score)


def image_detections(
    boxes: Boxes, class_names: Sequence[str], width: int, height: int, warning: str | None = None
) -> ImageDetections:
    """A model's scored boxes, clipped to the image, and what there is to warn of."""
    kept = boxes.above(LOWEST_SCORE).clip(width, height)
    scores = [1.0] * len(kept) if kept.scores is None else kept.scores.tolist()
    detections = []
    for corners, label, score in zip(kept.xyxy.tolist(), kept.labels.tolist(), scores, strict=True):
        left, top, right, bottom = (round(value, 2) for value in corners)
        detections.append(scored_box(class_names[label], (left, top, right, bottom), round(score, 6)))
    return ImageDetections(width, height, tuple(detections), round(image_score(boxes), 6), warning)


class DetectionCache:
    """Stores detections in a SQLite file, or in memory.

    Args:
        path: The file, created if missing; None keeps everything in memory. It holds nothing that cannot be computed
            again: a damaged file is replaced, and where none can be written the cache lives in memory.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        if path is not None and not _can_write(path):
            _logger.warning("%s cannot be written: detections are kept in memory only", path)
            path = None
        try:
            self._database = _open(path)
        except sqlite3.DatabaseError:
            if path is None:
                raise
            _logger.warning("the cache of detections is damaged and will be rebuilt")
            path.unlink()
            self._database = _open(path)

    def get(self, model: str, image: str) -> ImageDetections | None:
        """The detections of a model on an image, both given by their digests."""
        with self._lock:
            row = self._database.execute(
                "SELECT width, height, detections, image_score, warning FROM detections WHERE model = ? AND image = ?",
                (model, image),
            ).fetchone()
        return None if row is None else _image_detections(*row)

    def put(self, model: str, image: str, found: ImageDetections) -> None:
        """Store the detections of a model on an image."""
        text = json.dumps([[each.name, *each.corners, each.score] for each in found.detections], ensure_ascii=False)
        with self._lock, self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO detections VALUES (?, ?, ?, ?, ?, ?, ?)",
                (model, image, found.width, found.height, text, found.image_score, found.warning),
            )

    def note_file(self, name: str, stamp: Stamp, image: str) -> None:
        """Store the digest of a file in the folder, so that it need not be read again."""
        with self._lock, self._database:
            self._database.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?)", (name, stamp_text(stamp), image))

    def of_file(self, model: str, name: str, stamp: Stamp) -> ImageDetections | None:
        """The detections of a model on a file of the folder, if the file has not changed since."""
        with self._lock:
            row = self._database.execute(
                "SELECT width, height, detections, image_score, warning FROM images JOIN detections "
                "ON detections.image = images.image "
                "WHERE detections.model = ? AND images.name = ? AND images.stamp = ?",
                (model, name, stamp_text(stamp)),
            ).fetchone()
        return None if row is None else _image_detections(*row)

    def of_files(self, model: str) -> dict[tuple[str, str], ImageDetections]:
        """The detections of a model on all files of the folder, by name and stamp (see ``stamp_text``)."""
        with self._lock:
            rows = self._database.execute(
                "SELECT name, stamp, width, height, detections, image_score, warning FROM images JOIN detections "
                "ON detections.image = images.image WHERE detections.model = ?",
                (model,),
            ).fetchall()
        return {(name, stamp): _image_detections(*rest) for name, stamp, *rest in rows}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def stamp_text(stamp: Stamp) -> str:
    """A stamp as the cache stores it."""
    return "-".join(str(part) for part in stamp)


def _can_write(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _open(path: Path | None) -> sqlite3.Connection:
    database = sqlite3.connect(":memory:" if path is None else path, check_same_thread=False)
    try:
        database.executescript(_TABLES)
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _image_detections(width: int, height: int, text: str, best: float, warning: str | None) -> ImageDetections:
    detections = tuple(scored_box(name, tuple(corners), score) for name, *corners, score in json.loads(text))
    return ImageDetections(width, height, detections, best, warning)
