"""A folder of results: pictures with the marks drawn, Pascal VOC files, ``results.json`` and ``results.csv``.

Scores have their probabilities beside them where the card holds a calibration, made for the views that are used. Where
it was asked for, ``explanations`` holds a second picture of each film with marks: the evidence as a heat map.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura._version import __version__
from fractura.core.calibrator import Calibrator
from fractura.core.errors import FracturaError, UsageError
from fractura.core.files import refuse_full_folder, write_atomically
from fractura.core.model_card import ModelCard
from fractura.formats.voc.serializer import VocAnnotation, VocObject, write_voc_file
from fractura.inference.detect import Detection
from fractura.inference.discovery import Film
from fractura.inference.render import draw_boxes, draw_heat, with_caption

PICTURES, ANNOTATIONS, EXPLANATIONS = "pictures", "annotations", "explanations"
JSON_FILE, CSV_FILE = "results.json", "results.csv"
DEFAULT_FOLDER = "fractura-results"
MADE_BY = "fractura detect"
COLUMNS = (
    *("film", "class", "score", "left", "top", "right", "bottom", "width", "height", "film_score"),
    *("probability", "film_probability"),
)
_QUALITY = 92


class ResultFolder:
    """Takes detections one by one and writes what comes of them.

    Use it in a ``with`` block: ``results.json`` and ``results.csv`` are written at its end, also if an error ends it,
    with ``"complete": false`` then.

    Args:
        folder: New, empty, or (with ``overwrite``) holding the results of an earlier run, which are taken away.
        card: Of the model that detects.
        threshold: Lowest score that counts.
        views: How each film is looked at.
        films: All films of this run; the folder must be apart from them.
        inputs: Folders the films were searched in; the results must not lie in one.
        overwrite: Replace the results of an earlier run.

    Attributes:
        problems: What was skipped; give it to ``detect_films``.

    Raises:
        UsageError: The folder is one of the inputs, lies inside one, holds a film, or is not empty.
        DataError: The folder cannot be written.
        ModelError: The card's calibration cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        card: ModelCard,
        threshold: float,
        views: Sequence[str],
        films: Iterable[Film],
        *,
        inputs: Iterable[Path] = (),
        overwrite: bool = False,
    ) -> None:
        self._folder, self._card, self._threshold, self._views = folder, card, threshold, tuple(views)
        self._calibrator = Calibrator.from_card(card, self._views)
        self._rows: list[dict[str, Any]] = []
        self.problems: list[FracturaError] = []
        self._complete = False
        _refuse_mixing(folder, [film.path for film in films], inputs)
        _clear(folder, overwrite=overwrite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._complete = kind is None
        write_atomically(self._folder / JSON_FILE, _json(self.to_dict()))
        write_atomically(self._folder / CSV_FILE, _table(self._rows))

    def add(self, detection: Detection, heat: NDArray[np.float32] | None = None) -> dict[str, Any]:
        """Write pictures and annotation of one film. Returns its entry of ``results.json``.

        Args:
            detection: What was found on it.
            heat: The evidence for its marks, from ``explain``; None leaves that picture out.
        """
        name, names = detection.film.name, self._card.class_names
        picture, annotation = f"{PICTURES}/{name}.jpg", f"{ANNOTATIONS}/{name}.xml"
        marks = marks_of(detection, names, self._calibrator)
        film_score = round(detection.film_score, 6)
        count = "no mark" if not marks else "1 mark" if len(marks) == 1 else f"{len(marks)} marks"
        caption = f"film score {detection.film_score:.2f}, {count} at threshold {self._threshold:.2f}"
        self._save(with_caption(draw_boxes(detection.pixels, detection.boxes, names), caption), picture)
        explanation = None
        if heat is not None:
            explanation = f"{EXPLANATIONS}/{name}.jpg"
            drawn = draw_heat(detection.pixels, heat, detection.boxes)
            self._save(with_caption(drawn, "evidence for the marks", scale=("none", "most")), explanation)
        write_voc_file(voc_annotation(detection, names), self._folder / annotation)
        row = {
            "film": printable(detection.film.path),
            "width": detection.width,
            "height": detection.height,
            "film_score": film_score,
            "film_probability": self._calibrator and round(float(self._calibrator.films([film_score])[0]), 6),
            "picture": printable(picture),
            "explanation": None if explanation is None else printable(explanation),
            "annotation": printable(annotation),
            "marks": marks,
        }
        self._rows.append(row)
        return row

    def _save(self, picture: Image.Image, place: str) -> None:
        content = io.BytesIO()
        picture.save(content, "JPEG", quality=_QUALITY, subsampling=0)
        write_atomically(self._folder / place, content.getvalue())

    def to_dict(self) -> dict[str, Any]:
        """The content of ``results.json``."""
        return {
            "made_by": MADE_BY,
            "version": __version__,
            "complete": self._complete,
            "model": self._card.name,
            "class_names": list(self._card.class_names),
            "threshold": self._threshold,
            "views": list(self._views),
            "films": self._rows,
            "skipped": [
                {"film": printable(error.file or ""), "problem": printable(error.problem)} for error in self.problems
            ],
        }


def printable(text: Path | str) -> str:
    """Text that UTF-8 can hold: file names on Linux may be bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def marks_of(
    detection: Detection, class_names: Sequence[str], calibrator: Calibrator | None = None
) -> list[dict[str, Any]]:
    """Class, score, probability (None: no calibrator) and box (left, top, right, bottom in pixels), best first."""
    boxes = detection.boxes
    scores = [1.0] * len(boxes) if boxes.scores is None else boxes.scores.tolist()
    probabilities = [None] * len(boxes) if calibrator is None else calibrator.marks(scores).round(6).tolist()
    return [
        {
            "class": class_names[label],
            "score": round(score, 6),
            "probability": probability,
            "box": [round(value, 2) for value in corners],
        }
        for label, score, probability, corners in zip(
            boxes.labels.tolist(), scores, probabilities, boxes.xyxy.tolist(), strict=True
        )
    ]


def voc_annotation(detection: Detection, class_names: Sequence[str]) -> VocAnnotation:
    """The marks as a Pascal VOC file: whole pixels inside the film, at least one wide and high, each with its score."""
    objects = []
    for mark in marks_of(detection, class_names):
        left, top, right, bottom = (round(value) for value in mark["box"])
        left, top = min(left, detection.width - 1), min(top, detection.height - 1)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        objects.append(VocObject(mark["class"], left, top, right, bottom, score=mark["score"]))
    path = detection.film.path
    return VocAnnotation(
        filename=printable(path.name),
        folder=printable(path.absolute().parent.name),
        width=detection.width,
        height=detection.height,
        objects=tuple(objects),
    )


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    """One line a mark; a film without marks has one line with an empty class, so that it is not forgotten."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        film = (row["width"], row["height"], row["film_score"])
        for mark in row["marks"]:
            probabilities = (mark["probability"], row["film_probability"])
            writer.writerow((row["film"], mark["class"], mark["score"], *mark["box"], *film, *probabilities))
        if not row["marks"]:
            writer.writerow((row["film"], *[""] * 6, *film, "", row["film_probability"]))
    return text.getvalue()


def free_folder(folder: Path) -> Path:
    """``folder`` if it does not exist yet or is empty, else the first of ``folder-2``, ``folder-3``, … that does."""
    number, chosen = 1, folder
    while chosen.exists() and not (chosen.is_dir() and not any(chosen.iterdir())):
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen


def _refuse_mixing(folder: Path, films: Iterable[Path], inputs: Iterable[Path]) -> None:
    target = folder.resolve()
    for given in inputs:
        root = given.resolve()
        if root.is_dir() and target.is_relative_to(root):
            raise UsageError(
                f"the results would lie among the films of {given}",
                file=folder,
                hint=f"choose a folder outside of it, such as {root.parent / (root.name + '-results')}",
            )
    for film in films:
        if film.resolve().is_relative_to(target):
            raise UsageError(f"holds a film of this run ({film})", file=folder, hint="choose another output folder")


def _clear(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder with anything in it, or take the results of an earlier run away."""
    earlier = _earlier_results(folder)
    refuse_full_folder(folder, earlier=earlier is not None, overwrite=overwrite)
    for row in earlier or []:
        for kind, place in (("picture", PICTURES), ("annotation", ANNOTATIONS), ("explanation", EXPLANATIONS)):
            # The name alone: whatever the file says, nothing outside our own folders is touched.
            file = folder / place / Path(str(row.get(kind) or "")).name
            if file.is_file():
                file.unlink()


def _earlier_results(folder: Path) -> list[dict[str, Any]] | None:
    """The films of an earlier run's ``results.json``; None if there is none of ours."""
    try:
        document = json.loads((folder / JSON_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("made_by") != MADE_BY:
        return None
    return [row for row in document.get("films", []) if isinstance(row, dict) and row.get("picture")]
