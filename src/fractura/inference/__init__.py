"""Run inference. Each module in ``runtimes`` implements one runtime behind the same interface.

``load_model`` takes ``built-in`` (the model that comes with fractura), a model folder (runs with PyTorch), an exported
``.onnx`` file (runs with ONNX Runtime, which the base install has) or a SavedModel folder (runs with TensorFlow).
"""

from __future__ import annotations

from pathlib import Path

from fractura.core.errors import MissingDependencyError, ModelError, UsageError, require
from fractura.core.model_card import WEIGHTS_FILE
from fractura.inference.built_in import NAME as BUILT_IN
from fractura.inference.built_in import locate_model
from fractura.inference.model import Model
from fractura.inference.runtimes.runtime import Device, Precision, Runtime

__all__ = ["BUILT_IN", "Device", "Model", "Precision", "load_model"]

_SAVED_MODEL = ("saved_model.pb", "saved_model/saved_model.pb")


def load_model(
    path: Path | str,
    *,
    device: Device = "auto",
    label_map: Path | None = None,
    precision: Precision = "float32",
    many: bool = False,
) -> Model:
    """Open a model for use.

    Args:
        path: ``built-in``, a model folder (``card.json`` and ``weights.safetensors``), an ``.onnx`` file that fractura
            exported, or a SavedModel folder, of fractura or of the TensorFlow Object Detection API.
        device: ``cpu``, ``cuda``, or ``auto``: a CUDA device if there is one.
        label_map: Class names of a SavedModel that has no card of ours.
        precision: ``bf16`` lets a model folder multiply in 16 bits where the machine does that faster: boxes and scores
            differ slightly, see docs/performance.md. Other models refuse it.
        many: For many images, where a small ``.onnx`` model is faster if each processor has an image of its own: it
            then takes longer for one, and ``detect_images`` reads and examines several at the same time.

    Raises:
        ModelError: There is no such model, or it is damaged.
        UsageError: A label map was given for a model that has a card, or bf16 for one that is not a model folder.
        MissingDependencyError: What runs it is not installed, or CUDA was asked for and is not there.

    Examples:
        >>> load_model("built-in").class_names
        ('Fractura',)
    """
    located = locate_model(path)
    return Model(_open(located, device, label_map, precision, many), located)


def _open(path: Path, device: Device, label_map: Path | None, precision: Precision, many: bool) -> Runtime:
    is_folder = path.is_dir() and not _is_saved_model(path)
    if precision != "float32" and not is_folder:
        raise UsageError(
            f"only a model folder computes in {precision}: an exported model has its numbers fixed",
            hint="give the folder that training wrote",
        )
    if _is_saved_model(path):
        require("tensorflow", "tensorflow")
        from fractura.inference.runtimes.saved_model import SavedModel

        return SavedModel(path, device=device, label_map=label_map)
    if label_map is not None:
        raise UsageError(
            "a label map is only for a SavedModel without a card", hint=f"leave it out: {path} names its classes itself"
        )
    if is_folder:
        return _load_folder(path, device, precision)
    if not path.exists():
        raise ModelError("there is no such model", file=path, hint="give a model folder or an .onnx file")
    if path.suffix.lower() == ".onnx":
        from fractura.inference.runtimes.onnx import OnnxModel

        return OnnxModel(path, device=device, many=many)
    if path.name in ("card.json", "weights.safetensors"):
        raise ModelError("is a part of a model", file=path, hint=f"give the folder it is in: {path.parent}")
    raise ModelError(
        "is not a model that can be run", file=path, hint="give a model folder or an .onnx file that fractura exported"
    )


def _is_saved_model(path: Path) -> bool:
    return not (path / WEIGHTS_FILE).exists() and any((path / each).is_file() for each in _SAVED_MODEL)


def _load_folder(folder: Path, device: Device, precision: Precision) -> Runtime:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise MissingDependencyError(
            "a model folder runs with PyTorch, which is not installed",
            file=folder,
            hint='install it with: pip install "fractura[train]"; or use an ONNX export of the model '
            f"(made where PyTorch is: fractura export {folder.name}), which runs without it",
        )
    from fractura.inference.runtimes.torch import TorchModel

    return TorchModel(folder, device=device, precision=precision)
