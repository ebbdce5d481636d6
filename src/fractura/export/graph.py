"""Tracing a detector to an ONNX graph with resizing, normalisation and suppression, for images of any size."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto
from onnxscript import opset18 as op

from fractura.models import (
    Detector,
    nms,  # noqa: F401  # registers torch.ops.fractura.nms, which not every detector imports
)
from fractura.models.layers import fold_norms

OPSET = 18
_INT64, _BOOL = int(TensorProto.INT64), int(TensorProto.BOOL)
# The annotations of these operators allow any type, or too few.
_constant: Any = op.Constant
_cast: Any = op.Cast
_minimum: Any = op.ReduceMin


def _non_max_suppression(
    boxes: Any, scores: Any, iou_threshold: float, score_threshold: float, max_output_per_class: int
) -> Any:
    return op.NonMaxSuppression(
        boxes,
        scores,
        _constant(value_ints=[max_output_per_class]),
        _constant(value_floats=[iou_threshold]),
        _constant(value_floats=[score_threshold]),
    )


def _is_all_true(values: Any) -> Any:
    """``transformers`` checks shapes with this operator inside its graphs."""
    return _cast(_minimum(_cast(values, to=_INT64), keepdims=0), to=_BOOL)


def _round(value: Any, digits: Any = None) -> Any:
    """Python's ``round``, of a scaled side of an image: both round halves to even."""
    return _cast(op.Round(value), to=_INT64)


def write_graph(detector: Detector, output: Path, *, image_size: tuple[int, int] = (454, 373)) -> None:
    """Trace ``detector.forward`` and write it as ONNX.

    Args:
        detector: In evaluation mode, on the CPU.
        output: File to write; not atomic.
        image_size: Height and width of the image used for tracing; the graph accepts any.
    """
    image = torch.randint(0, 255, (*image_size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exporter_log = logging.getLogger("torch.onnx")
        level = exporter_log.level
        exporter_log.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                fold_norms(detector),
                (image,),
                dynamo=True,
                opset_version=OPSET,
                input_names=["image"],
                output_names=["boxes", "scores", "labels"],
                dynamic_shapes=({0: torch.export.Dim("height", min=16), 1: torch.export.Dim("width", min=16)},),
                custom_translation_table={
                    torch.ops.fractura.nms.default: _non_max_suppression,
                    torch.ops.aten._is_all_true.default: _is_all_true,
                    round: _round,
                },
                optimize=True,
                verbose=False,
            )
        finally:
            exporter_log.setLevel(level)
    assert program is not None
    model = program.model_proto
    _strip_traces(model.graph)
    onnx.save(model, output)


def _strip_traces(graph: onnx.GraphProto) -> None:
    """Remove the exporter's notes on each node: source lines with paths of this machine."""
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _strip_traces(attribute.g)
