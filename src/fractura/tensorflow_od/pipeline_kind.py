"""Which model a ``pipeline.config`` is for: asked before its fields, so that the first message is the true reason."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from fractura.core.errors import DataError, suggest_name
from fractura.formats.protobuf.text_format import Document, Field, Message, Scalar
from fractura.tensorflow_od.pipeline_model_fields import FEATURE_EXTRACTORS, OTHER_EXTRACTORS

OTHER_MODELS = {
    "ssd": "it is an SSD (also EfficientDet, RetinaNet and MobileNet detectors)",
    "center_net": "it is a CenterNet",
    "experimental_model": "it is a model of somebody's own",
}
"""Meta-architectures of the Object Detection API that fractura does not have, and what they are."""

_HINT = "use a Faster R-CNN of the TensorFlow 2 zoo: fractura configure --new faster_rcnn_resnet50_v1_640x640"


def refuse_other_models(document: Document) -> None:
    """Check that a file is for a Faster R-CNN with two stages and a known extractor.

    Raises:
        DataError: It is for something else; the error says for what, with its line.
    """
    file, model = document.file, document.message("model")
    if model is None:
        return
    for name, what in OTHER_MODELS.items():
        if (field := model.last(name)) is not None and model.last("faster_rcnn") is None:
            if isinstance(field.value, Message):
                what = _of_extractor(field.value, what)
            _refuse(field, f"'model.{name}' is not supported: {what}", file, "known are: faster_rcnn")
    faster_rcnn = document.message("model", "faster_rcnn")
    if faster_rcnn is None:
        return
    extractor = document.message("model", "faster_rcnn", "feature_extractor")
    if extractor is not None and (kind := extractor.last("type")) is not None:
        _refuse_extractor(kind, file)
    stages = faster_rcnn.last("number_of_stages")
    if stages is not None and isinstance(stages.value, Scalar) and stages.value.text in ("1", "3"):
        one = stages.value.text == "1"
        what = "a region proposal network alone, which predicts no classes" if one else "a Mask R-CNN"
        _refuse(stages, f"number_of_stages {stages.value.text} is not supported: it is {what}", file, "write 2")
    predictor = document.message("model", "faster_rcnn", "second_stage_box_predictor")
    if predictor is not None and (rfcn := predictor.last("rfcn_box_predictor")) is not None:
        _refuse(rfcn, "rfcn_box_predictor is not supported: it is an R-FCN, not a Faster R-CNN", file, _HINT)


def _of_extractor(model: Message, what: str) -> str:
    extractor = model.last("feature_extractor")
    if extractor is None or not isinstance(extractor.value, Message):
        return what
    kind = extractor.value.last("type")
    return f"{what}, {kind.value.text}" if kind is not None and isinstance(kind.value, Scalar) else what


def _refuse_extractor(field: Field, file: Path | None) -> None:
    if not isinstance(field.value, Scalar) or field.value.kind != "string":
        return  # the reader says what is wrong with it
    name = field.value.text
    if name in OTHER_EXTRACTORS:
        hint = f"use one of: {', '.join(FEATURE_EXTRACTORS)}"
        _refuse(field, f"type '{name}' is not supported: {OTHER_EXTRACTORS[name]}", file, hint)
    if name and name not in FEATURE_EXTRACTORS:
        hint = suggest_name(name, FEATURE_EXTRACTORS) if name.startswith("faster_rcnn") else _HINT
        _refuse(field, f"type '{name}' is not supported", file, hint)


def _refuse(field: Field, problem: str, file: Path | None, hint: str) -> NoReturn:
    raise DataError(problem, file=file, place=f"line {field.line}", hint=hint)
