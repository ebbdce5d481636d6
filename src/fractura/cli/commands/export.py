"""``fractura export``: a trained model as what other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out

if TYPE_CHECKING:
    from fractura.export import ExportResult


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
    from fractura.inference.discovery import find_images

    given = [image.path for image in find_images(images).images] if images else []
    out.say(f"exporting {model} …")
    result = _export(model, to, output, given, half)
    if json:
        out.write_json(result.to_dict())
        return
    out.write_line(str(result.output))
    for note in result.notes:
        out.say(note)
    parity = result.parity
    out.say(
        f"{result.size / 1e6:.1f} MB; compared with PyTorch on {parity.images} {result.compared_on}: "
        f"{parity.boxes} boxes, {parity.unmatched} without a twin, scores within {parity.maximum_score_difference:.1g}"
    )


def _export(model: Path, to: str, output: Path | None, images: list[Path], half: bool) -> ExportResult:
    if to == "saved_model" and not half:
        from fractura.core.errors import require

        require("torch", "train")
        from fractura.tensorflow_od.exporter import export_for_tensorflow

        return export_for_tensorflow(model, output=output, images=images)
    from fractura.export import export_model

    return export_model(model, to=to, output=output, images=images, half=half)
