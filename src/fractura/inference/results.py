"""A folder of results: pictures with the detections drawn, Pascal VOC files, ``results.json`` and ``results.csv``.

Scores have their probabilities beside them where the card holds a calibration, made for the views that are used. Where
it was asked for, ``explanations`` holds a second picture of each image with detections: the evidence as a heat map.
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
from fractura.formats.voc.model import VocAnnotation, VocObject
from fractura.formats.voc.serializer import write_voc_file
from fractura.inference.detect import Prediction
from fractura.inference.discovery import ImageFile
from fractura.inference.render import draw_boxes, draw_heat, with_caption

PICTURES, ANNOTATIONS, EXPLANATIONS = "pictures", "annotations", "explanations"
JSON_FILE, CSV_FILE = "results.json", "results.csv"
DEFAULT_FOLDER = "fractura-results"
MADE_BY = "fractura detect"
COLUMNS = (
    *("image", "class", "score", "left", "top", "right", "bottom", "width", "height", "image_score"),
    *("probability", "image_probability"),
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
        views: How each image is examined.
        images: All images of this run; the folder must be apart from them.
        inputs: Folders the images were searched in; the results must not lie in one.
        overwrite: Replace the results of an earlier run.

    Attributes:
        problems: What was skipped; give it to ``detect_images``.

    Raises:
        UsageError: The folder is one of the inputs, lies inside one, holds an image, or is not empty.
        DataError: The folder cannot be written.
        ModelError: The card's calibration cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        card: ModelCard,
        threshold: float,
        views: Sequence[str],
        images: Iterable[ImageFile],
        *,
        inputs: Iterable[Path] = (),
        overwrite: bool = False,
    ) -> None:
        self._folder, self._card, self._threshold, self._views = folder, card, threshold, tuple(views)
        self._calibrator = Calibrator.from_card(card, self._views)
        self._rows: list[dict[str, Any]] = []
        self.problems: list[FracturaError] = []
        self._complete = False
        _refuse_mixing(folder, [image.path for image in images], inputs)
        _clear(folder, overwrite=overwrite)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._complete = kind is None
        write_atomically(self._folder / JSON_FILE, _json(self.to_dict()))
        write_atomically(self._folder / CSV_FILE, _table(self._rows))

    def add(self, prediction: Prediction, heat: NDArray[np.float32] | None = None) -> dict[str, Any]:
        """Write pictures and annotation of one image. Returns its entry of ``results.json``.

        Args:
            detection: What was found on it.
            heat: The evidence for its detections, from ``explain``; None leaves that picture out.
        """
        name, names = prediction.image.name, self._card.class_names
        picture, annotation = f"{PICTURES}/{name}.jpg", f"{ANNOTATIONS}/{name}.xml"
        detections = detection_rows(prediction, names, self._calibrator)
        image_score = round(prediction.image_score, 6)
        count = (
            "no detection"
            if not detections
            else "1 detection"
            if len(detections) == 1
            else f"{len(detections)} detections"
        )
        caption = f"image score {prediction.image_score:.2f}, {count} at threshold {self._threshold:.2f}"
        self._save(with_caption(draw_boxes(prediction.pixels, prediction.boxes, names), caption), picture)
        explanation = None
        if heat is not None:
            explanation = f"{EXPLANATIONS}/{name}.jpg"
            drawn = draw_heat(prediction.pixels, heat, prediction.boxes)
            self._save(with_caption(drawn, "evidence for the detections", scale=("none", "most")), explanation)
        write_voc_file(voc_annotation(prediction, names), self._folder / annotation)
        row = {
            "image": printable(prediction.image.path),
            "width": prediction.width,
            "height": prediction.height,
            "image_score": image_score,
            "image_probability": self._calibrator and round(float(self._calibrator.images([image_score])[0]), 6),
            "picture": printable(picture),
            "explanation": None if explanation is None else printable(explanation),
            "annotation": printable(annotation),
            "detections": detections,
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
            "images": self._rows,
            "skipped": [
                {"image": printable(error.file or ""), "problem": printable(error.problem)} for error in self.problems
            ],
        }


def printable(text: Path | str) -> str:
    """Text that UTF-8 can hold: file names on Linux may be bytes that are no text."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def detection_rows(
    prediction: Prediction, class_names: Sequence[str], calibrator: Calibrator | None = None
) -> list[dict[str, Any]]:
    """Class, score, probability (None: no calibrator) and box (left, top, right, bottom in pixels), best first."""
    boxes = prediction.boxes
    scores = [1.0] * len(boxes) if boxes.scores is None else boxes.scores.tolist()
    probabilities = [None] * len(boxes) if calibrator is None else calibrator.detections(scores).round(6).tolist()
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


def voc_annotation(prediction: Prediction, class_names: Sequence[str]) -> VocAnnotation:
    """The detections as a Pascal VOC file: whole pixels inside the image, at least one wide and high, each with its
    score."""
    objects = []
    for detection in detection_rows(prediction, class_names):
        left, top, right, bottom = (round(value) for value in detection["box"])
        left, top = min(left, prediction.width - 1), min(top, prediction.height - 1)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        objects.append(VocObject(detection["class"], left, top, right, bottom, score=detection["score"]))
    path = prediction.image.path
    return VocAnnotation(
        filename=printable(path.name),
        folder=printable(path.absolute().parent.name),
        width=prediction.width,
        height=prediction.height,
        objects=tuple(objects),
    )


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _table(rows: list[dict[str, Any]]) -> str:
    """One line a detection; an image without detections has one line with an empty class, so that it is not
    forgotten."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        image = (row["width"], row["height"], row["image_score"])
        for detection in row["detections"]:
            probabilities = (detection["probability"], row["image_probability"])
            writer.writerow(
                (row["image"], detection["class"], detection["score"], *detection["box"], *image, *probabilities)
            )
        if not row["detections"]:
            writer.writerow((row["image"], *[""] * 6, *image, "", row["image_probability"]))
    return text.getvalue()


def free_folder(folder: Path) -> Path:
    """``folder`` if it does not exist yet or is empty, else the first of ``folder-2``, ``folder-3``, … that does."""
    number, chosen = 1, folder
    while chosen.exists() and not (chosen.is_dir() and not any(chosen.iterdir())):
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen


def _refuse_mixing(folder: Path, images: Iterable[Path], inputs: Iterable[Path]) -> None:
    target = folder.resolve()
    for given in inputs:
        root = given.resolve()
        if root.is_dir() and target.is_relative_to(root):
            raise UsageError(
                f"the results would lie among the images of {given}",
                file=folder,
                hint=f"choose a folder outside of it, such as {root.parent / (root.name + '-results')}",
            )
    for image in images:
        if image.resolve().is_relative_to(target):
            raise UsageError(f"holds an image of this run ({image})", file=folder, hint="choose another output folder")


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
    """The images of an earlier run's ``results.json``; None if there is none of ours."""
    try:
        document = json.loads((folder / JSON_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(document, dict) or document.get("made_by") != MADE_BY:
        return None
    return [row for row in document.get("images", []) if isinstance(row, dict) and row.get("picture")]
