"""How the variables of a TensorFlow checkpoint map to the tensors of our Faster R-CNN with one of its backbones.

Names are checkpoint keys without ``model/`` and ``/.ATTRIBUTES/VARIABLE_VALUE``. ``tensorflow_layers.json`` in this
folder lists the layers of Inception ResNet V2, whose order follows no short rule.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fractura.models.faster_rcnn.settings import ResNetSettings

_INCEPTION = "inception_resnet_v2"
_HEADS = {
    "_first_stage_box_predictor_first_conv/layer_with_weights-0": "first_stage_conv",
    "_first_stage_box_predictor/_prediction_heads/box_encodings/0/_box_encoder_layers/0": "first_stage_box_head",
    "_first_stage_box_predictor/_prediction_heads/class_predictions_with_background/0/_class_predictor_layers/0": (
        "first_stage_class_head"
    ),
}
_SECOND_STAGE_HEADS = {
    "_mask_rcnn_box_predictor/_box_prediction_head/_box_encoder_layers": "second_stage_box_head",
    "_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers": "second_stage_class_head",
}
"""Lists of layers of which the last has weights: flatten, dropout if there is any, dense."""
_STAGES = {
    "_feature_extractor_for_proposal_features": "feature_extractor.first_stage",
    "_feature_extractor_for_box_classifier_features": "feature_extractor.second_stage",
}


@cache
def names(kind: str, *, dropout: bool = False) -> dict[str, str]:
    """Our name for each variable of TensorFlow's, for all tensors of a model.

    >>> names("resnet50_v1")["_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers/1/bias"]
    'second_stage_class_head.bias'

    Args:
        kind: Of the backbone, as in its settings: one that TensorFlow has.
        dropout: The second stage has dropout.
    """
    pairs: dict[str, str] = {}
    for stage, places in _places(kind).items():
        for number, place in enumerate(places):
            theirs, ours = f"{stage}/layer_with_weights-{number}", f"{_STAGES[stage]}.{place.replace('/', '.')}"
            if place.endswith("/bn"):
                if kind != _INCEPTION:  # which has no gamma
                    pairs[f"{theirs}/gamma"] = f"{ours}.weight"
                pairs[f"{theirs}/beta"] = f"{ours}.bias"
                pairs[f"{theirs}/moving_mean"] = f"{ours}.running_mean"
                pairs[f"{theirs}/moving_variance"] = f"{ours}.running_var"
            else:
                pairs[f"{theirs}/kernel"] = f"{ours}.weight"
                if place.endswith("up_1x1"):
                    pairs[f"{theirs}/bias"] = f"{ours}.bias"
    last = 2 if dropout else 1
    second_stage = {f"{layers}/{last}": ours for layers, ours in _SECOND_STAGE_HEADS.items()}
    for theirs, ours in (_HEADS | second_stage).items():
        pairs[f"{theirs}/kernel"] = f"{ours}.weight"
        pairs[f"{theirs}/bias"] = f"{ours}.bias"
    return pairs


def _places(kind: str) -> dict[str, list[str]]:
    """For both halves of the backbone, where in the architecture each Keras ``layer_with_weights-N`` is."""
    if kind == _INCEPTION:
        file = Path(__file__).with_name("tensorflow_layers.json")
        layers: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
        return layers
    first, second = ["conv1", "conv1/bn"], list[str]()
    for number, count in enumerate(ResNetSettings.model_validate({"kind": kind}).blocks, start=2):
        for block in range(1, count + 1):
            # Keras sorts layers by their distance from the output, so that the shortcut comes next to the last one.
            order = ("1", "1/bn", "2", "2/bn", *(("0", "3", "0/bn", "3/bn") if block == 1 else ("3", "3/bn")))
            (first if number < 5 else second).extend(f"conv{number}_block{block}/conv_{layer}" for layer in order)
    return dict(zip(_STAGES, (first, second), strict=True))


def from_tensorflow(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """A TensorFlow kernel in our axis order: HWIO to OIHW, in-out to out-in; vectors are unchanged.

    >>> from_tensorflow(np.zeros((3, 3, 16, 32), np.float32)).shape
    (32, 16, 3, 3)
    """
    return np.ascontiguousarray(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T)


def to_tensorflow(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of ``from_tensorflow``."""
    return np.ascontiguousarray(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T)
