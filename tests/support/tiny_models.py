"""A real but tiny ONNX model for tests: fixed detections, as shares of the image's width and height."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fractura.core.model_card import METADATA_KEY, ModelCard

CARD = ModelCard(
    name="tiny", architecture={"name": "constant"}, class_names=("fracture", "cast"), threshold=0.4
)  # fmt: skip
SHARES = ((0.5, 0.5, 1.25, 1.0), (0.1, 0.2, 0.5, 0.6), (0.0, 0.0, 0.2, 0.1))
SCORES = (0.3, 0.9, 0.5)
LABELS = (0, 0, 1)


def write_tiny_onnx(
    path: Path, *, card=CARD, shares=SHARES, scores=SCORES, labels=LABELS, input_name="image", text=None
) -> Path:
    """Write the model. ``card=None`` leaves the card out; ``text`` writes any text in its place."""

    def constant(name, values, kind):
        return numpy_helper.from_array(np.array(values, dtype=kind), name)

    graph = helper.make_graph(
        [
            helper.make_node("Shape", [input_name], ["shape"]),
            helper.make_node("Gather", ["shape", "order"], ["sides"]),
            helper.make_node("Cast", ["sides"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["shares", "pixels"], ["boxes"]),
            helper.make_node("Identity", ["fixed_scores"], ["scores"]),
            helper.make_node("Identity", ["fixed_labels"], ["labels"]),
        ],
        "tiny",
        [helper.make_tensor_value_info(input_name, TensorProto.UINT8, ["height", "width", 3])],
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["n", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("labels", TensorProto.INT64, ["n"]),
        ],
        [
            constant("order", [1, 0, 1, 0], np.int64),
            constant("shares", np.reshape(shares, (-1, 4)), np.float32),
            constant("fixed_scores", scores, np.float32),
            constant("fixed_labels", labels, np.int64),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if card is not None or text is not None:
        helper.set_model_props(model, {METADATA_KEY: card.to_json() if text is None else text})
    onnx.save(model, path)
    return path
