"""``export_model``: from a trained-model folder to a file that other programs run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fractura.errors import UsageError, require, suggest_name
from fractura.export.parity import Parity

FORMATS = ("onnx",)
_FILMS_COMPARED = 8


@dataclass(frozen=True)
class ExportResult:
    """What was written.

    Attributes:
        output: The exported file.
        size: Bytes.
        parity: How well it agrees with PyTorch.
        compared_on: ``films`` where the user gave some, else ``phantoms``.
    """

    output: Path
    size: int
    parity: Parity
    compared_on: str

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "output": str(self.output),
            "size": self.size,
            "compared_on": self.compared_on,
            "parity": self.parity.to_dict(),
        }


def export_model(
    model_folder: Path, *, to: str = "onnx", output: Path | None = None, films: Sequence[Path] = ()
) -> ExportResult:
    """Export a model, and compare the exported file with PyTorch before it is put in its place.

    Args:
        model_folder: Trained-model folder.
        to: ``onnx``.
        output: File to write; None is ``model.onnx`` in the model folder.
        films: Films to compare on, the first few are used; without any, phantoms are.

    Raises:
        UsageError: The format is unknown.
        ModelError: The model cannot be read, or the exported file disagrees with PyTorch.
        MissingDependencyError: The extra ``train`` is not installed.
    """
    if to not in FORMATS:
        raise UsageError(f"cannot export to '{to}'", hint=suggest_name(to, FORMATS))
    for module in ("torch", "onnx", "onnxscript"):
        require(module, "train")
    from fractura.export.onnx import export_onnx

    target = output if output is not None else model_folder / "model.onnx"
    if films:
        step = max(1, len(films) // _FILMS_COMPARED)
        parity = export_onnx(model_folder, target, list(films)[::step][:_FILMS_COMPARED])
    else:
        from fractura.phantom import make_phantoms

        with TemporaryDirectory(prefix="fractura-phantoms-") as scratch:
            phantoms = make_phantoms(Path(scratch), films=4, seed=0)
            parity = export_onnx(model_folder, target, [record.image for record in phantoms])
    return ExportResult(target, target.stat().st_size, parity, "films" if films else "phantoms")
