"""DICOM radiographs: how to recognise them, what they say of their image, and their picture.

Only ``imaging.reader`` reads pixels through this package. No text that could name a person leaves it: not in values,
not in errors, not in logs; the archive's identifiers only where somebody asks for them (``dicom_identifiers``), age and
sex only for tables that count people (``demographics``). pydicom is imported when the first DICOM is read.
"""

from fractura.imaging.dicom.facts import ImageFacts
from fractura.imaging.dicom.identifiers import DicomIdentifiers, dicom_identifiers
from fractura.imaging.dicom.reader import DicomImage, dicom_facts, dicom_frame, read_dicom, read_dicom_values
from fractura.imaging.dicom.signature import DICOM_EXTENSIONS, dicom_object, is_dicom
from fractura.imaging.dicom.spacing import PixelSpacing
from fractura.imaging.dicom.windowing import GreyValues

__all__ = [
    "DICOM_EXTENSIONS",
    "DicomIdentifiers",
    "DicomImage",
    "GreyValues",
    "ImageFacts",
    "PixelSpacing",
    "dicom_facts",
    "dicom_frame",
    "dicom_identifiers",
    "dicom_object",
    "is_dicom",
    "read_dicom",
    "read_dicom_values",
]
