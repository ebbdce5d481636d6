"""The schema of detection results, shared by the command line, the page and the REST API: JSON rows, CSV, Pascal VOC.

Scores are accompanied by probabilities where the model's card holds a calibration for the views in use. An image that
could not be read has a row like the others, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura.core.boxes import Boxes
from fractura.core.calibrator import Calibrator
from fractura.core.csv_cell import csv_text
from fractura.core.errors import FracturaError
from fractura.core.printable import printable
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.imaging.dicom import DicomIdentifiers
from fractura.inference.answer import Answer, image_answer
from fractura.inference.origin import OriginDocument, ResultOrigin

JSON_FILE, CSV_FILE = "results.json", "results.csv"
COLUMNS = (
    *("image", "class", "score", "left", "top", "right", "bottom", "width", "height", "image_score"),
    *("probability", "image_probability", "answer", "warning", "problem"),
    *("model", "model_digest", "threshold", "views", "created"),
)
IDENTIFIER_COLUMNS = ("study_uid", "series_uid", "sop_instance_uid", "accession_number")
"""Further columns where somebody asked for them."""

DetectionRow = TypedDict(
    "DetectionRow", {"class": str, "score": float, "probability": float | None, "box": list[float]}
)  # fmt: skip
"""One detection. ``probability``: to lie on a fracture, None without a calibration. ``box``: left, top, right, bottom
in pixels of the displayed image."""


class ImageError(TypedDict):
    """Why an image has no result.

    Attributes:
        code: For programs: ``image_unreadable``, and what else the REST API has.
        message: What is wrong.
        place: Where, such as the name of an element.
        hint: What to do.
    """

    code: str
    message: str
    place: str | None
    hint: str | None


class ImageRow(TypedDict):
    """One image. One that could not be read has an ``error``, and neither size nor answer nor score.

    Attributes:
        image: Its path or name.
        width: Pixels, as displayed.
        height: Pixels, as displayed.
        answer: Of the model for the image as a whole, see ``fractura.inference.answer``.
        image_score: Score of the best candidate on it, whatever the threshold, 0..1.
        image_probability: Probability that it shows a fracture; None without a calibration.
        picture: The image with its detections drawn, a path in the folder of results; None where there is none.
        explanation: The evidence for its detections as a heat map; likewise.
        annotation: Its detections as Pascal VOC; likewise.
        detections: From the threshold up, best first.
        identifiers: Of a DICOM image, where somebody asked for them; else None.
        warning: That the image is outside what the model was trained on, and why; None for an image that is not, and
            for models whose card does not say what that was.
        error: Why there is no result; None where there is one.
    """

    image: str
    width: int | None
    height: int | None
    answer: Answer | None
    image_score: float | None
    image_probability: float | None
    picture: str | None
    explanation: str | None
    annotation: str | None
    detections: list[DetectionRow]
    identifiers: DicomIdentifiers | None
    warning: str | None
    error: ImageError | None


class ResultsDocument(OriginDocument):
    """``results.json``: what ``OriginDocument`` says of the run, and the images.

    Attributes:
        complete: False where an error ended the run.
        images: In the order in which they were examined.
    """

    complete: bool
    images: list[ImageRow]


def image_row(
    image: Path | str,
    boxes: Boxes,
    *,
    size: tuple[int, int],
    image_score: float,
    class_names: Sequence[str],
    threshold: float,
    calibrator: Calibrator | None = None,
    identifiers: DicomIdentifiers | None = None,
    warning: str | None = None,
) -> ImageRow:
    """One image's entry, without the files that may be written for it.

    Args:
        image: Path or name.
        boxes: Its detections, scored, best first.
        size: Width and height in pixels.
        image_score: See ``fractura.core.image_score``.
        class_names: Of the model.
        threshold: Lowest score of a detection.
        calibrator: Of the model, for the views in use.
        identifiers: Of the image, where somebody asked for them.
        warning: See ``fractura.inference.domain``.
    """
    probability = None if calibrator is None else round(float(calibrator.images([image_score])[0]), 6)
    return {
        "image": printable(image),
        "width": size[0],
        "height": size[1],
        "answer": image_answer(image_score, probability, threshold),
        "image_score": round(image_score, 6),
        "image_probability": probability,
        "picture": None,
        "explanation": None,
        "annotation": None,
        "detections": _detection_rows(boxes, class_names, calibrator),
        "identifiers": identifiers,
        "warning": warning,
        "error": None,
    }


def failed_row(image: Path | str, error: ImageError) -> ImageRow:
    """The entry of an image that could not be read."""
    return {
        "image": printable(image),
        "width": None,
        "height": None,
        "answer": None,
        "image_score": None,
        "image_probability": None,
        "picture": None,
        "explanation": None,
        "annotation": None,
        "detections": [],
        "identifiers": None,
        "warning": None,
        "error": error,
    }


def unreadable(error: FracturaError) -> ImageError:
    """What a row says of an image that the reader of pixels refused."""
    hint = None if error.hint is None else printable(error.hint)
    return {"code": "image_unreadable", "message": printable(error.problem), "place": error.place, "hint": hint}


def _detection_rows(boxes: Boxes, class_names: Sequence[str], calibrator: Calibrator | None) -> list[DetectionRow]:
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


def results_document(rows: Sequence[ImageRow], origin: ResultOrigin, *, complete: bool = True) -> ResultsDocument:
    """The content of ``results.json``.

    Args:
        rows: One an image.
        origin: Where they come from.
        complete: All images were examined.
    """
    return {**origin.to_dict(), "complete": complete, "images": list(rows)}


def results_csv(rows: Sequence[ImageRow], origin: ResultOrigin, *, identifiers: bool = False) -> str:
    """One line for each detection; an image without any has one line with an empty class, so that it is not lost.

    Args:
        rows: One an image.
        origin: Where they come from.
        identifiers: Somebody asked for those of DICOM images.
    """
    settings = origin.settings
    run = (origin.card.name, origin.digest, settings.threshold, " ".join(settings.views), origin.created)
    lines: list[tuple[object, ...]] = []
    for row in rows:
        image = (row["width"], row["height"], row["image_score"])
        problem = None if row["error"] is None else row["error"]["message"]
        whole = (row["image_probability"], row["answer"], row["warning"], problem)
        known: Mapping[str, object] = row["identifiers"] or {}
        last = (*run, *(known.get(column) for column in IDENTIFIER_COLUMNS if identifiers))
        for each in row["detections"]:
            detection = (each["class"], each["score"], *each["box"])
            lines.append((row["image"], *detection, *image, each["probability"], *whole, *last))
        if not row["detections"]:
            lines.append((row["image"], *[None] * 6, *image, None, *whole, *last))
    return csv_text((*COLUMNS, *(IDENTIFIER_COLUMNS if identifiers else ())), lines)


def voc_annotation(row: ImageRow, filename: str, origin: ResultOrigin, folder: str = "") -> VocAnnotation:
    """An image's detections as Pascal VOC: whole pixels inside the image, at least one wide and high, with scores.

    Where they come from stands in ``<source><database>``, the one place that LabelImg's files have for it.

    Args:
        row: The image; one that could be read.
        filename: Of the image.
        origin: Where the detections come from.
        folder: The image's folder's name.
    """
    width, height = row["width"] or 0, row["height"] or 0
    objects = []
    for detection in row["detections"]:
        left, top, right, bottom = (round(value) for value in detection["box"])
        left, top = min(left, width - 1), min(top, height - 1)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        objects.append(VocObject(detection["class"], left, top, right, bottom, score=detection["score"]))
    known = (row["identifiers"] or {}).items()
    sources = [origin.to_text(), *(f"{name} {value}" for name, value in known if value)]
    return VocAnnotation(
        filename=printable(filename),
        folder=printable(folder),
        width=width,
        height=height,
        database="; ".join(sources),
        objects=tuple(objects),
    )
