"""A detector as an ONNX graph: resizing, normalisation and suppression inside, image sizes dynamic."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto
from onnxscript import opset18 as op

from fractura.models import Detector

OPSET = 18
_INT64, _BOOL = int(TensorProto.INT64), int(TensorProto.BOOL)
# Their annotations allow any type, or too few; each operator here wants a certain one.
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
    """The library ``transformers`` checks its own shapes with this inside its graphs."""
    return _cast(_minimum(_cast(values, to=_INT64), keepdims=0), to=_BOOL)


def _round(value: Any, digits: Any = None) -> Any:
    """Python's ``round`` of an image's side that is scaled: both round halves to even."""
    return _cast(op.Round(value), to=_INT64)


def write_graph(detector: Detector, output: Path, *, image_size: tuple[int, int] = (454, 373)) -> None:
    """Trace ``detector.forward`` and write it as ONNX.

    Args:
        detector: In evaluation mode, on the CPU.
        output: File to write; the caller makes it final.
        image_size: Height and width of the image used for tracing; the graph takes any.
    """
    image = torch.randint(0, 255, (*image_size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exporter_log = logging.getLogger("torch.onnx")
        level = exporter_log.level
        exporter_log.setLevel(logging.ERROR)
        try:
            program = torch.onnx.export(
                detector,
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
    _forget_the_tracing(model.graph)
    onnx.save(model, output)


def _forget_the_tracing(graph: onnx.GraphProto) -> None:
    """Take off what the exporter notes of each node: source lines with the paths of the machine that exported."""
    for part in (graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        del part.metadata_props[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _forget_the_tracing(attribute.g)
