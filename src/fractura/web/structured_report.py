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
from fractura.imaging.dicom import is_dicom
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import DetectionRow, ImageRow
from fractura.web.api_errors import WebError

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


def structured_report(image: bytes, row: ImageRow, origin: ResultOrigin) -> bytes:
    """Write an image's detections as a Comprehensive SR: first the answer for the whole image, then each detection.

    Args:
        image: The DICOM image's bytes.
        row: Its result, at the threshold; without any detection the report states that nothing was detected.
        origin: The model, its threshold and its views, which the report names.

    Raises:
        WebError: The image is not DICOM, or lacks elements that the report must refer to.
    """
    if not is_dicom(image[:132], row["image"]):
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
            return _written(_source(image), row, origin)
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


def _written(source: Dataset, row: ImageRow, origin: ResultOrigin) -> bytes:
    import highdicom
    from highdicom import sr
    from pydicom.sr.codedict import codes

    algorithm = sr.AlgorithmIdentification(
        name=origin.card.name[:_LONGEST_MEANING],
        version=__version__,
        parameters=[
            f"threshold={origin.settings.threshold:g}",
            f"views={','.join(origin.settings.views)}",
            f"model=sha256:{origin.digest}",
            f"created={origin.created}",
        ],
    )
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=highdicom.UID(),
            name=_MANUFACTURER,
            manufacturer_name=_MANUFACTURER,
            model_name=origin.card.name[:_LONGEST_MEANING],
        ),
    )
    groups = [
        _whole_image(sr, highdicom.UID(), row, source, algorithm),
        *(
            _group(sr, highdicom.UID(), number, detection, source, algorithm)
            for number, detection in enumerate(row["detections"], start=1)
        ),
    ]
    report = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=device),
        procedure_reported=sr.CodedConcept("363680008", "SCT", "Radiographic imaging"),
        imaging_measurements=groups,
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


def _group(sr: Any, uid: str, number: int, detection: DetectionRow, source: Dataset, algorithm: Any) -> Any:
    """One detection as a planar region with its score, and its probability where the model is calibrated."""
    left, top, right, bottom = detection["box"]
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
        finding_type=sr.CodedConcept(*_finding(detection["class"])),
        algorithm_id=algorithm,
        measurements=[
            _measurement(sr, "score", "Detection score", detection["score"]),
            *(
                _measurement(sr, "probability", "Probability of a fracture at this place", value)
                for value in [detection["probability"]]
                if value is not None
            ),
        ],
    )


def _whole_image(sr: Any, uid: str, row: ImageRow, source: Dataset, algorithm: Any) -> Any:
    """A group for the image as a whole; without a detection it states that nothing was detected."""
    measured = [
        ("detections", "Number of detections", len(row["detections"])),
        ("image score", "Score of the image", row["image_score"]),
        ("probability", "Probability of a fracture in the image", row["image_probability"]),
    ]
    return sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=uid, identifier=f"whole image: fracture {row['answer']}"),
        algorithm_id=algorithm,
        source_images=[sr.SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID)],
        measurements=[_measurement(sr, code, meaning, value) for code, meaning, value in measured if value is not None],
    )


def _measurement(sr: Any, code: str, meaning: str, value: float) -> Any:
    return sr.Measurement(
        name=sr.CodedConcept(code, _OWN_SCHEME, meaning),
        value=value,
        unit=sr.CodedConcept("1", "UCUM", "no units"),
    )


def _finding(name: str) -> tuple[str, str, str]:
    """A class name as a code: the SNOMED CT code for a fracture in either language of the page, else a private one."""
    if name.strip().casefold() in ("fracture", "fractura", "fractured"):
        return _FRACTURE
    code = "".join(letter for letter in name if letter.isascii() and letter.isalnum())[:_LONGEST_CODE] or "class"
    return code, _OWN_SCHEME, name[:_LONGEST_MEANING]
