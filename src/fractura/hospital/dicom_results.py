"""All DICOM objects that a result can become, by name."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fractura.hospital.device import Device
from fractura.hospital.presentation_state import presentation_state
from fractura.hospital.secondary_capture import secondary_capture
from fractura.hospital.structured_report import structured_report
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import ImageRow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DicomKind = Literal["sr", "sc", "gsps"]
"""Structured report, secondary capture with the boxes drawn, grey-scale softcopy presentation state."""
DICOM_KINDS: tuple[DicomKind, ...] = get_args(DicomKind)


def dicom_results(
    image: bytes,
    row: ImageRow,
    origin: ResultOrigin,
    device: Device,
    kinds: Collection[DicomKind] = DICOM_KINDS,
    *,
    pixels: NDArray[np.uint8] | None = None,
) -> dict[DicomKind, Dataset]:
    """An image's result as DICOM objects of its study.

    The same image, model, settings and installation give objects of the same UIDs.

    Args:
        image: The DICOM image's bytes.
        row: Its result; of an image that could be read.
        origin: The model and how it was applied.
        device: The installation; see ``installed_device``.
        kinds: Which objects.
        pixels: uint8 ``(h, w, 3)``: the image as displayed, where somebody has read it already.

    Raises:
        DataError: The image is not DICOM, or lacks elements that a result must refer to; for ``gsps``, it is stored in
            colour.
    """
    made: dict[DicomKind, Dataset] = {}
    for kind in DICOM_KINDS:
        if kind not in kinds:
            continue
        if kind == "sr":
            made[kind] = structured_report(image, row, origin, device)
        elif kind == "sc":
            made[kind] = secondary_capture(image, row, origin, device, pixels=pixels)
        else:
            made[kind] = presentation_state(image, row, origin, device)
    return made


def dicom_bytes(dataset: Dataset) -> bytes:
    """A DICOM object as a file of PS3.10."""
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
