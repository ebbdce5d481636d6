"""``fractura export``: a trained model as what other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out

if TYPE_CHECKING:
    from fractura import ExportResult


def export(
    model: Annotated[Path, typer.Argument(help="Trained-model folder.", show_default=False)],
    to: Annotated[str, typer.Option(help="Format: onnx, or saved_model for TensorFlow.")] = "onnx",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File (onnx) or folder (saved_model) to write; model.onnx or exported in the model folder by default.",
        ),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(help="Image or folder of images to compare the file with PyTorch on; may be repeated."),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Store the weights of an onnx file in half precision: half the size.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Turn a trained model into what runs without PyTorch, and check that it finds the same.

    The result is put in its place only after it was compared with the model on images (yours with --images, else a few
    artificial ones). It carries the model's card: class names, threshold and all.

    onnx is one file. saved_model is the folder that TensorFlow's exporter_main_v2.py writes: saved_model/,
    checkpoint/ and pipeline.config.
    """
    from fractura import export_model

    result = export_model(model, output, to=to, images=images or (), half=half, reporter=out.CONSOLE)
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)


def _write(result: ExportResult) -> None:
    out.write_path(result.output)
    out.say_all(result.notes)
    parity = result.parity
    out.say(
        f"{result.size / 1e6:.1f} MB; compared with PyTorch on {parity.images} {result.compared_on}: "
        f"{parity.boxes} boxes, {parity.unmatched} without a twin, scores within {parity.maximum_score_difference:.1g}"
    )
