"""``export_model``: from a trained-model folder to a file that other programs run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.errors import UsageError, require, suggest_name
from fractura.core.files import scratch_folder
from fractura.export.parity import Parity

FORMATS = ("onnx", "saved_model")
_NEEDS = {
    "onnx": (("torch", "train"), ("onnx", "train"), ("onnxscript", "train")),
    "saved_model": (("torch", "train"), ("tensorflow", "tensorflow")),
}
_PLACES = {"onnx": "model.onnx", "saved_model": "exported"}
_IMAGES_COMPARED = 8


@dataclass(frozen=True)
class ExportResult:
    """What was exported.

    Attributes:
        output: The exported file, or the folder around ``saved_model/``.
        size: Size in bytes.
        parity: How well it agrees with PyTorch.
        compared_on: ``images`` if the user gave some, else ``phantoms``.
        notes: Remarks for people, one line each.
    """

    output: Path
    size: int
    parity: Parity
    compared_on: str
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "output": str(self.output),
            "size": self.size,
            "compared_on": self.compared_on,
            "parity": self.parity.to_dict(),
            "notes": list(self.notes),
        }


def export_model(
    model_folder: Path,
    *,
    to: str = "onnx",
    output: Path | None = None,
    images: Sequence[Path] = (),
    half: bool = False,
    input_type: str = "image_tensor",
) -> ExportResult:
    """Export a model; the export replaces nothing before it has been compared with PyTorch.

    Args:
        model_folder: Trained-model folder.
        to: One of ``FORMATS``. ``saved_model`` is a folder with ``saved_model/`` and ``card.json``;
            ``fractura.tensorflow_od.exporter`` adds the other files that TensorFlow's own exporter writes.
        output: File or folder to write; None is ``model.onnx`` or ``exported`` in the model folder.
        images: Images to compare on, of which a few are used; if there are none, phantoms are.
        half: Store the weights of an ``onnx`` file in half precision: half the size, the same float32 arithmetic.
        input_type: What a ``saved_model`` takes, as TensorFlow's exporter names it.

    Raises:
        UsageError: The format is unknown, or cannot hold half-precision weights.
        ModelError: The model cannot be read, or its export disagrees with PyTorch.
        MissingDependencyError: The extra ``train``, or for ``saved_model`` ``tensorflow``, is not installed.
    """
    if to not in FORMATS:
        raise UsageError(f"cannot export to '{to}'", hint=suggest_name(to, FORMATS))
    if half and to != "onnx":
        raise UsageError(f"half-precision weights are for onnx, not for {to}", hint="leave out --half")
    for module, extra in _NEEDS[to]:
        require(module, extra)
    target = output if output is not None else model_folder / _PLACES[to]
    if images:
        step = max(1, len(images) // _IMAGES_COMPARED)
        parity = _export(to, model_folder, target, list(images)[::step][:_IMAGES_COMPARED], half, input_type)
    else:
        from fractura.phantom import make_phantoms

        with scratch_folder("fractura-phantoms-") as scratch:
            phantoms = make_phantoms(scratch, images=4, seed=0)
            parity = _export(to, model_folder, target, [record.image for record in phantoms], half, input_type)
    files = [target] if target.is_file() else [file for file in target.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    compared_on = "images" if images else "phantoms"
    return ExportResult(target, size, parity, compared_on)


def _export(to: str, model_folder: Path, target: Path, images: Sequence[Path], half: bool, input_type: str) -> Parity:
    if to == "onnx":
        from fractura.export.onnx import export_onnx

        return export_onnx(model_folder, target, images, half=half)
    from fractura.export.saved_model import export_saved_model

    return export_saved_model(model_folder, target, images, input_type=input_type)
