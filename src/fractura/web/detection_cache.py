"""What a model detections on images: found once, then remembered by the image's bytes and the model's."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fractura.core.boxes import Boxes
from fractura.evaluation.classes import match_names
from fractura.web.folder_index import Stamp

LOWEST_SCORE = 0.05
"""Detections below are not kept: the page's slider ends here."""
_logger = logging.getLogger(__name__)
_TABLES = """
CREATE TABLE IF NOT EXISTS detections (
    model TEXT, image TEXT, width INTEGER, height INTEGER, detections TEXT, PRIMARY KEY (model, image)
);
CREATE TABLE IF NOT EXISTS images (name TEXT PRIMARY KEY, stamp TEXT, image TEXT);
"""


@dataclass(frozen=True)
class Detection:
    """One detection: class name, left, top, right, bottom in pixels of the displayed image, score."""

    name: str
    corners: tuple[float, float, float, float]
    score: float

    def to_dict(self) -> dict[str, Any]:
        """As the API gives it: a box with a score."""
        left, top, right, bottom = self.corners
        return {
            "name": self.name,
            "xmin": left,
            "ymin": top,
            "xmax": right,
            "ymax": bottom,
            "difficult": False,
            "truncated": False,
            "pose": "Unspecified",
            "score": self.score,
        }


@dataclass(frozen=True)
class ImageDetections:
    """The detections of one image, best first, down to ``LOWEST_SCORE``, and the image's displayed size."""

    width: int
    height: int
    detections: tuple[Detection, ...]

    def above(self, threshold: float) -> ImageDetections:
        """The detections whose score is at least ``threshold``."""
        return replace(
            self, detections=tuple(detection for detection in self.detections if detection.score >= threshold)
        )


def in_words_of(found: ImageDetections, class_names: Sequence[str], folder_names: Sequence[str]) -> ImageDetections:
    """The detections under the class names that a folder uses, found as ``match_names`` does.

    So the boxes of a model that says "fracture" fit into a folder labelled "Fractura".

    Args:
        found: The detections.
        class_names: All that the model knows.
        folder_names: All that the folder uses.
    """
    words = match_names(class_names, folder_names)
    return replace(
        found,
        detections=tuple(
            replace(detection, name=words.get(detection.name, detection.name)) for detection in found.detections
        ),
    )


def image_detections(boxes: Boxes, class_names: Sequence[str], width: int, height: int) -> ImageDetections:
    """A model's candidates as detections, cut to the image."""
    kept = boxes.above(LOWEST_SCORE).clip(width, height)
    scores = [1.0] * len(kept) if kept.scores is None else kept.scores.tolist()
    detections = []
    for corners, label, score in zip(kept.xyxy.tolist(), kept.labels.tolist(), scores, strict=True):
        left, top, right, bottom = (round(value, 2) for value in corners)
        detections.append(Detection(class_names[label], (left, top, right, bottom), round(score, 6)))
    return ImageDetections(width, height, tuple(detections))


class DetectionCache:
    """Remembers detections, in a file where there is a folder for it.

    Args:
        path: A SQLite file, made if it is missing; None keeps everything in memory. It holds nothing that could not be
            worked out again: a damaged one is begun anew, and where none can be written memory serves.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        if path is not None and not _can_write(path):
            _logger.warning("%s cannot be written: detections are remembered in memory only", path)
            path = None
        try:
            self._database = _open(path)
        except sqlite3.DatabaseError:
            if path is None:
                raise
            _logger.warning("the remembered detections are damaged and are worked out anew")
            path.unlink()
            self._database = _open(path)

    def get(self, model: str, image: str) -> ImageDetections | None:
        """What a model annotated on an image, both by their digests."""
        with self._lock:
            row = self._database.execute(
                "SELECT width, height, detections FROM detections WHERE model = ? AND image = ?", (model, image)
            ).fetchone()
        return None if row is None else _image_detections(*row)

    def put(self, model: str, image: str, found: ImageDetections) -> None:
        """Remember it."""
        text = json.dumps(
            [[detection.name, *detection.corners, detection.score] for detection in found.detections],
            ensure_ascii=False,
        )
        with self._lock, self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO detections VALUES (?, ?, ?, ?, ?)",
                (model, image, found.width, found.height, text),
            )

    def note_file(self, name: str, stamp: Stamp, image: str) -> None:
        """Remember which bytes a file of the folder holds, so that it need not be read to be known again."""
        with self._lock, self._database:
            self._database.execute("INSERT OR REPLACE INTO images VALUES (?, ?, ?)", (name, stamp_text(stamp), image))

    def of_file(self, model: str, name: str, stamp: Stamp) -> ImageDetections | None:
        """What a model annotated on a file of the folder that did not change since."""
        with self._lock:
            row = self._database.execute(
                "SELECT width, height, detections FROM images JOIN detections ON detections.image = images.image "
                "WHERE detections.model = ? AND images.name = ? AND images.stamp = ?",
                (model, name, stamp_text(stamp)),
            ).fetchone()
        return None if row is None else _image_detections(*row)

    def of_files(self, model: str) -> dict[tuple[str, str], ImageDetections]:
        """What a model annotated on all files of the folder, by name and stamp (see ``stamp_text``)."""
        with self._lock:
            rows = self._database.execute(
                "SELECT name, stamp, width, height, detections FROM images JOIN detections ON detections.image = "
                "images.image "
                "WHERE detections.model = ?",
                (model,),
            ).fetchall()
        return {(name, stamp): _image_detections(*rest) for name, stamp, *rest in rows}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()


def stamp_text(stamp: Stamp) -> str:
    """A stamp as the book keeps it."""
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


def _image_detections(width: int, height: int, text: str) -> ImageDetections:
    detections = tuple(
        Detection(name, (left, top, right, bottom), score) for name, left, top, right, bottom, score in json.loads(text)
    )
    return ImageDetections(width, height, detections)
