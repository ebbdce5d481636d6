"""Writes detections as a DICOM structured report: TID 1500, one planar region of interest per detection.

The report belongs to the image's study and names the same patient, so the image itself must be DICOM. The report is
preliminary and unverified: it comes from a detector and no person has reviewed it.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from fractura._version import __version__
from fractura.core.model_card import ModelCard
from fractura.imaging.dicom import is_dicom
from fractura.web.api_errors import WebError
from fractura.web.schemas import ScoredBox

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_MANUFACTURER = "fractura"
_OWN_SCHEME = "99FRACTURA"
_FRACTURE = ("125605004", "SCT", "Fracture of bone")
_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Rows", "Columns")
_LONGEST_CODE, _LONGEST_MEANING = 16, 64
_SERIES_NUMBER = 9901
# These packages quote header elements, which may contain names, in their exceptions and log messages.
_OTHERS_LOGGERS = ("highdicom", "pydicom")


def structured_report(
    image: bytes, name: str, detections: tuple[ScoredBox, ...], card: ModelCard, threshold: float
) -> bytes:
    """Write an image's detections as a Comprehensive SR.

    Args:
        image: The DICOM image's bytes.
        name: Its file name.
        detections: Those at or above the threshold; a report without any states that nothing was detected.
        card: Of the model.
        threshold: Lowest score of a detection.

    Raises:
        WebError: The image is not DICOM, or lacks elements that the report must refer to.
    """
    if not is_dicom(image[:132], name):
        raise WebError(
            422,
            "not_dicom",
            "a DICOM report needs a DICOM image, which names its patient and study",
            hint="export these images as JSON, CSV or Pascal VOC",
        )
    import warnings

    before = {each: logging.getLogger(each).level for each in _OTHERS_LOGGERS}
    try:
        for each in _OTHERS_LOGGERS:
            logging.getLogger(each).setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _written(_source(image), detections, card, threshold)
    except WebError:
        raise
    except Exception:  # any fault of the header; the message is not passed on
        raise WebError(
            422,
            "dicom_incomplete",
            "a report cannot refer to this DICOM image: its header is damaged or incomplete",
            hint="retrieve the image from the archive again",
        ) from None
    finally:
        for each, level in before.items():
            logging.getLogger(each).setLevel(level)


def _source(image: bytes) -> Dataset:
    from pydicom import dcmread

    dataset = dcmread(io.BytesIO(image), stop_before_pixels=True, force=True)
    missing = [keyword for keyword in _NEEDED if not dataset.get(keyword)]
    if missing:
        raise WebError(
            422,
            "dicom_incomplete",
            f"this DICOM image has no {', '.join(missing)}, which a report must refer to",
            hint="retrieve the image from the archive again",
        )
    # Type 2 elements: they may be empty, but highdicom requires them to exist.
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
                    "StudyDate", "StudyTime", "ReferringPhysicianName"):  # fmt: skip
        if keyword not in dataset:
            setattr(dataset, keyword, None)
    return dataset


def _written(source: Dataset, detections: tuple[ScoredBox, ...], card: ModelCard, threshold: float) -> bytes:
    import highdicom
    from highdicom import sr
    from pydicom.sr.codedict import codes

    algorithm = sr.AlgorithmIdentification(
        name=card.name[:_LONGEST_MEANING], version=__version__, parameters=[f"threshold={threshold:g}"]
    )
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=highdicom.UID(),
            name=_MANUFACTURER,
            manufacturer_name=_MANUFACTURER,
            model_name=card.name[:_LONGEST_MEANING],
        ),
    )
    groups = [
        _group(sr, highdicom.UID(), number, detection, source, algorithm)
        for number, detection in enumerate(detections, start=1)
    ]
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=sr.CodedConcept("363680008", "SCT", "Radiographic imaging"),
        imaging_measurements=groups or [_no_findings(sr, highdicom.UID(), source, algorithm)],
        title=codes.DCM.ImagingMeasurementReport,
    )
    document = sr.ComprehensiveSR(
        evidence=[source],
        content=report[0],
        series_instance_uid=highdicom.UID(),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=_MANUFACTURER,
        is_complete=True,
        is_final=False,
        is_verified=False,
    )
    document.SeriesDescription = "fractura: research, not for diagnosis"
    stream = io.BytesIO()
    document.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _group(sr: Any, uid: str, number: int, detection: ScoredBox, source: Dataset, algorithm: Any) -> Any:
    """One detection as a planar region with its score."""
    left, top, right, bottom = detection.corners
    frames = [1] if int(source.get("NumberOfFrames") or 1) > 1 else None
    # Our boxes and DICOM's regions share the coordinates: 0\0 is the outer corner of the first pixel.
    outline = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=uid, identifier=f"detection {number}"),
        referenced_region=sr.ImageRegion(
            graphic_type=sr.GraphicTypeValues.POLYLINE,
            graphic_data=outline,
            source_image=sr.SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID, frames),
        ),
        finding_type=sr.CodedConcept(*_finding(detection.name)),
        algorithm_id=algorithm,
        measurements=[
            sr.Measurement(
                name=sr.CodedConcept("score", _OWN_SCHEME, "Detection score"),
                value=detection.score,
                unit=sr.CodedConcept("1", "UCUM", "no units"),
            )
        ],
    )


def _no_findings(sr: Any, uid: str, source: Dataset, algorithm: Any) -> Any:
    """A group stating that the algorithm processed the image and detected nothing."""
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=uid, identifier="no detection"),
        algorithm_id=algorithm,
        source_images=[sr.SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID)],
        measurements=[
            sr.Measurement(
                name=sr.CodedConcept("detections", _OWN_SCHEME, "Number of detections"),
                value=0,
                unit=sr.CodedConcept("1", "UCUM", "no units"),
            )
        ],
    )


def _finding(name: str) -> tuple[str, str, str]:
    """A class name as a code: the SNOMED CT code for a fracture in either language of the page, else a private one."""
    if name.strip().casefold() in ("fracture", "fractura", "fractured"):
        return _FRACTURE
    code = "".join(letter for letter in name if letter.isascii() and letter.isalnum())[:_LONGEST_CODE] or "class"
    return code, _OWN_SCHEME, name[:_LONGEST_MEANING]
