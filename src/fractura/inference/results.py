"""The schema of detection results, shared by the command line, the page and the REST API: JSON rows, CSV, Pascal VOC.

Scores are accompanied by probabilities where the model's card holds a calibration for the views in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura._version import __version__
from fractura.core.boxes import Boxes
from fractura.core.calibrator import Calibrator
from fractura.core.csv_cell import csv_text
from fractura.core.errors import FracturaError
from fractura.core.model_card import ModelCard
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.inference.settings import DetectionSettings

SCHEMA_VERSION = 1
"""Of ``results.json``; a key that is renamed, removed or changes its meaning raises it."""
MADE_BY = "fractura"
JSON_FILE, CSV_FILE = "results.json", "results.csv"
COLUMNS = (
    *("image", "class", "score", "left", "top", "right", "bottom", "width", "height", "image_score"),
    *("probability", "image_probability"),
)

DetectionRow = TypedDict(
    "DetectionRow", {"class": str, "score": float, "probability": float | None, "box": list[float]}
)  # fmt: skip
"""One detection. ``probability``: to lie on a fracture, None without a calibration. ``box``: left, top, right, bottom
in pixels of the displayed image."""


class ImageRow(TypedDict):
    """One image.

    Attributes:
        image: Its path or name.
        width: Pixels, as displayed.
        height: Pixels, as displayed.
        image_score: Score of the best candidate on it, whatever the threshold, 0..1.
        image_probability: Probability that it shows a fracture; None without a calibration.
        picture: The image with its detections drawn, a path in the folder of results; None where there is none.
        explanation: The evidence for its detections as a heat map; likewise.
        annotation: Its detections as Pascal VOC; likewise.
        detections: From the threshold up, best first.
    """

    image: str
    width: int
    height: int
    image_score: float
    image_probability: float | None
    picture: str | None
    explanation: str | None
    annotation: str | None
    detections: list[DetectionRow]


class SkippedImage(TypedDict):
    """An image that could not be read, and why."""

    image: str
    problem: str


class ResultsDocument(TypedDict):
    """``results.json``.

    Attributes:
        schema_version: ``SCHEMA_VERSION``.
        made_by: ``fractura``.
        version: Of fractura.
        complete: False where an error ended the run.
        model: Name on the model's card.
        class_names: In label order.
        threshold: Lowest score of a detection.
        views: How each image was examined.
        images: In the order in which they were examined.
        skipped: Images that could not be read.
    """

    schema_version: int
    made_by: str
    version: str
    complete: bool
    model: str
    class_names: list[str]
    threshold: float
    views: list[str]
    images: list[ImageRow]
    skipped: list[SkippedImage]


def image_row(
    image: Path | str,
    boxes: Boxes,
    *,
    size: tuple[int, int],
    image_score: float,
    class_names: Sequence[str],
    calibrator: Calibrator | None = None,
) -> ImageRow:
    """One image's entry, without the files that may be written for it.

    Args:
        image: Path or name.
        boxes: Its detections, scored, best first.
        size: Width and height in pixels.
        image_score: See ``fractura.core.image_score``.
        class_names: Of the model.
        calibrator: Of the model, for the views in use.
    """
    probability = None if calibrator is None else round(float(calibrator.images([image_score])[0]), 6)
    return {
        "image": printable(image),
        "width": size[0],
        "height": size[1],
        "image_score": round(image_score, 6),
        "image_probability": probability,
        "picture": None,
        "explanation": None,
        "annotation": None,
        "detections": _detection_rows(boxes, class_names, calibrator),
    }


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


def results_document(
    rows: Sequence[ImageRow],
    card: ModelCard,
    settings: DetectionSettings,
    *,
    problems: Sequence[FracturaError] = (),
    complete: bool = True,
) -> ResultsDocument:
    """The content of ``results.json``.

    Args:
        rows: One an image.
        card: Of the model.
        settings: How the images were examined.
        problems: Of the images that could not be read.
        complete: All images were examined.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "made_by": MADE_BY,
        "version": __version__,
        "complete": complete,
        "model": card.name,
        "class_names": list(card.class_names),
        "threshold": settings.threshold,
        "views": list(settings.views),
        "images": list(rows),
        "skipped": [{"image": printable(each.file or ""), "problem": printable(each.problem)} for each in problems],
    }


def results_csv(rows: Sequence[ImageRow]) -> str:
    """One line for each detection; an image without any has one line with an empty class, so that it is not lost."""
    lines: list[tuple[object, ...]] = []
    for row in rows:
        image = (row["width"], row["height"], row["image_score"])
        for each in row["detections"]:
            detection = (each["class"], each["score"], *each["box"])
            lines.append((row["image"], *detection, *image, each["probability"], row["image_probability"]))
        if not row["detections"]:
            lines.append((row["image"], *[None] * 6, *image, None, row["image_probability"]))
    return csv_text(COLUMNS, lines)


def voc_annotation(row: ImageRow, filename: str, folder: str = "") -> VocAnnotation:
    """An image's detections as Pascal VOC: whole pixels inside the image, at least one wide and high, with scores.

    Args:
        row: The image.
        filename: Of the image.
        folder: Its folder's name.
    """
    objects = []
    for detection in row["detections"]:
        left, top, right, bottom = (round(value) for value in detection["box"])
        left, top = min(left, row["width"] - 1), min(top, row["height"] - 1)
        right, bottom = max(right, left + 1), max(bottom, top + 1)
        objects.append(VocObject(detection["class"], left, top, right, bottom, score=detection["score"]))
    return VocAnnotation(
        filename=printable(filename),
        folder=printable(folder),
        width=row["width"],
        height=row["height"],
        objects=tuple(objects),
    )


def printable(text: Path | str) -> str:
    r"""Text that UTF-8 can hold: a file name on Linux may consist of any bytes.

    Example:
        >>> printable("wrist\udcff.png")
        'wrist\\udcff.png'
    """
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")
