"""The model that comes with fractura: one ``.onnx`` file next to this module, with its card inside."""

from __future__ import annotations

from pathlib import Path

from fractura.core.errors import ModelError

NAME = "built-in"
"""What ``load_model`` and every ``--model`` call it."""
FILE = "fracture_detector.onnx"


def built_in_model() -> Path:
    """The file of the built-in model.

    Raises:
        ModelError: This copy of fractura has none.
    """
    file = Path(__file__).parent / FILE
    if not file.is_file():
        raise ModelError(
            "this copy of fractura comes without its built-in model",
            file=file,
            hint="install fractura again, or name a model of your own with --model",
        )
    return file


def locate_model(model: Path | str) -> Path:
    """The file or folder of a model: ``built-in`` is the file next to this module, anything else is a path.

    Raises:
        ModelError: See ``built_in_model``.
    """
    return built_in_model() if str(model) == NAME else Path(model)
