"""The DICOM image that a result belongs to: its header, from which the result takes patient, study and references.

Other packages quote elements, which may hold names, in exceptions and log messages. Nothing of that leaves here.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fractura.core.errors import DataError
from fractura.imaging.dicom import is_dicom
from fractura.imaging.dicom.source import DICOM_ERRORS, parse_dicom, parsing_quietly

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
"""Elements that a result must refer to."""
# Type 2: they may be empty, but have to exist.
_EXPECTED = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate"),
    *("StudyTime", "ReferringPhysicianName"),
)
_SEXES = ("M", "F", "O", "")
_UNPAIRED = (
    *("ABDOMEN", "CHEST", "COCCYX", "CSPINE", "CTSPINE", "HEAD", "LSPINE", "LSSPINE", "MANDIBLE", "NECK", "PELVIS"),
    *("SACRUM", "SKULL", "SPINE", "SSPINE", "STERNUM", "TLSPINE", "TSPINE", "WHOLEBODY"),
)
_AGAIN = "retrieve the image from the archive again"
_DICOM_START = 132
_UTF_8 = "ISO_IR 192"


def source_image(image: bytes, title: str) -> Dataset:
    """The header of a DICOM image that results can refer to; its texts are to be written as UTF-8.

    Args:
        image: The image's bytes.
        title: What to call it in errors.

    Raises:
        DataError: It is not DICOM, is damaged, or lacks elements that a result must refer to.
    """
    if not is_dicom(image[:_DICOM_START], title):
        raise DataError(
            "a DICOM result needs a DICOM image, which names its patient and study",
            file=title,
            hint="export this image as JSON, CSV or Pascal VOC",
        )
    with making_quietly(title):
        from pydicom import dcmread

        parse_dicom(io.BytesIO(image), title)  # refuses what must not be unpacked
        dataset = dcmread(io.BytesIO(image), stop_before_pixels=True, force=True)
        missing = [keyword for keyword in NEEDED if not dataset.get(keyword)]
        if missing:
            raise DataError(
                f"this DICOM image has no {', '.join(missing)}, which a result must refer to", file=title, hint=_AGAIN
            )
        dataset.remove_private_tags()
        dataset.decode()
        dataset.SpecificCharacterSet = _UTF_8
        for keyword in _EXPECTED:
            if keyword not in dataset:
                setattr(dataset, keyword, None)
        if dataset.PatientSex not in _SEXES:
            dataset.PatientSex = ""
        return dataset


def copy_anatomy(source: Dataset, target: Dataset) -> None:
    """Say of a result which body part and side it is about, as its image does.

    A side that is not known is left empty, which says so; body parts that exist once have none.
    """
    for keyword in ("BodyPartExamined", "AnatomicRegionSequence", "Laterality"):
        if source.get(keyword):
            target[keyword] = source[keyword]
    if source.get("BodyPartExamined") not in _UNPAIRED and "Laterality" not in target:
        target.Laterality = None


@contextmanager
def making_quietly(title: str) -> Iterator[None]:
    """Make an object of an image's header without log lines, warnings and errors that quote it.

    Args:
        title: What to call the image in errors.

    Raises:
        DataError: Whatever goes wrong in the block. Its own are passed on.
    """
    # Imported here: it sets up the loggers that are silenced.
    import highdicom  # noqa: F401

    with parsing_quietly():
        # Their filters would not see what comes from loggers below them: the level counts for those, too.
        parents = [logging.getLogger(name) for name in ("highdicom", "pydicom")]
        before = [parent.level for parent in parents]
        try:
            for parent in parents:
                parent.setLevel(logging.CRITICAL)
            yield
        except DataError:
            raise
        except DICOM_ERRORS:  # any fault of the header; the message is not passed on
            raise DataError(
                "a result cannot refer to this DICOM image: its header is damaged or incomplete",
                file=title,
                hint=_AGAIN,
            ) from None
        finally:
            for parent, level in zip(parents, before, strict=True):
                parent.setLevel(level)
