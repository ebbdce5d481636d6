"""Results as one file to download: JSON, CSV, Pascal VOC and DICOM objects, a ZIP where one image gives one file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal
from urllib.parse import quote

from fractura.core.errors import DataError
from fractura.core.json_text import json_text
from fractura.formats.image_index import UniqueNames
from fractura.formats.voc.serializer import voc_bytes
from fractura.hospital.device import installed_device
from fractura.hospital.dicom_results import DicomKind, dicom_bytes, dicom_results
from fractura.hospital.presentation_state import ColourImageError
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import (
    CSV_FILE,
    JSON_FILE,
    ImageRow,
    failed_row,
    results_csv,
    results_document,
    voc_annotation,
)
from fractura.web.api_errors import WebError
from fractura.web.detection_cache import ImageDetections
from fractura.web.uploads import ImageSource

UNREAD_FILE = "unread.csv"
"""Which images could not be read, and why, next to files that hold one image each."""
_NOT_ON_WINDOWS = str.maketrans(dict.fromkeys('\\:*?"<>|', "_"))
ExportFormat = Literal["json", "csv", "voc", "dicom-sr", "dicom-sc", "dicom-gsps"]
_DICOM_KINDS: dict[ExportFormat, DicomKind] = {"dicom-sr": "sr", "dicom-sc": "sc", "dicom-gsps": "gsps"}


@dataclass(frozen=True)
class ImageResult:
    """An image with everything that the model found on it, or with the reason why there is nothing to give."""

    image: ImageSource
    found: ImageDetections | None = None
    error: WebError | None = None


@dataclass(frozen=True)
class ExportedFile:
    """A file to hand out."""

    name: str
    media_type: str
    content: bytes


def export(
    results: Sequence[ImageResult], wanted: ExportFormat, origin: ResultOrigin, *, identifiers: bool = False
) -> ExportedFile:
    """Write results as a file, in the schema of ``fractura detect``.

    Args:
        results: At least one.
        wanted: The format.
        origin: The model and the threshold.
        identifiers: With the identifiers of DICOM images.

    Raises:
        WebError: A DICOM object was asked for an image that cannot have one, or there is nothing to write.
    """
    rows = [_row(each, origin, identifiers=identifiers) for each in results]
    if wanted == "json":
        document = results_document(rows, origin)
        return ExportedFile(JSON_FILE, "application/json", json_text(document).encode("utf-8"))
    if wanted == "csv":
        text = results_csv(rows, origin, identifiers=identifiers)
        return ExportedFile(CSV_FILE, "text/csv; charset=utf-8", text.encode("utf-8"))
    found = [(each.image, row) for each, row in zip(results, rows, strict=True) if each.found is not None]
    kind = _DICOM_KINDS.get(wanted)
    if kind is not None:
        suffix, media_type = ".dcm", "application/dicom"
        contents = [_dicom_object(image, row, origin, kind) for image, row in found]
    else:
        suffix, media_type = ".xml", "application/xml"
        contents = [voc_bytes(voc_annotation(row, row["image"], origin)) for _, row in found]
    names = _file_names([image.name for image, _ in found], suffix)
    unread = [row for row in rows if row["error"] is not None]
    if len(names) == 1 and not unread:
        return ExportedFile(names[0], media_type, contents[0])
    files = dict(zip(names, contents, strict=True))
    if unread:
        files[UNREAD_FILE] = results_csv(unread, origin, identifiers=identifiers).encode("utf-8")
    return _archive(files)


def attachment(name: str) -> dict[str, str]:
    """The header by which a browser saves an answer under this name."""
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _row(each: ImageResult, origin: ResultOrigin, *, identifiers: bool) -> ImageRow:
    if each.found is None:
        assert each.error is not None
        return failed_row(each.image.name, each.error.detail())
    found = each.found.above(origin.settings.threshold)
    return found.row(each.image.name, origin, each.image.identifiers() if identifiers else None)


def _dicom_object(image: ImageSource, row: ImageRow, origin: ResultOrigin, kind: DicomKind) -> bytes:
    if not image.is_dicom:
        raise WebError(
            422,
            "not_dicom",
            "a DICOM result needs a DICOM image, which names its patient and study",
            hint="export these images as JSON, CSV or Pascal VOC",
        )
    try:
        [made] = dicom_results(image.read(), row, origin, installed_device(), [kind]).values()
    except ColourImageError as error:
        raise WebError.of(error, 422, "not_grey") from error
    except DataError as error:
        raise WebError.of(error, 422, "dicom_incomplete") from error
    return dicom_bytes(made)


def _archive(files: Mapping[str, bytes]) -> ExportedFile:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return ExportedFile("results.zip", "application/zip", stream.getvalue())


def _file_names(images: Sequence[str], suffix: str) -> list[str]:
    """One name an image, all different whatever the case of their letters, and allowed on every system."""
    taken = UniqueNames(str.casefold)
    return [taken.take(PurePath(image).stem.translate(_NOT_ON_WINDOWS) or "image", suffix) for image in images]
