"""Exporting a model to a TensorFlow SavedModel with the signature of the Object Detection API's exporter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from fractura.core.errors import DataError, ModelError
from fractura.core.leftovers import temporary_folder
from fractura.core.model_card import ModelCard, read_card, write_card
from fractura.export.parity import Parity, compare
from fractura.export.saved_model_graph import FasterRCNNModule
from fractura.export.saved_model_inputs import INPUT_KINDS
from fractura.inference.runtimes.saved_model import CARD_INSIDE, FOLDER, SavedModel
from fractura.inference.runtimes.torch import TorchModel, load_detector
from fractura.models import Detector
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN


def write_saved_model(detector: Detector, card: ModelCard, folder: Path, *, input_type: str = "image_tensor") -> None:
    """Write only the SavedModel, with its card in ``assets.extra``, without comparing it.

    Args:
        detector: In evaluation mode, on the CPU.
        card: Of the detector.
        folder: New folder, for ``saved_model.pb``, ``variables/`` and ``assets/``.
        input_type: One of ``saved_model_inputs.INPUT_KINDS``.

    Raises:
        ModelError: The detector is not a Faster R-CNN.
    """
    _save(_module(detector, card), card, folder, input_type)


def _module(detector: Detector, card: ModelCard) -> FasterRCNNModule:
    if not isinstance(detector, FasterRCNN):
        raise ModelError(
            f"'{card.architecture['name']}' cannot be exported as a SavedModel", hint="use: fractura export --to onnx"
        )
    return FasterRCNNModule(detector)


def _save(module: FasterRCNNModule, card: ModelCard, folder: Path, input_type: str) -> None:
    module.__call__ = INPUT_KINDS[input_type].function(module.detect)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})
    write_card(card, folder / CARD_INSIDE)


def export_saved_model(
    model_folder: Path, output: Path, images: Sequence[Path], *, input_type: str = "image_tensor"
) -> Parity:
    """Write ``saved_model/`` and ``card.json`` into ``output`` after comparing with PyTorch on ``images``.

    Args:
        model_folder: Trained-model folder.
        output: Folder to write into; a previous export in it is replaced.
        images: Images to compare on.
        input_type: One of ``saved_model_inputs.INPUT_KINDS``. It is compared with pixels as its input, and then written
            with the input asked for.

    Returns:
        How well the SavedModel agrees with PyTorch.

    Raises:
        ModelError: The model cannot be read or exported, or the SavedModel does not find what PyTorch finds.
        DataError: The folder cannot be written.
    """
    card = read_card(model_folder)
    detector = load_detector(card, model_folder)
    try:
        output.mkdir(parents=True, exist_ok=True)
        # In the same folder, so that moving it into place is one rename.
        with temporary_folder(".fractura-export-", output) as scratch:
            draft = scratch / FOLDER
            module = _module(detector, card)
            _save(module, card, draft, "image_tensor")
            parity = compare(TorchModel(model_folder, device="cpu"), SavedModel(draft, device="cpu"), images)
            parity.require("the SavedModel", output)
            if input_type != "image_tensor":
                draft = scratch / "other_input"
                _save(module, card, draft, input_type)
            target = output / FOLDER
            if target.exists():
                target.rename(scratch / "former")
            draft.rename(target)
    except (OSError, tf.errors.OpError) as error:  # TensorFlow's writer raises errors of its own
        raise DataError(
            f"cannot be written: {getattr(error, 'strerror', None) or error}",
            file=output,
            hint="choose a writable folder on a disk with free space",
        ) from error
    write_card(card, output)
    return parity
