"""Recovering the weights from an exported ``.onnx`` file, so that training can start from a model without a folder.

The export keeps the names of weights except where it precomputes: frozen batch norm is folded into the kernel before
it, and the scale and shift of group norm become unnamed constants. A folded kernel is restored as it is, with a batch
norm that only shifts: the detector computes the same and can be trained. Both are compared on one image, so that a file
exported in another way is refused instead of half understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from fractura.core.boxes import Boxes
from fractura.core.errors import ModelError
from fractura.core.model_card import ModelCard
from fractura.inference.runtimes.onnx import INPUT, OnnxModel
from fractura.inference.runtimes.runtime import checked_boxes
from fractura.models import Detector, build_from_architecture
from fractura.models.layers import BatchNorm, ConvNorm
from fractura.phantom import make_phantom

_COMPARED = 5
"""Number of best candidates that are compared."""
_SCORE_TOLERANCE = 1e-3
_PIXEL_TOLERANCE = 0.5


def read_exported_weights(file: Path) -> tuple[ModelCard, dict[str, Tensor]]:
    """Card and weights of an exported model.

    Args:
        file: An ``.onnx`` file that fractura exported from a Faster R-CNN, in single or half precision.

    Returns:
        Its card, and float32 weights as the ``state_dict`` of the card's architecture names them.

    Raises:
        ModelError: The file cannot be read, or a detector with the recovered weights disagrees with it.
    """
    model = OnnxModel(file, device="cpu")
    detector = build_from_architecture(model.card.architecture).eval()
    weights = detector.state_dict()
    graph = onnx.load(file)
    image = np.repeat(make_phantom(seed=0, index=0).pixels[..., None], 3, axis=2)
    names = dict(_sources(graph.graph, detector))
    for source, value in _values(graph, list(names), image).items():
        own = weights[names[source]]
        if value.size == own.numel():  # if not, the comparison below fails
            own.copy_(torch.from_numpy(value.astype(np.float32)).reshape(own.shape))
    for layer in _folded(detector).values():
        assert isinstance(layer.bn, BatchNorm)
        layer.bn.running_mean.zero_()
        layer.bn.running_var.fill_(1.0 - layer.bn.epsilon)
        if layer.bn.weight is not None:
            nn.init.ones_(layer.bn.weight)
    with torch.inference_mode():
        ours = detector.detect([torch.from_numpy(image)])[0]
    if not _agree(checked_boxes(ours, model.card, file), model.detect(image)):
        raise ModelError(
            "its weights cannot be recovered for training",
            file=file,
            hint="start from the model folder it was exported from, or export that with this version",
        )
    return model.card, weights


def _folded(detector: Detector) -> dict[str, ConvNorm]:
    """Convolutions whose norm the export has folded, in the order of execution."""
    return {name: layer for name, layer in detector.named_modules() if isinstance(layer, ConvNorm)}


def _sources(graph: onnx.GraphProto, detector: Detector) -> Iterator[tuple[str, str]]:
    """Pairs of (value in the graph, weight that it holds)."""
    folded = list(_folded(detector))
    own = {name for name in detector.state_dict() if name.rpartition(".")[0] not in folded}
    constants = {each.name for each in graph.initializer}
    norm_after = {
        f"{before}.weight": name
        for (before, _), (name, layer) in pairwise(detector.named_modules())
        if isinstance(layer, nn.GroupNorm)
    }
    yield from ((name, name) for name in own & (constants | {each for node in graph.node for each in node.output}))
    norm = ""  # the group norm whose constants come next
    for node in graph.node:
        constant = next((each for each in node.input if each in constants), None)
        if node.op_type == "Conv" and node.input[1] in own:
            norm = norm_after.get(node.input[1], "")
        elif node.op_type == "Conv" and folded:
            layer = folded.pop(0)
            yield from zip(node.input[1:], (f"{layer}.weight", f"{layer}.bn.bias"), strict=False)
        elif node.op_type == "Mul" and norm and constant:
            yield constant, f"{norm}.weight"
        elif node.op_type == "Add" and norm and constant:
            yield constant, f"{norm}.bias"
            norm = ""


def _values(graph: onnx.ModelProto, names: list[str], image: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Values of the graph by name, stored or computed from stored ones."""
    stored = {each.name: numpy_helper.to_array(each) for each in graph.graph.initializer}
    computed = [name for name in names if name not in stored]
    graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in computed)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    found = dict(zip(computed, session.run(computed, {INPUT: image}) if computed else (), strict=True))
    return {name: stored[name] if name in stored else found[name] for name in names}


def _agree(ours: Boxes, theirs: Boxes) -> bool:
    """Whether the best candidates are the same; both are sorted best first."""
    count = min(_COMPARED, len(theirs))
    assert ours.scores is not None
    assert theirs.scores is not None
    return (
        len(ours) >= count
        and np.allclose(ours.scores[:count], theirs.scores[:count], rtol=0, atol=_SCORE_TOLERANCE)
        and np.allclose(ours.xyxy[:count], theirs.xyxy[:count], rtol=0, atol=_PIXEL_TOLERANCE)
    )
