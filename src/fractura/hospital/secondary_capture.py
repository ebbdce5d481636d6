"""Draws detections into a DICOM secondary capture: the picture of ``fractura detect``, in the study of its image.

It is a colour picture of its own series. The image itself is referred to and never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fractura._version import __version__
from fractura.core.boxes import Boxes
from fractura.hospital.device import Device
from fractura.hospital.object_identity import MANUFACTURER, NOT_FOR_DIAGNOSIS, ObjectIdentity
from fractura.hospital.source_image import copy_anatomy, making_quietly, source_image
from fractura.imaging.reader import read_radiograph
from fractura.inference.answer import measured_sensitivity
from fractura.inference.origin import ResultOrigin
from fractura.inference.prediction import Prediction
from fractura.inference.results import ImageRow

if TYPE_CHECKING:
    from PIL import Image
    from pydicom.dataset import Dataset

_SERIES_NUMBER = 9902
_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID")
_IMAGE = ("PatientOrientation", "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")
"""What holds for the drawn picture as it does for the image."""
_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91")


def secondary_capture(
    image: bytes,
    row: ImageRow,
    origin: ResultOrigin,
    device: Device,
    *,
    pixels: NDArray[np.uint8] | None = None,
) -> Dataset:
    """The image with its detections drawn and the answer for the whole image below it.

    Args:
        image: The DICOM image's bytes.
        row: Its result, at the threshold.
        origin: The model, its threshold and its views.
        device: The installation.
        pixels: uint8 ``(h, w, 3)``: the image as displayed, where somebody has read it already.

    Raises:
        DataError: The image is not DICOM, lacks elements that the picture must refer to, or cannot be read.
    """
    source = source_image(image, row["image"])
    if pixels is None:
        pixels = read_radiograph(image, name=row["image"]).pixels
    picture = drawn_picture(pixels, row, origin)
    with making_quietly(row["image"]):
        return _capture(ObjectIdentity("sc", source, origin, device), np.asarray(picture))


def drawn_picture(pixels: NDArray[np.uint8], row: ImageRow, origin: ResultOrigin) -> Image.Image:
    """The picture that ``fractura detect`` draws, and that it is not for diagnosis.

    Args:
        pixels: uint8 ``(h, w, 3)``: the image as displayed.
        row: Its result.
        origin: The model, its threshold and its views.
    """
    found, class_names = row["detections"], origin.card.class_names
    prediction = Prediction(
        name=row["image"],
        path=None,
        image=pixels,
        boxes=Boxes(
            [each["box"] for each in found],
            [class_names.index(each["class"]) for each in found],
            [each["score"] for each in found],
        ),
        image_score=row["image_score"] or 0.0,
        class_names=class_names,
        settings=origin.settings,
        calibrator=origin.calibrator,
        sensitivity=measured_sensitivity(origin.card, origin.settings),
        warning=row["warning"],
    )
    maker = f"{MANUFACTURER} {__version__}, model {origin.card.name}: {NOT_FOR_DIAGNOSIS}, not verified"
    return prediction.plot(note=maker)


def _capture(identity: ObjectIdentity, picture: NDArray[np.uint8]) -> Dataset:
    from highdicom.sc import SCImage

    source = identity.source
    capture = SCImage(
        pixel_array=picture,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),
        study_instance_uid=source.StudyInstanceUID,
        study_date=source.StudyDate,
        study_time=source.StudyTime,
        referring_physician_name=source.ReferringPhysicianName,
        specific_character_set=source.SpecificCharacterSet,
        **_named(source),
        **identity.series(_SERIES_NUMBER),
    )
    capture.copy_patient_and_study_information(source)
    del capture.PatientOrientation  # highdicom insists on one; the image's own follows, where it has one
    for keyword in _IMAGE:
        if keyword in source:
            capture[keyword] = source[keyword]
    if "PatientOrientation" not in capture:
        capture.PatientOrientation = []
    copy_anatomy(source, capture)
    if source.get("ImageLaterality"):
        capture.ImageLaterality = source.ImageLaterality
        del capture.Laterality
    if source.file_meta.get("TransferSyntaxUID") in _LOSSY:
        capture.LossyImageCompression = "01"
    capture.BurnedInAnnotation = "YES"
    capture.DerivationDescription = "Detections of a model drawn into the image; grey values as displayed, 8 bits"
    capture.SourceImageSequence = [_reference(source)]
    identity.complete(capture)
    return capture


def _named(source: Dataset) -> dict[str, Any]:
    names = ("patient_id", "patient_name", "patient_birth_date", "patient_sex", "accession_number", "study_id")
    return {name: source.get(keyword) for name, keyword in zip(names, _PATIENT, strict=True)}


def _reference(source: Dataset) -> Dataset:
    from highdicom.sr import CodedConcept
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    if int(source.get("NumberOfFrames") or 1) > 1:
        item.ReferencedFrameNumber = 1
    item.PurposeOfReferenceCodeSequence = [CodedConcept("121322", "DCM", "Source image for image processing operation")]
    return item
