"""Exporting a model to one ``.onnx`` file with pre-processing, suppression and the model card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from fractura.core.files import scratch_folder, write_atomically
from fractura.core.model_card import METADATA_KEY, read_card
from fractura.export.graph import write_graph
from fractura.export.half import halve_weights
from fractura.export.parity import Parity, compare
from fractura.inference.runtimes.onnx import OnnxModel
from fractura.inference.runtimes.torch import TorchModel, load_detector


def export_onnx(model_folder: Path, output: Path, images: Sequence[Path], *, half: bool = False) -> Parity:
    """Write ``output`` after comparing it with PyTorch on ``images``; a file that disagrees is not written.

    Args:
        model_folder: Trained-model folder.
        output: The ``.onnx`` file.
        images: Images to compare on.
        half: Store the weights in half precision; the file must agree with PyTorch just as closely.

    Returns:
        How well the file agrees with PyTorch.

    Raises:
        ModelError: The model cannot be read, or the exported file disagrees with PyTorch.
        DataError: The file, or a temporary one, cannot be written.
    """
    card = read_card(model_folder)
    with scratch_folder("fractura-export-") as scratch:
        draft = scratch / "model.onnx"
        write_graph(load_detector(card, model_folder), draft)
        graph = onnx.load(draft)
        if half:
            halve_weights(graph)
        onnx.helper.set_model_props(graph, {METADATA_KEY: card.to_json()})
        onnx.save(graph, draft)
        parity = compare(TorchModel(model_folder, device="cpu"), OnnxModel(draft, device="cpu"), images)
        parity.require("the exported file", output, half=half)
        write_atomically(output, draft.read_bytes())
    return parity
