"""Results as one file to download: JSON, CSV, Pascal VOC and DICOM SR, a ZIP where one image gives one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from fractura.core.json_text import json_text
from fractura.core.model_card import ModelCard
from fractura.formats.image_index import UniqueNames
from fractura.formats.voc.serializer import voc_bytes
from fractura.inference.results import (
    CSV_FILE,
    JSON_FILE,
    results_csv,
    results_document,
    voc_annotation,
)
from fractura.inference.settings import DetectionSettings
from fractura.web.detection_cache import ImageDetections
from fractura.web.structured_report import structured_report
from fractura.web.uploads import ImageSource

ExportFormat = Literal["json", "csv", "voc", "dicom-sr"]


@dataclass(frozen=True)
class ImageResult:
    """An image with everything that the model found on it."""

    image: ImageSource
    found: ImageDetections


@dataclass(frozen=True)
class ExportedFile:
    """A file to hand out."""

    name: str
    media_type: str
    content: bytes


def export(results: Sequence[ImageResult], wanted: ExportFormat, card: ModelCard, threshold: float) -> ExportedFile:
    """Write results as a file, in the schema of ``fractura detect``.

    Args:
        results: At least one.
        wanted: The format.
        card: Of the model.
        threshold: Lowest score of a detection.

    Raises:
        WebError: A DICOM report was asked for an image that cannot have one.
    """
    settings = DetectionSettings.of(card, threshold=threshold)
    if wanted == "dicom-sr":
        return _one_file(results, ".dcm", "application/dicom", [_report(each, card, threshold) for each in results])
    rows = [each.found.above(threshold).row(each.image.name, card, settings.views) for each in results]
    if wanted == "json":
        document = results_document(rows, card, settings)
        return ExportedFile(JSON_FILE, "application/json", json_text(document).encode("utf-8"))
    if wanted == "csv":
        return ExportedFile(CSV_FILE, "text/csv; charset=utf-8", results_csv(rows).encode("utf-8"))
    annotations = [voc_bytes(voc_annotation(row, row["image"])) for row in rows]
    return _one_file(results, ".xml", "application/xml", annotations)


def _report(each: ImageResult, card: ModelCard, threshold: float) -> bytes:
    detections = each.found.above(threshold).detections
    return structured_report(each.image.read(), each.image.name, detections, card, threshold)


def _one_file(results: Sequence[ImageResult], suffix: str, media_type: str, contents: Sequence[bytes]) -> ExportedFile:
    """The file of the only image, or a ZIP of all files."""
    names = _file_names([result.image.name for result in results], suffix)
    if len(names) == 1:
        return ExportedFile(names[0], media_type, contents[0])
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in zip(names, contents, strict=True):
            archive.writestr(name, content)
    return ExportedFile("results.zip", "application/zip", stream.getvalue())


def _file_names(images: Sequence[str], suffix: str) -> list[str]:
    """One name an image, all different whatever the case of their letters."""
    taken = UniqueNames(str.casefold)
    return [taken.take(PurePath(image).stem or "image", suffix) for image in images]
