"""What a node makes of an image: the model's detections, as DICOM objects of the image's study."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fractura.core.files import read_file
from fractura.hospital.device import installed_device
from fractura.hospital.dicom_results import dicom_results
from fractura.hospital.rules import ImageDescription, Rules, read_rules, with_kinds
from fractura.imaging.dicom.source import parse_dicom, parsing_quietly
from fractura.inference import load_model
from fractura.inference.origin import ResultOrigin
from fractura.node.examiner import Examination
from fractura.node.queue_entries import QueuedImage
from fractura.node.settings import NodeSettings

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def examination_of(settings: NodeSettings) -> Examination:
    """The examination with the model and the results that a node's settings name; loads the model.

    Raises:
        ModelError: The model cannot be used.
        DataError: The identity of this installation or the rules cannot be read.
        UsageError: The rules are not valid.
    """
    rules = with_kinds(Rules() if settings.rules is None else read_rules(settings.rules), settings.results)
    model, device = load_model(settings.model), installed_device()

    def examine(image: QueuedImage) -> Sequence[Dataset]:
        data = read_file(image.path)
        with parsing_quietly():
            header = parse_dicom(io.BytesIO(data), image.path.name)
            if rules.refusal(ImageDescription.of(header, calling_ae_title=image.caller)):
                return ()
        prediction = model.predict(image.path)
        row = prediction.to_dict()
        kinds = [kind for kind in settings.results if kind in rules.kinds_for(row)]
        origin = ResultOrigin(card=model.card, digest=model.digest, settings=prediction.settings)
        return tuple(dicom_results(data, row, origin, device, kinds, pixels=prediction.image).values())

    return examine
