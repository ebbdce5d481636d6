"""``StudyImage``: what messages about a study say of one of its images, without the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fractura.core.errors import UsageError
from fractura.hospital.source_image import making_quietly, source_image
from fractura.inference.results import ImageRow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


@dataclass(frozen=True, kw_only=True)
class StudyImage:
    """An image with its result. All texts are empty where the header does not say.

    Attributes:
        row: The result.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        instance_uid: SOP Instance UID.
        sop_class: SOP Class UID.
        modality: Such as ``DX``.
        accession_number: Of the request.
        study_date: ``20260131``.
        patient_id: As the hospital writes it.
        patient_name: Family, given, middle name, prefix and suffix.
        birth_date: ``19700101``.
        sex: ``M``, ``F``, ``O``.
    """

    row: ImageRow
    study_uid: str
    series_uid: str
    instance_uid: str
    sop_class: str
    modality: str
    accession_number: str
    study_date: str
    patient_id: str
    patient_name: tuple[str, str, str, str, str]
    birth_date: str
    sex: str


def study_image(image: bytes, row: ImageRow) -> StudyImage:
    """What messages say of a DICOM image.

    Args:
        image: The image's bytes.
        row: Its result.

    Raises:
        DataError: It is not DICOM, is damaged, or lacks elements that a result must refer to.
    """
    source = source_image(image, row["image"])
    with making_quietly(row["image"]):
        return StudyImage(
            row=row,
            study_uid=str(source.StudyInstanceUID),
            series_uid=str(source.SeriesInstanceUID),
            instance_uid=str(source.SOPInstanceUID),
            sop_class=str(source.SOPClassUID),
            modality=_text(source, "Modality"),
            accession_number=_text(source, "AccessionNumber"),
            study_date=_text(source, "StudyDate"),
            patient_id=_text(source, "PatientID"),
            patient_name=_name(source),
            birth_date=_text(source, "PatientBirthDate"),
            sex=_text(source, "PatientSex"),
        )


def one_study(images: Sequence[StudyImage]) -> StudyImage:
    """The first of images of one study, which speaks for all of them.

    Raises:
        UsageError: There is none, or they belong to different studies.
    """
    if len({each.study_uid for each in images}) != 1:
        raise UsageError("a message is about the images of one study", hint="make one for each study")
    return images[0]


def _text(source: Dataset, keyword: str) -> str:
    value = source.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def _name(source: Dataset) -> tuple[str, str, str, str, str]:
    name = source.PatientName
    if not name:
        return ("", "", "", "", "")
    return (name.family_name, name.given_name, name.middle_name, name.name_prefix, name.name_suffix)
