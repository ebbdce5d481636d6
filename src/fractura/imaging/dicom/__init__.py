"""DICOM radiographs: which files are some, what they say of their image, and their picture.

Only ``radiograph.py`` reads pixels through this package. No text that could name a person leaves it: not in values, not
in errors, not in logs. pydicom is imported when the first DICOM is met.
"""

from fractura.imaging.dicom.facts import ImageFacts
from fractura.imaging.dicom.grey_values import GreyValues
from fractura.imaging.dicom.header import Window
from fractura.imaging.dicom.reader import DicomImage, dicom_facts, dicom_frame, read_dicom, read_dicom_values
from fractura.imaging.dicom.source import DICOM_EXTENSIONS, is_dicom

__all__ = [
    "DICOM_EXTENSIONS",
    "DicomImage",
    "GreyValues",
    "ImageFacts",
    "Window",
    "dicom_facts",
    "dicom_frame",
    "is_dicom",
    "read_dicom",
    "read_dicom_values",
]
