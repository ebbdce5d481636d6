"""A model folder as a TensorFlow SavedModel with the signature of the Object Detection API's exporter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import tensorflow as tf

from fractura.core.errors import DataError, ModelError
from fractura.core.model_card import ModelCard, read_card, write_card
from fractura.export.parity import MAXIMUM_SCORE_DIFFERENCE, Parity, compare
from fractura.export.saved_model_graph import FasterRCNNModule
from fractura.inference.runtimes.saved_model import CARD_INSIDE, FOLDER, SavedModel
from fractura.inference.runtimes.torch import TorchModel, load_detector
from fractura.models import Detector
from fractura.models.faster_rcnn import FasterRCNN


def write_saved_model(detector: Detector, card: ModelCard, folder: Path) -> None:
    """Write the SavedModel alone, its card in ``assets.extra``, without comparing it.

    Args:
        detector: In evaluation mode, on the CPU.
        card: Of the detector.
        folder: New folder: ``saved_model.pb``, ``variables/``, ``assets/``.

    Raises:
        ModelError: The detector is of a kind that has no such export.
    """
    if not isinstance(detector, FasterRCNN):
        raise ModelError(
            f"'{card.architecture['name']}' cannot be exported as a SavedModel", hint="use: fractura export --to onnx"
        )
    module = FasterRCNNModule(detector)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})
    write_card(card, folder / CARD_INSIDE)


def export_saved_model(model_folder: Path, output: Path, images: Sequence[Path]) -> Parity:
    """Write ``saved_model/`` and ``card.json`` into ``output``, and compare with PyTorch on ``images`` before that.

    Args:
        model_folder: Trained-model folder.
        output: Folder to write into; a former export in it is replaced.
        images: Images to compare on.

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
        # Beside its place, so that moving it there is one rename.
        with TemporaryDirectory(prefix=".fractura-export-", dir=output) as scratch:
            draft = Path(scratch) / FOLDER
            write_saved_model(detector, card, draft)
            parity = compare(TorchModel(model_folder, device="cpu"), SavedModel(draft, device="cpu"), images)
            if not parity.holds:
                raise ModelError(
                    f"the SavedModel does not find what PyTorch finds: {parity.unmatched} of {parity.boxes} boxes "
                    f"have no twin, scores differ by up to {parity.maximum_score_difference:.2g} "
                    f"(allowed: {MAXIMUM_SCORE_DIFFERENCE})",
                    file=output,
                    hint="nothing was written; please report this with the model's card.json",
                )
            target = output / FOLDER
            if target.exists():
                target.rename(Path(scratch) / "former")
            draft.rename(target)
    except (OSError, tf.errors.OpError) as error:  # TensorFlow's own writer has errors of its own
        raise DataError(
            f"cannot be written: {getattr(error, 'strerror', None) or error}",
            file=output,
            hint="choose a folder that you may write to, on a disk with space left",
        ) from error
    write_card(card, output)
    return parity
