"""How large a pixel of a radiograph is, and in which plane: PS3.3 section 10.7.1."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fractura.imaging.dicom.source import DICOM_ERRORS, text_of

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SpacingKind = Literal["calibrated", "unknown", "detector"]
_CALIBRATIONS = ("GEOMETRY", "FIDUCIAL")
_SAME = 1e-4
"""Relative difference of two numbers that writers rounded differently."""


@dataclass(frozen=True)
class PixelSpacing:
    """The distance between the centres of neighbouring pixels.

    Attributes:
        across: mm from column to column.
        down: mm from row to row.
        kind: ``calibrated``: in the patient, for the body part that the calibration was made for. ``detector``: at the
            detector, where everything appears larger than it is. ``unknown``: the file does not say which of the two.
    """

    across: float
    down: float
    kind: SpacingKind


def read_spacing(dataset: Dataset) -> PixelSpacing | None:
    """From Pixel Spacing and Imager Pixel Spacing; None where there is neither. Call it inside ``parsing_quietly``.

    Pixel Spacing that was not calibrated repeats Imager Pixel Spacing.
    """
    pixel, imager = _pair(dataset, "PixelSpacing"), _pair(dataset, "ImagerPixelSpacing")
    said = text_of(dataset, "PixelSpacingCalibrationType").strip().upper() in _CALIBRATIONS
    if pixel is not None and said:
        return PixelSpacing(*pixel, "calibrated")
    if pixel is not None and imager is None:
        return PixelSpacing(*pixel, "unknown")
    if imager is None:
        return None
    if pixel is None or all(math.isclose(one, other, rel_tol=_SAME) for one, other in zip(pixel, imager, strict=True)):
        return PixelSpacing(*imager, "detector")
    return PixelSpacing(*pixel, "calibrated")


def _pair(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """Across and down: DICOM gives the spacing of rows first. None unless both are positive numbers."""
    try:
        down, across = (float(value) for value in dataset.get(keyword) or ())
    except DICOM_ERRORS:
        return None
    usable = all(math.isfinite(value) and value > 0 for value in (across, down))
    return (across, down) if usable else None
