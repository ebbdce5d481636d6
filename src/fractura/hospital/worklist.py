"""The order in which people may want to read images: those with the most probable fractures first."""

from __future__ import annotations

from collections.abc import Iterable

from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura.core.csv_cell import csv_text
from fractura.inference.answer import Answer
from fractura.inference.results import IDENTIFIER_COLUMNS, ImageRow

WORKLIST_FILE = "worklist.csv"
_COLUMNS = ("priority", "image", "answer", "probability", "score", "detections", "problem")


class WorklistEntry(TypedDict):
    """One image.

    Attributes:
        priority: 1 for the one to read first.
        image: Its path or name.
        answer: Of the model; None where it could not be read.
        probability: That it shows a fracture; None without a calibration.
        score: Of its best candidate.
        detections: Their number.
        problem: Why it could not be read.
        study_uid: Where somebody asked for identifiers; the others likewise.
        series_uid: Series Instance UID.
        sop_instance_uid: SOP Instance UID.
        accession_number: Of the request.
    """

    priority: int
    image: str
    answer: Answer | None
    probability: float | None
    score: float | None
    detections: int
    problem: str | None
    study_uid: str | None
    series_uid: str | None
    sop_instance_uid: str | None
    accession_number: str | None


def worklist(rows: Iterable[ImageRow]) -> list[WorklistEntry]:
    """Images in the order of their probability, or of their score without a calibration; equals stay in their order.

    Images that could not be read come first: nobody knows yet what is on them.
    """

    def urgency(row: ImageRow) -> tuple[bool, float]:
        certain = row["image_score"] if row["image_probability"] is None else row["image_probability"]
        return (row["error"] is None, -(certain or 0.0))

    return [_entry(place, row) for place, row in enumerate(sorted(rows, key=urgency), start=1)]


def worklist_csv(entries: Iterable[WorklistEntry], *, identifiers: bool = False) -> str:
    """A worklist as a table.

    Args:
        entries: From ``worklist``.
        identifiers: With those of DICOM images.
    """
    columns = (*_COLUMNS, *(IDENTIFIER_COLUMNS if identifiers else ()))
    return csv_text(columns, [tuple(dict(entry)[column] for column in columns) for entry in entries])


def _entry(place: int, row: ImageRow) -> WorklistEntry:
    known = row["identifiers"]
    return {
        "priority": place,
        "image": row["image"],
        "answer": row["answer"],
        "probability": row["image_probability"],
        "score": row["image_score"],
        "detections": len(row["detections"]),
        "problem": None if row["error"] is None else row["error"]["message"],
        "study_uid": None if known is None else known["study_uid"],
        "series_uid": None if known is None else known["series_uid"],
        "sop_instance_uid": None if known is None else known["sop_instance_uid"],
        "accession_number": None if known is None else known["accession_number"],
    }
