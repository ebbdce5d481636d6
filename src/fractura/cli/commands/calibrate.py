"""``fractura calibrate``: choose a model's threshold for an aim, and learn what its scores are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.cli.options import Rename, renames

if TYPE_CHECKING:
    from fractura import ModelCalibration


def calibrate(
    model: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    val: Annotated[
        Path, typer.Argument(help="Labelled images that the model was not trained on and is not tested on.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Model folder or .onnx file to write: a copy with the new card.",
            show_default="the model's own card is rewritten",
        ),
    ] = None,
    aim: Annotated[
        str,
        typer.Option(
            help="What the threshold is chosen for: f1, sensitivity=0.9, fp_per_image=0.5, image_sensitivity=0.95 or "
            "image_specificity=0.9."
        ),
    ] = "f1",
    method: Annotated[
        Literal["isotonic", "temperature", "none"], typer.Option(help="How scores become probabilities.")
    ] = "isotonic",
    rename: Rename = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Choose a model's threshold on validation images, and calibrate its scores; both are written into its card.

    The built-in model stays as it is: give its copy a name with --output.

    Aims: f1 is where sensitivity and precision are best together; sensitivity=0.9 finds at least that share of the
    fractures; fp_per_image=0.5 allows that many false positives an image. A detection finds a box if it overlaps it
    with IoU 0.3. Of whole images, image_sensitivity=0.95 flags at least that share of the fractured ones, and
    image_specificity=0.9 leaves at least that share of the normal ones without a detection.

    Probabilities hold where fractures are as frequent as on these images.
    """
    from fractura import calibrate_model

    result = calibrate_model(model, val, output, aim=aim, method=method, rename=renames(rename), reporter=out.CONSOLE)
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)


def _write(result: ModelCalibration) -> None:
    out.write_line(f"{result.aim}: {result.choice}")
    if result.fast_choice is not None:
        out.write_line(f"{result.aim}, each image once (--fast): {result.fast_choice}")
    out.write_line(_calibration(result))
    out.write_line(f"threshold before: {result.before.threshold:.4g}; written into the card of {result.model}")


def _calibration(result: ModelCalibration) -> str:
    """A line on what the calibration does to the scores of images it was not fitted on."""
    if result.method == "none":
        return "the scores are not calibrated"
    if result.errors is None:
        return f"{result.method} calibration: too few images to measure its error on others"
    parts = [f"{what}s {before:.3f} before, {after:.3f} after" for what, (before, after) in result.errors.items()]
    return f"{result.method} calibration, expected error on images it was not fitted on (5 parts): {'; '.join(parts)}"
