"""The folder that the Object Detection API's exporter writes: ``saved_model/``, ``checkpoint/``, ``pipeline.config``.

Follows tensorflow/models research/object_detection exporter_lib_v2.py:199-281; fractura's model card is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import ModelError
from fractura.core.files import write_atomically
from fractura.core.model_card import ModelCard, read_card
from fractura.export import ExportResult, export_model
from fractura.formats.protobuf.text_format import read_text
from fractura.inference.runtimes.torch import load_detector
from fractura.models import Detector
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import InceptionResNetV2Settings, ResNetSettings
from fractura.tensorflow_od.checkpoint import write_checkpoint
from fractura.tensorflow_od.checkpoint_state import write_checkpoint_state
from fractura.tensorflow_od.pipeline_mapping import pipeline_config_for
from fractura.tensorflow_od.pipeline_reader import parse_pipeline_config
from fractura.tensorflow_od.variables import MODEL, key_of, model_variables

PIPELINE_FILE = "pipeline.config"
CHECKPOINT_FOLDER = "checkpoint"


def export_for_tensorflow(
    model_folder: Path,
    *,
    output: Path | None = None,
    images: Sequence[Path] = (),
    pipeline_config: Path | None = None,
    input_type: str = "image_tensor",
) -> ExportResult:
    """Export a model as ``exporter_main_v2.py`` does; the SavedModel is compared with PyTorch before it is kept.

    Args:
        model_folder: Trained-model folder.
        output: Folder to write into; None is ``exported`` in the model folder.
        images: Images to compare on, as in ``export_model``.
        pipeline_config: The file that the model was trained with; None copies the one in the model folder, or
            else writes one from the model's card.
        input_type: What the SavedModel takes, as the flag of ``exporter_main_v2.py`` names it.

    Returns:
        What was written; ``output`` is the folder.

    Raises:
        ModelError: As ``export_model``.
        DataError: ``pipeline_config`` cannot be read, or the folder cannot be written.
        MissingDependencyError: The extra ``train`` or ``tensorflow`` is not installed.
    """
    result = export_model(model_folder, to="saved_model", output=output, images=images, input_type=input_type)
    card = read_card(model_folder)
    notes = write_companions(
        load_detector(card, model_folder), card, result.output, pipeline_config or model_folder / PIPELINE_FILE
    )
    size = sum(file.stat().st_size for file in result.output.rglob("*") if file.is_file())
    return replace(result, size=size, notes=(*result.notes, *notes))


def write_companions(detector: Detector, card: ModelCard, folder: Path, pipeline_config: Path) -> tuple[str, ...]:
    """Write ``checkpoint/`` and ``pipeline.config`` into an exporter's folder.

    Args:
        detector: Its weights go into the checkpoint.
        card: Of the detector.
        folder: Where ``saved_model/`` is.
        pipeline_config: Copied if it exists.

    Returns:
        Notes for the user, one line each.
    """
    prefix = folder / CHECKPOINT_FOLDER / "ckpt-0"
    write_checkpoint(prefix, checkpoint_variables(detector))
    write_checkpoint_state(prefix.parent, [prefix])
    if pipeline_config.is_file():
        text = read_text(pipeline_config)
        parse_pipeline_config(text, pipeline_config)
    elif _is_tensorflows(detector):
        assert isinstance(detector, FasterRCNN)
        try:
            text = pipeline_config_for(detector.settings, card.settings)
        except ModelError as error:
            return (f"no {PIPELINE_FILE}: {error.problem}",)
    else:
        return (f"no {PIPELINE_FILE}: TensorFlow has no model like '{card.architecture['name']}'",)
    write_atomically(folder / PIPELINE_FILE, text)
    return ()


def checkpoint_variables(detector: Detector) -> dict[str, NDArray[Any]]:
    """The weights by checkpoint key: TensorFlow's names if it has such a model, else fractura's."""
    if _is_tensorflows(detector):
        variables: dict[str, NDArray[Any]] = dict(model_variables(detector))
    else:
        variables = {
            key_of(MODEL + name.replace(".", "/")): value.detach().cpu().numpy()
            for name, value in detector.state_dict().items()
        }
    # tf.train.CheckpointManager counts its saves, and this is the first.
    return variables | {key_of("save_counter"): np.array(1, np.int64)}


def _is_tensorflows(detector: Detector) -> bool:
    return isinstance(detector, FasterRCNN) and isinstance(
        detector.settings.feature_extractor, InceptionResNetV2Settings | ResNetSettings
    )
