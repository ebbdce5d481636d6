"""Results as files: JSON, CSV, Pascal VOC and DICOM SR, a ZIP where one image gives one file."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal

from fractura._version import __version__
from fractura.core.model_card import ModelCard
from fractura.formats.voc.model import VocAnnotation, VocObject
from fractura.formats.voc.serializer import voc_bytes
from fractura.web.detection_cache import ImageDetections
from fractura.web.structured_report import structured_report
from fractura.web.uploads import ImageSource

ExportFormat = Literal["json", "csv", "voc", "dicom-sr"]
COLUMNS = ("image", "class", "score", "xmin", "ymin", "xmax", "ymax", "width", "height")


@dataclass(frozen=True)
class ImageResult:
    """An image with what the model detected on it, cut at a threshold."""

    image: ImageSource
    found: ImageDetections


@dataclass(frozen=True)
class ExportedFile:
    """A file to hand out."""

    name: str
    media_type: str
    content: bytes


def export(results: Sequence[ImageResult], wanted: ExportFormat, card: ModelCard, threshold: float) -> ExportedFile:
    """Write results as a file.

    Args:
        results: At least one.
        wanted: The format.
        card: Of the model.
        threshold: That the detections were cut at.

    Raises:
        WebError: A DICOM report was asked for an image that cannot have one.
    """
    if wanted == "json":
        return ExportedFile("results.json", "application/json", _json(results, card, threshold).encode("utf-8"))
    if wanted == "csv":
        return ExportedFile("results.csv", "text/csv; charset=utf-8", _csv(results).encode("utf-8"))
    suffix, media_type = (".xml", "application/xml") if wanted == "voc" else (".dcm", "application/dicom")
    names = _file_names([result.image.name for result in results], suffix)
    files = [
        (name, _voc(each) if wanted == "voc" else _report(each, card, threshold))
        for name, each in zip(names, results, strict=True)
    ]
    if len(files) == 1:
        return ExportedFile(files[0][0], media_type, files[0][1])
    return ExportedFile("results.zip", "application/zip", _zip(files))


def _json(results: Sequence[ImageResult], card: ModelCard, threshold: float) -> str:
    images = [
        {
            "image": each.image.name,
            "width": each.found.width,
            "height": each.found.height,
            "detections": [
                {"class": detection.name, "score": detection.score, "box": list(detection.corners)}
                for detection in each.found.detections
            ],
        }
        for each in results
    ]
    document: dict[str, Any] = {
        "made_by": "fractura",
        "version": __version__,
        "model": card.name,
        "class_names": list(card.class_names),
        "threshold": threshold,
        "images": images,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(results: Sequence[ImageResult]) -> str:
    """One line a detection; an image without detections has one line with an empty class, so that it is not
    forgotten."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for each in results:
        name, size = _cell(each.image.name), (each.found.width, each.found.height)
        for detection in each.found.detections:
            writer.writerow((name, _cell(detection.name), detection.score, *detection.corners, *size))
        if not each.found.detections:
            writer.writerow((name, *[""] * 6, *size))
    return text.getvalue()


def _cell(text: str) -> str:
    """Text from others as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _voc(each: ImageResult) -> bytes:
    """Whole pixels inside the image, at least one wide and high, each with its score."""
    width, height = each.found.width, each.found.height
    objects = []
    for detection in each.found.detections:
        left, top, right, bottom = (round(value) for value in detection.corners)
        left, top = min(left, width - 1), min(top, height - 1)
        objects.append(
            VocObject(detection.name, left, top, max(right, left + 1), max(bottom, top + 1), score=detection.score)
        )
    return voc_bytes(VocAnnotation(filename=each.image.name, width=width, height=height, objects=tuple(objects)))


def _report(each: ImageResult, card: ModelCard, threshold: float) -> bytes:
    return structured_report(each.image.read(), each.image.name, each.found.detections, card, threshold)


def _file_names(images: Sequence[str], suffix: str) -> list[str]:
    """One name an image, all different whatever the case of their letters."""
    names: list[str] = []
    taken: set[str] = set()
    for image in images:
        stem = PurePath(image).stem or "image"
        name, number = stem, 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name + suffix)
    return names


def _zip(files: Sequence[tuple[str, bytes]]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return stream.getvalue()
