"""Give a trained model another card: a model folder's ``card.json``, or the one inside an exported ``.onnx`` file."""

from __future__ import annotations

from pathlib import Path

from fractura.errors import ModelError, require
from fractura.files import write_atomically
from fractura.model_card import METADATA_KEY, WEIGHTS_FILE, ModelCard, write_card


def refuse_fixed_card(model: Path) -> None:
    """See that a model's card can be replaced, before work is spent on a new one.

    Raises:
        ModelError: It is neither a model folder nor an ``.onnx`` file.
        MissingDependencyError: It is an ``.onnx`` file, and the package ``onnx`` is not installed.
    """
    if model.is_file() and model.suffix.lower() == ".onnx":
        require("onnx", "train")
    elif not (model / WEIGHTS_FILE).is_file():
        raise ModelError(
            "its card cannot be replaced: it is neither a model folder nor an .onnx file of one's own",
            file=model,
            hint="change the model folder it came from, and export that again",
        )


def replace_card(model: Path, card: ModelCard) -> None:
    """Write another card into a model, atomically; all else of it stays as it is.

    Raises:
        ModelError: See ``refuse_fixed_card``, or the file cannot be read as ONNX.
        MissingDependencyError: See ``refuse_fixed_card``.
        DataError: It cannot be written.
    """
    refuse_fixed_card(model)
    if model.is_dir():
        write_card(card, model)
        return
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(model, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise ModelError(f"cannot be read as an ONNX model ({error})", file=model) from error
    properties = {entry.key: entry.value for entry in graph.metadata_props}
    onnx.helper.set_model_props(graph, {**properties, METADATA_KEY: card.to_json()})
    write_atomically(model, graph.SerializeToString())
