"""What a model marks on films: found once, then remembered by the film's bytes and the model's."""

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
"""Marks below are not kept: the page's slider ends here."""
_logger = logging.getLogger(__name__)
_TABLES = """
CREATE TABLE IF NOT EXISTS marks (
    model TEXT, film TEXT, width INTEGER, height INTEGER, marks TEXT, PRIMARY KEY (model, film)
);
CREATE TABLE IF NOT EXISTS films (name TEXT PRIMARY KEY, stamp TEXT, film TEXT);
"""


@dataclass(frozen=True)
class Mark:
    """One mark: class name, left, top, right, bottom in pixels of the displayed film, score."""

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
class FilmMarks:
    """The marks of one film, best first, down to ``LOWEST_SCORE``, and the film's displayed size."""

    width: int
    height: int
    marks: tuple[Mark, ...]

    def above(self, threshold: float) -> FilmMarks:
        """The marks whose score is at least ``threshold``."""
        return replace(self, marks=tuple(mark for mark in self.marks if mark.score >= threshold))


def in_words_of(found: FilmMarks, class_names: Sequence[str], folder_names: Sequence[str]) -> FilmMarks:
    """The marks under the class names that a folder uses, found as ``match_names`` does.

    So the boxes of a model that says "fracture" fit into a folder labelled "Fractura".

    Args:
        found: The marks.
        class_names: All that the model knows.
        folder_names: All that the folder uses.
    """
    words = match_names(class_names, folder_names)
    return replace(found, marks=tuple(replace(mark, name=words.get(mark.name, mark.name)) for mark in found.marks))


def film_marks(boxes: Boxes, class_names: Sequence[str], width: int, height: int) -> FilmMarks:
    """A model's candidates as marks, cut to the film."""
    kept = boxes.above(LOWEST_SCORE).clip(width, height)
    scores = [1.0] * len(kept) if kept.scores is None else kept.scores.tolist()
    marks = []
    for corners, label, score in zip(kept.xyxy.tolist(), kept.labels.tolist(), scores, strict=True):
        left, top, right, bottom = (round(value, 2) for value in corners)
        marks.append(Mark(class_names[label], (left, top, right, bottom), round(score, 6)))
    return FilmMarks(width, height, tuple(marks))


class MarkBook:
    """Remembers marks, in a file where there is a folder for it.

    Args:
        path: A SQLite file, made if it is missing; None keeps everything in memory. It holds nothing that could not be
            worked out again: a damaged one is begun anew, and where none can be written memory serves.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        if path is not None and not _can_write(path):
            _logger.warning("%s cannot be written: marks are remembered in memory only", path)
            path = None
        try:
            self._database = _open(path)
        except sqlite3.DatabaseError:
            if path is None:
                raise
            _logger.warning("the remembered marks are damaged and are worked out anew")
            path.unlink()
            self._database = _open(path)

    def get(self, model: str, film: str) -> FilmMarks | None:
        """What a model marked on a film, both by their digests."""
        with self._lock:
            row = self._database.execute(
                "SELECT width, height, marks FROM marks WHERE model = ? AND film = ?", (model, film)
            ).fetchone()
        return None if row is None else _film_marks(*row)

    def put(self, model: str, film: str, found: FilmMarks) -> None:
        """Remember it."""
        text = json.dumps([[mark.name, *mark.corners, mark.score] for mark in found.marks], ensure_ascii=False)
        with self._lock, self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)", (model, film, found.width, found.height, text)
            )

    def note_file(self, name: str, stamp: Stamp, film: str) -> None:
        """Remember which bytes a file of the folder holds, so that it need not be read to be known again."""
        with self._lock, self._database:
            self._database.execute("INSERT OR REPLACE INTO films VALUES (?, ?, ?)", (name, stamp_text(stamp), film))

    def of_file(self, model: str, name: str, stamp: Stamp) -> FilmMarks | None:
        """What a model marked on a file of the folder that did not change since."""
        with self._lock:
            row = self._database.execute(
                "SELECT width, height, marks FROM films JOIN marks ON marks.film = films.film "
                "WHERE marks.model = ? AND films.name = ? AND films.stamp = ?",
                (model, name, stamp_text(stamp)),
            ).fetchone()
        return None if row is None else _film_marks(*row)

    def of_files(self, model: str) -> dict[tuple[str, str], FilmMarks]:
        """What a model marked on all files of the folder, by name and stamp (see ``stamp_text``)."""
        with self._lock:
            rows = self._database.execute(
                "SELECT name, stamp, width, height, marks FROM films JOIN marks ON marks.film = films.film "
                "WHERE marks.model = ?",
                (model,),
            ).fetchall()
        return {(name, stamp): _film_marks(*rest) for name, stamp, *rest in rows}

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


def _film_marks(width: int, height: int, text: str) -> FilmMarks:
    marks = tuple(
        Mark(name, (left, top, right, bottom), score) for name, left, top, right, bottom, score in json.loads(text)
    )
    return FilmMarks(width, height, marks)
