"""The fields of ``Hyperparams`` in a ``pipeline.config``'s ``model``: what its layers are made of.

Names, types and defaults are those of tensorflow/models research/object_detection/protos/hyperparams.proto.
"""

from __future__ import annotations

from typing import Any

from fractura.tensorflow_od.pipeline_schema import (
    MessageField,
    Table,
    ValueField,
    fixed,
    ignored,
    message,
    number,
    refused,
)

_DENSE = "TensorFlow does not pass it on to these layers either: they start from glorot_uniform, without decay"
_START = "layers that are not in the checkpoint always start as in the zoo's configs: truncated normal, stddev 0.01"
_RELU = "the Keras layers use relu6 in the first stage and no other activation"
_NO_NORM = "the first stage has no normalisation"
_ACTIVATIONS = ("NONE", "RELU", "RELU_6", "SWISH")
_OPS = ("CONV", "FC")
_MODES = ("FAN_IN", "FAN_OUT", "FAN_AVG")


def _regularizers(l1: MessageField, l2: MessageField) -> MessageField:
    return message({"l1_regularizer": l1, "l2_regularizer": l2})


def _first_stage_regularizer(kind: str, **more: Any) -> MessageField:
    return message(
        {"weight": number(1.0, setting="first_stage_regularizer.weight", **more)},
        oneof="regularizer",
        sets={"first_stage_regularizer.kind": kind},
    )


def _initializers(reason: str) -> dict[str, ValueField | MessageField]:
    def normal() -> MessageField:
        return message({"mean": ignored("float", reason), "stddev": ignored("float", reason)})

    return {
        "truncated_normal_initializer": normal(),
        "variance_scaling_initializer": message(
            {
                "factor": ignored("float", reason),
                "uniform": ignored("bool", reason),
                "mode": ignored("enum", reason, choices=_MODES),
            }
        ),
        "random_normal_initializer": normal(),
        "keras_initializer_by_name": ignored("string", reason),
    }


CONVOLUTION: Table = {
    "op": fixed("enum", "CONV", "this layer is a convolution", choices=_OPS, fresh="CONV"),
    "regularizer": _regularizers(_first_stage_regularizer("l1"), _first_stage_regularizer("l2", fresh=0.0)),
    "initializer": message(
        {
            **_initializers(_START),
            "truncated_normal_initializer": message(
                {"mean": ignored("float", _START, used=0.0), "stddev": ignored("float", _START, used=0.01, fresh=0.01)}
            ),
        }
    ),
    "activation": ignored("enum", _RELU, choices=_ACTIVATIONS),
    "batch_norm": refused(_NO_NORM),
    "sync_batch_norm": refused(_NO_NORM),
    "group_norm": refused(_NO_NORM),
    "regularize_depthwise": ignored("bool", "there are no depthwise convolutions"),
    "force_use_bias": ignored("bool", "without batch normalisation these layers have biases"),
}
"""The first stage's layers."""


def unused_hyperparams(reason: str) -> Table:
    """The fields of a ``Hyperparams`` message, all without effect."""
    norm: Table = {
        "decay": ignored("float", reason),
        "center": ignored("bool", reason),
        "scale": ignored("bool", reason),
        "epsilon": ignored("float", reason),
        "train": ignored("bool", reason),
    }
    weight = message({"weight": ignored("float", reason)})
    return {
        "op": ignored("enum", reason, choices=_OPS),
        "regularizer": _regularizers(weight, weight),
        "initializer": message(_initializers(reason)),
        "activation": ignored("enum", reason, choices=_ACTIVATIONS),
        "batch_norm": message(norm),
        "sync_batch_norm": message(norm),
        "group_norm": message({}),
        "regularize_depthwise": ignored("bool", reason),
        "force_use_bias": ignored("bool", reason),
    }


FULLY_CONNECTED: Table = {
    **unused_hyperparams(_DENSE),
    "op": ignored("enum", _DENSE, choices=_OPS, fresh="FC"),
    "regularizer": _regularizers(
        message({"weight": ignored("float", _DENSE)}), message({"weight": ignored("float", _DENSE, fresh=0.0)})
    ),
    "initializer": message(
        {
            **_initializers(_DENSE),
            "variance_scaling_initializer": message(
                {
                    "factor": ignored("float", _DENSE, fresh=1.0),
                    "uniform": ignored("bool", _DENSE, fresh=True),
                    "mode": ignored("enum", _DENSE, choices=_MODES, fresh="FAN_AVG"),
                }
            ),
        }
    ),
}
"""The second stage's layers."""
