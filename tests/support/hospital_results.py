"""A DICOM image that results can refer to, and a result of it."""

import numpy as np

from fractura.core.boxes import Boxes
from fractura.hospital.device import Device
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import image_row
from fractura.inference.settings import DetectionSettings
from support.dicom_images import dicom
from support.tiny_models import CARD

DEVICE = Device("2.25.20260131")
REFERABLE = {
    "StudyInstanceUID": "1.2.3",
    "SeriesInstanceUID": "1.2.3.9",
    "StudyDate": "20260131",
    "AccessionNumber": "A-17",
    "BodyPartExamined": "WRIST",
    "Laterality": "R",
    "InstanceNumber": 4,
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": "Müller^Jörg",
    "PatientID": "4711",
    "PatientSex": "M",
    "PatientBirthDate": "19700101",
}
ROWS, COLUMNS = np.mgrid[:200, :300]
DEEP = ((np.sin(COLUMNS / 40) + np.cos(ROWS / 30) + 2) / 4 * 3900 + 90).astype(np.uint16)
BOXES = Boxes([[20.5, 30, 120, 90.25], [200, 100, 300, 200]], [0, 1], [0.9, 0.5])


def origin(**settings):
    card = CARD.model_copy(update={"calibration": None})
    digest = settings.pop("digest", "ab" * 32)
    return ResultOrigin(card=card, digest=digest, settings=DetectionSettings.of(card, **settings))


def row(boxes=BOXES, score=0.9):
    return image_row(
        "a.dcm", boxes, size=(300, 200), image_score=score, class_names=CARD.class_names, threshold=CARD.threshold
    )


def source(values=DEEP, **elements):
    return dicom(values, bits=16, **{**REFERABLE, **elements})
