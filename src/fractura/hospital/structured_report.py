"""Writes detections as a DICOM structured report: TID 1500, one planar region of interest per detection.

The report belongs to the image's study and names the same patient, so the image itself must be DICOM. The report is
preliminary and unverified: it comes from a detector and no person has reviewed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fractura._version import __version__
from fractura.hospital.device import Device
from fractura.hospital.object_identity import LONGEST_TEXT, MANUFACTURER, OWN_SCHEME, ObjectIdentity
from fractura.hospital.source_image import making_quietly, source_image
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import DetectionRow, ImageRow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_FRACTURE = ("125605004", "SCT", "Fracture of bone")
_LONGEST_CODE = 16
_SERIES_NUMBER = 9901


def structured_report(image: bytes, row: ImageRow, origin: ResultOrigin, device: Device) -> Dataset:
    """An image's detections as a Comprehensive SR: first the answer for the whole image, then each detection.

    Args:
        image: The DICOM image's bytes.
        row: Its result, at the threshold; without any detection the report states that nothing was detected.
        origin: The model, its threshold and its views, which the report names.
        device: The installation.

    Raises:
        DataError: The image is not DICOM, or lacks elements that the report must refer to.
    """
    source = source_image(image, row["image"])
    with making_quietly(row["image"]):
        return _report(ObjectIdentity("sr", source, origin, device), row)


def _report(identity: ObjectIdentity, row: ImageRow) -> Dataset:
    from highdicom import sr
    from highdicom.coding_schemes import CodingSchemeIdentificationItem
    from pydicom.sr.codedict import codes

    origin, source = identity.origin, identity.source
    algorithm = sr.AlgorithmIdentification(
        name=origin.card.name[:LONGEST_TEXT],
        version=__version__,
        family=codes.DCM.ArtificialIntelligence,
        manufacturer=MANUFACTURER,
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
            uid=identity.device.uid,
            name=MANUFACTURER,
            manufacturer_name=MANUFACTURER,
            model_name=origin.card.name[:LONGEST_TEXT],
            serial_number=identity.device.uid,
        ),
    )
    groups = [
        _whole_image(sr, identity.tracking_uid("whole image"), row, source, algorithm),
        *(
            _group(sr, identity.tracking_uid(f"detection {number}"), number, detection, source, algorithm)
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
        is_complete=True,
        is_final=False,
        is_verified=False,
        coding_schemes=[CodingSchemeIdentificationItem(OWN_SCHEME, name="Codes of fractura")],
        **identity.series(_SERIES_NUMBER),
    )
    identity.complete(document)
    return document


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
        name=sr.CodedConcept(code, OWN_SCHEME, meaning),
        value=value,
        unit=sr.CodedConcept("1", "UCUM", "no units"),
    )


def _finding(name: str) -> tuple[str, str, str]:
    """A class name as a code: the SNOMED CT code for a fracture in either language of the page, else a private one."""
    if name.strip().casefold() in ("fracture", "fractura", "fractured"):
        return _FRACTURE
    code = "".join(letter for letter in name if letter.isascii() and letter.isalnum())[:_LONGEST_CODE] or "class"
    return code, OWN_SCHEME, name[:LONGEST_TEXT]
