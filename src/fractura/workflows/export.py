"""``export_model``: a trained model as what other programs run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fractura.core.errors import require
from fractura.core.reporter import LOG, Reporter
from fractura.inference.discovery import find_images

if TYPE_CHECKING:
    from fractura.export import ExportResult


def export_model(
    model: Path | str,
    output: Path | str | None = None,
    *,
    to: str = "onnx",
    images: Sequence[Path | str] = (),
    half: bool = False,
    reporter: Reporter = LOG,
) -> ExportResult:
    """Turn a trained model into what runs without PyTorch, and check that it finds the same.

    The result is put in its place only after it was compared with the model on images.

    Args:
        model: Trained-model folder.
        output: File (``onnx``) or folder (``saved_model``) to write; ``model.onnx`` or ``exported`` in the model folder
            by default.
        to: ``onnx``, or ``saved_model`` for the folder that TensorFlow's ``exporter_main_v2.py`` writes.
        images: Images and folders to compare on; without any, artificial ones are used.
        half: Store the weights of an ``onnx`` file in half precision.
        reporter: Shows what is being done.

    Raises:
        UsageError: The format is unknown, or cannot hold half-precision weights.
        ModelError: The model cannot be read, or what was exported disagrees with it.
        DataError: An image cannot be read, or the result not be written.
        MissingDependencyError: The extra ``train``, or for ``saved_model`` ``tensorflow``, is not installed.

    Example:
        ``export_model("my_model", images=["val_images"]).output``
    """
    model = Path(model)
    target = None if output is None else Path(output)
    given = [image.path for image in find_images(images).images] if images else []
    reporter.say(f"exporting {model} …")
    if to == "saved_model" and not half:
        require("torch", "train")
        from fractura.tensorflow_od.exporter import export_for_tensorflow

        return export_for_tensorflow(model, output=target, images=given)
    from fractura.export import export_model as export

    return export(model, to=to, output=target, images=given, half=half)
