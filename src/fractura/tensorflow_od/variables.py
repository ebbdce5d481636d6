"""Convert a detector's weights to variables under TensorFlow's checkpoint keys, and back.

The keys are those that the Object Detection API's ``tf.train.Checkpoint(model=…, optimizer=…, step=…)`` writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from fractura.models.faster_rcnn import tensorflow_weights
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.tensorflow_od.object_graph import VALUE

MODEL = "model/"
OPTIMIZER, BASE_OPTIMIZER = "optimizer", "optimizer/base_optimizer"
"""Where the optimiser stands: the second where moving averages, an optimiser of their own, are around it."""
AVERAGE = "average"
"""Slot of the moving averages."""
_FIRST, _SECOND = "_feature_extractor_for_proposal_features", "_feature_extractor_for_box_classifier_features"
_LAYER = "layer_with_weights-"


def key_of(path: str) -> str:
    """The key of the variable at a path.

    >>> key_of("optimizer/iter")
    'optimizer/iter/.ATTRIBUTES/VARIABLE_VALUE'
    """
    return f"{path}/{VALUE}"


def slot_key(path: str, slot: str, optimizer: str = OPTIMIZER) -> str:
    """The key of what an optimiser keeps of the variable at a path.

    >>> slot_key("model/w", "momentum")
    'model/w/.OPTIMIZER_SLOT/optimizer/momentum/.ATTRIBUTES/VARIABLE_VALUE'
    """
    return key_of(f"{path}/.OPTIMIZER_SLOT/{optimizer}/{slot}")


def backbone_kind(detector: nn.Module) -> str:
    """The kind of a detector's backbone, which decides its paths in a checkpoint."""
    assert isinstance(detector, FasterRCNN)
    return detector.settings.feature_extractor.kind


def model_paths(kind: str, *, dropout: bool = False) -> dict[str, str]:
    """Path in the checkpoint of every tensor of a detector: ``model/…`` to our name.

    Args:
        kind: Of its backbone, one that TensorFlow has.
        dropout: Its second stage has dropout.
    """
    return {MODEL + theirs: ours for theirs, ours in tensorflow_weights.names(kind, dropout=dropout).items()}


def paths_of(detector: nn.Module) -> dict[str, str]:
    """``model_paths`` of a detector."""
    assert isinstance(detector, FasterRCNN)
    return model_paths(backbone_kind(detector), dropout=detector.settings.use_dropout)


def backbone_paths(kind: str) -> dict[str, str]:
    """Only the two halves of the backbone: what type ``detection`` restores."""
    halves = (MODEL + _FIRST, MODEL + _SECOND)
    return {path: ours for path, ours in model_paths(kind).items() if path.startswith(halves)}


def classification_paths(kind: str) -> dict[str, str]:
    """The backbone as one Keras model under ``feature_extractor``: what type ``classification`` restores.

    The reference (models/faster_rcnn_inception_resnet_v2_keras_feature_extractor.py:99-155, that of ResNet likewise,
    meta_architectures/faster_rcnn_meta_arch.py:2887-2891) builds ``classification_backbone``, the whole network
    without its top, cuts both halves out of it, and restores ``Checkpoint(feature_extractor=backbone)``.
    Keras numbers the layers with weights of a functional model by their distance from the output, and every layer of
    the first half is farther from it than any of the second: so the second half's numbers follow on the first's.
    """
    paths: dict[str, str] = {}
    backbone = backbone_paths(kind)
    layers = {int(path.split(_LAYER)[1].split("/")[0]) for path in backbone if path.startswith(MODEL + _FIRST)}
    for path, ours in backbone.items():
        number, variable = path.split(_LAYER)[1].split("/")
        shift = 0 if path.startswith(MODEL + _FIRST) else len(layers)
        paths[f"feature_extractor/{_LAYER}{int(number) + shift}/{variable}"] = ours
    return paths


def shape_in_tensorflow(tensor: torch.Tensor) -> tuple[int, ...]:
    """The shape that TensorFlow's variable of this tensor has.

    >>> shape_in_tensorflow(torch.zeros(64, 3, 7, 7))
    (7, 7, 3, 64)
    """
    shape = tuple(tensor.shape)
    return (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape[::-1]


def to_array(tensor: torch.Tensor) -> NDArray[np.float32]:
    """A tensor of ours as TensorFlow's variable."""
    return tensorflow_weights.to_tensorflow(tensor.detach().cpu().contiguous().numpy())


def to_tensor(value: NDArray[Any]) -> torch.Tensor:
    """The inverse of ``to_array``."""
    return torch.from_numpy(tensorflow_weights.from_tensorflow(np.asarray(value, np.float32)).copy())


def model_variables(detector: nn.Module) -> dict[str, NDArray[np.float32]]:
    """Every weight of the detector by its key."""
    state = detector.state_dict()
    return {key_of(path): to_array(state[ours]) for path, ours in paths_of(detector).items()}


def trainable_paths(detector: nn.Module) -> dict[str, str]:
    """The trainable weights: path in the checkpoint to our name."""
    parameters = dict(detector.named_parameters())
    every = paths_of(detector)
    return {path: ours for path, ours in every.items() if ours in parameters and parameters[ours].requires_grad}


def parameters_by_path(detector: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """The trainable weights, by their paths in the checkpoint."""
    parameters = dict(detector.named_parameters())
    for path, ours in trainable_paths(detector).items():
        yield path, parameters[ours]
