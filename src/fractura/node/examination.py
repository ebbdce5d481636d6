"""What a node makes of an image: the model's detections, as DICOM objects of the image's study."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fractura.core.files import read_file
from fractura.hospital.device import installed_device
from fractura.hospital.dicom_results import dicom_results
from fractura.hospital.object_identity import made_here
from fractura.imaging.dicom.source import parse_dicom, parsing_quietly
from fractura.inference import load_model
from fractura.inference.origin import ResultOrigin
from fractura.node.examiner import Examination
from fractura.node.settings import NodeSettings

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def examination_of(settings: NodeSettings) -> Examination:
    """The examination with the model and the results that a node's settings name; loads the model.

    Raises:
        ModelError: The model cannot be used.
        DataError: The identity of this installation cannot be read.
    """
    model, device = load_model(settings.model), installed_device()

    def examine(image: Path) -> Sequence[Dataset]:
        data = read_file(image)
        with parsing_quietly():
            if made_here(parse_dicom(io.BytesIO(data), image.name)):
                return ()
        prediction = model.predict(image)
        origin = ResultOrigin(card=model.card, digest=model.digest, settings=prediction.settings)
        made = dicom_results(data, prediction.to_dict(), origin, device, settings.results, pixels=prediction.image)
        return tuple(made.values())

    return examine
