"""What a path holds where a checkpoint of TensorFlow 2 was expected and is not."""

from __future__ import annotations

from pathlib import Path

from fractura.core.errors import ModelError, UsageError
from fractura.tensorflow_od.checkpoint_state import FILE_NAME, latest_checkpoint

_TENSORFLOW_1 = (
    "is a model of TensorFlow 1 ({}), which the Object Detection API of TensorFlow 2 refuses as well",
    "use a model of the TensorFlow 2 detection zoo, such as: fractura fetch zoo:faster_rcnn_resnet50_v1_640x640",
)
_OTHER_FILES = {
    ".h5": "a file of Keras",
    ".keras": "a file of Keras",
    ".tflite": "a model of TensorFlow Lite",
    ".onnx": "an ONNX file",
    ".pb": "a frozen graph or SavedModel, which has no checkpoint",
    ".pt": "a file of PyTorch",
    ".pth": "a file of PyTorch",
}
_PACKED = (".tar.gz", ".tgz", ".tar", ".zip")


def absent_checkpoint(path: Path) -> ModelError:
    """The error for a path without a checkpoint, which says what is there instead.

    >>> absent_checkpoint(Path("nowhere/ckpt-3")).problem
    'there is no such checkpoint'

    Args:
        path: A folder, or the beginning of a checkpoint's file names.
    """
    if path.is_dir():
        return _absent_in_folder(path)
    graph = _tensorflow_1(path.parent, f"{path.name.removesuffix('.meta')}.meta")
    if graph or (path.is_file() and path.name == "frozen_inference_graph.pb"):
        return ModelError(_TENSORFLOW_1[0].format(graph or path.name), file=path, hint=_TENSORFLOW_1[1])
    if path.is_file() and path.name.endswith(_PACKED):
        return ModelError("is packed", file=path, hint="unpack it, and give the path that ends in ckpt-0")
    if path.is_file() and path.suffix in _OTHER_FILES:
        problem = f"is {_OTHER_FILES[path.suffix]}, not a checkpoint of TensorFlow 2"
        return ModelError(problem, file=path, hint="give the path that ends in ckpt-0")
    others = sorted(each.name.removesuffix(".index") for each in path.parent.glob("*.index")) if path.name else []
    if not others and (graph := _tensorflow_1(path.parent)):
        return ModelError(_TENSORFLOW_1[0].format(graph), file=path.parent, hint=_TENSORFLOW_1[1])
    hint = f"that folder contains: {', '.join(others)}" if others else "give the path that ends in ckpt-0"
    return ModelError("there is no such checkpoint", file=path, hint=hint)


def _absent_in_folder(folder: Path) -> ModelError:
    inner = folder / FILE_NAME
    if inner.is_dir() and (found := latest_checkpoint(inner)):
        return ModelError("holds its checkpoint in a folder of its own", file=folder, hint=f"give {found}")
    if graph := _tensorflow_1(folder):
        return ModelError(_TENSORFLOW_1[0].format(graph), file=folder, hint=_TENSORFLOW_1[1])
    if any((place / "saved_model.pb").is_file() for place in (folder, folder / "saved_model")):
        return ModelError(
            "holds a SavedModel and no checkpoint",
            file=folder,
            hint="detect with it (fractura detect --model), or give the folder 'checkpoint' of the same export",
        )
    return ModelError("contains no checkpoint", file=folder, hint="give the checkpoint itself: a path ending in ckpt-0")


def _tensorflow_1(folder: Path, *names: str) -> str | None:
    """The name of a file that only TensorFlow 1 writes, one of ``names`` or any; None if there is none."""
    wanted = names or ("*.meta", "frozen_inference_graph.pb")
    return next((file.name for name in wanted for file in sorted(folder.glob(name)) if file.is_file()), None)


def refuse_tensorflow_1(prefix: Path) -> None:
    """Check that a checkpoint has no ``.meta``, which only TensorFlow 1 writes.

    Raises:
        ModelError: It has.
    """
    if graph := _tensorflow_1(prefix.parent, f"{prefix.name}.meta"):
        raise ModelError(_TENSORFLOW_1[0].format(graph), file=prefix, hint=_TENSORFLOW_1[1])


def refuse_as_model_dir(model_dir: Path) -> None:
    """Check that a folder can be trained into.

    Raises:
        UsageError: It is an unpacked model of the zoo, or one that the exporter wrote.
    """
    inner = model_dir / FILE_NAME
    if inner.is_dir():
        start = latest_checkpoint(inner) or inner / "ckpt-0"
        raise UsageError(
            f"--model_dir {model_dir} is a model from the zoo or the exporter, not a folder to train into",
            hint=f"give a new folder, and write in the file: fine_tune_checkpoint: '{start.as_posix()}'",
        )
    if graph := _tensorflow_1(model_dir):
        raise UsageError(
            f"--model_dir {model_dir} is a folder of TensorFlow 1 ({graph}), in which training cannot go on",
            hint="give a new folder",
        )


def refuse_as_checkpoint_dir(checkpoint_dir: Path) -> None:
    """Check that a folder can hold checkpoints, now or later.

    Raises:
        UsageError: There is no such folder, or it is one whose checkpoint is further down, or of TensorFlow 1.
    """
    if not checkpoint_dir.is_dir():
        what = "is not a folder" if checkpoint_dir.exists() else "does not exist"
        raise UsageError(
            f"--checkpoint_dir {checkpoint_dir} {what}",
            hint="give the --model_dir of a training, which creates it when it starts",
        )
    if (checkpoint_dir / FILE_NAME).is_dir():
        raise UsageError(
            f"--checkpoint_dir {checkpoint_dir} holds its checkpoint in a folder of its own",
            hint=f"give {checkpoint_dir / FILE_NAME}",
        )
    if graph := _tensorflow_1(checkpoint_dir):
        raise UsageError(
            f"--checkpoint_dir {checkpoint_dir} is a folder of TensorFlow 1 ({graph}), whose checkpoints are not read",
            hint="give the --model_dir of a training with TensorFlow 2",
        )
