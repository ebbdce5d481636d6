"""A model folder as one ``.onnx`` file: pre-processing and suppression inside, the model card in its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from fractura.core.errors import ModelError
from fractura.core.files import write_atomically
from fractura.core.model_card import METADATA_KEY, read_card
from fractura.export.graph import write_graph
from fractura.export.half import halve_weights
from fractura.export.parity import MAXIMUM_SCORE_DIFFERENCE, Parity, compare
from fractura.inference.runtimes.onnx import OnnxModel
from fractura.inference.runtimes.torch import TorchModel, load_detector


def export_onnx(model_folder: Path, output: Path, images: Sequence[Path], *, half: bool = False) -> Parity:
    """Write ``output`` and compare it with PyTorch on ``images``; a file that disagrees is never left behind.

    Args:
        model_folder: Trained-model folder.
        output: The ``.onnx`` file.
        images: Images to compare on.
        half: Store the weights in half precision; the file must agree with PyTorch as closely as any other.

    Returns:
        How well the file agrees with PyTorch.

    Raises:
        ModelError: The model cannot be read, or the exported file does not find what PyTorch finds.
    """
    card = read_card(model_folder)
    with TemporaryDirectory(prefix="fractura-export-") as scratch:
        draft = Path(scratch) / "model.onnx"
        write_graph(load_detector(card, model_folder), draft)
        graph = onnx.load(draft)
        if half:
            halve_weights(graph)
        onnx.helper.set_model_props(graph, {METADATA_KEY: card.to_json()})
        onnx.save(graph, draft)
        parity = compare(TorchModel(model_folder, device="cpu"), OnnxModel(draft, device="cpu"), images)
        if not parity.holds:
            raise ModelError(
                f"the exported file does not find what PyTorch finds: {parity.unmatched} of {parity.boxes} boxes have "
                f"no twin, scores differ by up to {parity.maximum_score_difference:.2g} "
                f"(allowed: {MAXIMUM_SCORE_DIFFERENCE})",
                file=output,
                hint="nothing was written; "
                + (
                    "rounding tips near ties of a model that is not sure of its boxes yet: train it longer, or export "
                    "without --half"
                    if half
                    else "please report this with the model's card.json"
                ),
            )
        write_atomically(output, draft.read_bytes())
    return parity
