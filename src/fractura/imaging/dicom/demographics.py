"""Age and sex of the person on an image. They are read only for tables that count people, and stay in no record."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

from fractura.imaging.dicom.source import parse_dicom, parsing_quietly, text_of

_ELEMENTS = ("PatientAge", "PatientSex", "PatientBirthDate", "StudyDate")
_AGE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*([YMWD]?)", re.IGNORECASE)
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_OLDEST = 120
_SEX = {
    **dict.fromkeys(("f", "female", "woman", "w", "mujer", "femenino"), "F"),
    **dict.fromkeys(("m", "male", "man", "hombre", "masculino"), "M"),
    **dict.fromkeys(("o", "other", "otro"), "O"),
}


@dataclass(frozen=True)
class Demographics:
    """What a table of people says of one.

    Attributes:
        age: Years, when the image was taken; None where it is not known.
        sex: ``F``, ``M`` or ``O`` (other), as DICOM writes it; None where it is not known.
    """

    age: float | None = None
    sex: str | None = None


def dicom_demographics(stream: BinaryIO, title: str) -> Demographics:
    """Age and sex in a header; without an age, the years from birth to the study.

    Args:
        stream: The file.
        title: What to call the image in errors.

    Raises:
        DataError: It is not a DICOM file, or is damaged.
    """
    with parsing_quietly():
        dataset = parse_dicom(stream, title, more=_ELEMENTS)
        age, sex, born, taken = (text_of(dataset, keyword).strip(" \0") for keyword in _ELEMENTS)
    years = age_in_years(age)
    return Demographics(_between(born, taken) if years is None else years, sex_term(sex))


def age_in_years(text: str) -> float | None:
    """An age as DICOM writes it, or as a number of years; None if it is neither, or none that people reach.

    Examples:
        >>> age_in_years("045Y"), age_in_years("018M"), age_in_years("7,5"), age_in_years("old")
        (45.0, 1.5, 7.5, None)
    """
    match = _AGE.fullmatch(text.strip().replace(",", "."))
    if match is None:
        return None
    years = float(match[1]) * _YEARS[match[2].upper()]
    return years if years <= _OLDEST else None


def sex_term(text: str) -> str | None:
    """``F``, ``M``, ``O`` or None.

    Examples:
        >>> sex_term("Female"), sex_term("m"), sex_term("")
        ('F', 'M', None)
    """
    return _SEX.get(text.strip().lower())


def _between(born: str, taken: str) -> float | None:
    try:
        first, last = (date(int(text[:4]), int(text[4:6]), int(text[6:8])) for text in (born, taken))
    except ValueError:
        return None
    years = (last - first).days / 365.25
    return float(int(years)) if 0 <= years <= _OLDEST else None
