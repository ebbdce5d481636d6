"""How the variables of a TensorFlow checkpoint map to the tensors of our Inception ResNet V2 Faster R-CNN.

Names are checkpoint keys without ``model/`` and ``/.ATTRIBUTES/VARIABLE_VALUE``. ``tensorflow_layers.json`` in this
folder lists, for both halves of the backbone, the place in the architecture of each Keras ``layer_with_weights-N``.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADS = {
    "_first_stage_box_predictor_first_conv/layer_with_weights-0": "first_stage_conv",
    "_first_stage_box_predictor/_prediction_heads/box_encodings/0/_box_encoder_layers/0": "first_stage_box_head",
    "_first_stage_box_predictor/_prediction_heads/class_predictions_with_background/0/_class_predictor_layers/0": (
        "first_stage_class_head"
    ),
    "_mask_rcnn_box_predictor/_box_prediction_head/_box_encoder_layers/1": "second_stage_box_head",
    "_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers/1": "second_stage_class_head",
}
_STAGES = {
    "_feature_extractor_for_proposal_features": "feature_extractor.first_stage",
    "_feature_extractor_for_box_classifier_features": "feature_extractor.second_stage",
}


@cache
def names() -> dict[str, str]:
    """Our name for each variable of TensorFlow's, for all tensors of the model.

    >>> names()["_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers/1/bias"]
    'second_stage_class_head.bias'
    """
    pairs: dict[str, str] = {}
    layers = json.loads(Path(__file__).with_name("tensorflow_layers.json").read_text(encoding="utf-8"))
    for stage, places in layers.items():
        for number, place in enumerate(places):
            theirs, ours = f"{stage}/layer_with_weights-{number}", f"{_STAGES[stage]}.{place.replace('/', '.')}"
            if place.endswith("/bn"):
                pairs[f"{theirs}/beta"] = f"{ours}.bias"
                pairs[f"{theirs}/moving_mean"] = f"{ours}.running_mean"
                pairs[f"{theirs}/moving_variance"] = f"{ours}.running_var"
            else:
                pairs[f"{theirs}/kernel"] = f"{ours}.weight"
                if place.endswith("up_1x1"):
                    pairs[f"{theirs}/bias"] = f"{ours}.bias"
    for theirs, ours in _HEADS.items():
        pairs[f"{theirs}/kernel"] = f"{ours}.weight"
        pairs[f"{theirs}/bias"] = f"{ours}.bias"
    return pairs


def from_tensorflow(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """A TensorFlow kernel in our axis order: HWIO to OIHW, in-out to out-in; vectors are unchanged.

    >>> from_tensorflow(np.zeros((3, 3, 16, 32), np.float32)).shape
    (32, 16, 3, 3)
    """
    return np.ascontiguousarray(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T)


def to_tensorflow(value: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of ``from_tensorflow``."""
    return np.ascontiguousarray(value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T)
