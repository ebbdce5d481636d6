"""The numbers by which an archive finds a DICOM image again. They are read only where somebody asks for them."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura.imaging.dicom.source import DICOM_ERRORS, parse_dicom, parsing_quietly

_ELEMENTS = ("SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber")
_UID = re.compile(r"[0-9.]{1,64}")
_LONGEST_ACCESSION_NUMBER = 16
"""Of DICOM's type SH."""


class DicomIdentifiers(TypedDict):
    """Of one image; None where the file does not say, or not in a form that DICOM allows.

    Attributes:
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        sop_instance_uid: SOP Instance UID.
        accession_number: Of the request.
    """

    study_uid: str | None
    series_uid: str | None
    sop_instance_uid: str | None
    accession_number: str | None


def dicom_identifiers(stream: BinaryIO, title: str) -> DicomIdentifiers:
    """The identifiers in the header. They may lead to a person: whoever gets them must be allowed to.

    Args:
        stream: The file.
        title: What to call the image in errors.

    Raises:
        DataError: It is not a DICOM file, or is damaged.
    """
    with parsing_quietly():
        dataset = parse_dicom(stream, title, more=_ELEMENTS)
        accession = _text(dataset, "AccessionNumber")
        return {
            "study_uid": _uid(dataset, "StudyInstanceUID"),
            "series_uid": _uid(dataset, "SeriesInstanceUID"),
            "sop_instance_uid": _uid(dataset, "SOPInstanceUID"),
            "accession_number": accession if 0 < len(accession) <= _LONGEST_ACCESSION_NUMBER else None,
        }


def _uid(dataset: Any, keyword: str) -> str | None:
    text = _text(dataset, keyword)
    return text if _UID.fullmatch(text) else None


def _text(dataset: Any, keyword: str) -> str:
    try:
        text = str(dataset.get(keyword) or "").strip()
    except DICOM_ERRORS:
        return ""
    return text if text.isprintable() else ""
