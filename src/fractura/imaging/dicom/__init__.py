"""DICOM radiographs: how to recognise them, what they say of their image, and their picture.

Only ``imaging.reader`` reads pixels through this package. No text that could name a person leaves it: not in values,
not in errors, not in logs. pydicom is imported when the first DICOM is read.
"""

from fractura.imaging.dicom.facts import ImageFacts
from fractura.imaging.dicom.reader import DicomImage, dicom_facts, dicom_frame, read_dicom, read_dicom_values
from fractura.imaging.dicom.source import DICOM_EXTENSIONS, is_dicom
from fractura.imaging.dicom.windowing import GreyValues

__all__ = [
    "DICOM_EXTENSIONS",
    "DicomImage",
    "GreyValues",
    "ImageFacts",
    "dicom_facts",
    "dicom_frame",
    "is_dicom",
    "read_dicom",
    "read_dicom_values",
]
