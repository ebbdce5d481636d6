"""Give a trained model another card: a model folder's ``card.json``, or the one inside an exported ``.onnx`` file."""

from __future__ import annotations

import shutil
from pathlib import Path

from fractura.core.errors import DataError, ModelError, UsageError, require
from fractura.core.files import open_atomically, write_atomically
from fractura.core.model_card import METADATA_KEY, WEIGHTS_FILE, ModelCard, write_card
from fractura.core.output_folder import left_unfinished, unfinished
from fractura.inference.built_in import NAME as BUILT_IN
from fractura.inference.built_in import locate_model


def refuse_fixed_card(model: Path, output: Path | None = None) -> None:
    """See that a model's card can be replaced, in place or in a copy, before work is spent on a new one.

    Args:
        model: As ``load_model`` takes it.
        output: Where the copy is to go; None is in place.

    Raises:
        ModelError: It is neither a model folder nor an ``.onnx`` file, or it is the built-in one, which never changes.
        DataError: Something is at ``output`` already.
        UsageError: ``output`` is not called as such a model must be.
        MissingDependencyError: It is an ``.onnx`` file, and the package ``onnx`` is not installed.
    """
    if output is None and str(model) == BUILT_IN:
        raise ModelError(
            "its card cannot be replaced: the built-in model stays as it is",
            file=model,
            hint="write a copy of your own: fractura calibrate built-in VAL --output my_model.onnx",
        )
    source = locate_model(model)
    is_onnx = source.is_file() and source.suffix.lower() == ".onnx"
    if not is_onnx and not (source / WEIGHTS_FILE).is_file():
        raise ModelError(
            "its card cannot be replaced: it is neither a model folder nor an .onnx file of your own",
            file=model,
            hint="change the model folder it came from, and export that again",
        )
    if output is not None and output.exists() and left_unfinished(output) is None:
        raise DataError("exists already", file=output, hint="choose another name")
    if output is not None and is_onnx != (output.suffix.lower() == ".onnx"):
        kind = "an .onnx file and must be called so" if is_onnx else "a folder and must not be called .onnx"
        raise UsageError(f"the copy of this model is {kind}", file=output)
    if is_onnx:
        require("onnx", "train")


def replace_card(model: Path, card: ModelCard, output: Path | None = None) -> None:
    """Write another card into a model or into a copy of it, atomically; all else of it stays as it is.

    Args:
        model: As ``load_model`` takes it.
        card: The new one.
        output: Where the copy goes (of a model folder: card and weights); None is in place.

    Raises:
        ModelError: See ``refuse_fixed_card``, or the file cannot be read as ONNX.
        UsageError: See ``refuse_fixed_card``.
        MissingDependencyError: See ``refuse_fixed_card``.
        DataError: It cannot be written, or something is at ``output`` already.
    """
    refuse_fixed_card(model, output)
    source, target = locate_model(model), output if output is not None else model
    if source.is_dir():
        if output is not None:
            with unfinished(target, "calibrate"):
                with open_atomically(target / WEIGHTS_FILE) as stream, (source / WEIGHTS_FILE).open("rb") as weights:
                    shutil.copyfileobj(weights, stream)
                write_card(card, target)
        else:
            write_card(card, target)
        return
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load(source, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise ModelError(f"cannot be read as an ONNX model ({error})", file=source) from error
    properties = {entry.key: entry.value for entry in graph.metadata_props}
    onnx.helper.set_model_props(graph, {**properties, METADATA_KEY: card.to_json()})
    write_atomically(target, graph.SerializeToString())
