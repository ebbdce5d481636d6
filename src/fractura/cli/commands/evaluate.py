"""``fractura evaluate``: how good a model is on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import ImageDir, Precision, Rename, ReportLanguage, SourceFormat, renames
from fractura.cli.terminal_language import code as terminal_language

if TYPE_CHECKING:
    from fractura import ModelEvaluation


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    data: Annotated[Path, typer.Argument(help="Labelled images, in any format that fractura reads.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for evaluation.json, the tables and the report: new or empty."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of an earlier evaluation in --output.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Score from which a detection counts.", show_default="the model's own"),
    ] = None,
    intervals: Annotated[bool, typer.Option(help="Bootstrap intervals of every metric.")] = True,
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for the intervals.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    groups: Annotated[
        Path | None,
        typer.Option(
            help="CSV table of the images (column 'image'): its columns give patients, studies and subgroups."
        ),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(help="Also measure the images where this column of the table is not 1; may be repeated."),
    ] = None,
    prevalence: Annotated[
        float | None,
        typer.Option(
            help="Share of images with a fracture where the model is to be used, for PPV, NPV and decision curve.",
            show_default="that of DATA",
        ),
    ] = None,
    rename: Rename = None,
    source_format: SourceFormat = None,
    image_dir: ImageDir = None,
    fast: Annotated[bool, typer.Option("--fast", help="Use each whole image, once.")] = False,
    precision: Precision = "float32",
    language: ReportLanguage = None,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Measure a model on labelled images: average precision, FROC, sensitivity, AUC, calibration, with 95 % intervals.

    A detection finds a box if it overlaps it with IoU 0.1, 0.3 or 0.5, or if its centre is inside (each is reported).
    Boxes flagged difficult neither count as missed nor make a detection false. Intervals resample patients where they
    are known.
    """
    from fractura import evaluate_model

    result = evaluate_model(
        model,
        data,
        output,
        threshold=threshold,
        fast=fast,
        precision=precision,
        rounds=rounds if intervals else 0,
        seed=seed,
        groups=groups,
        without=without or (),
        prevalence=prevalence,
        rename=renames(rename),
        source_format=source_format,
        image_dir=image_dir,
        language=language or terminal_language(),
        overwrite=overwrite,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)
    out.warn_all(result.warnings)
    _say_notes(result, output)


def _write(result: ModelEvaluation) -> None:
    out.write_table(["metric", "value"], result.evaluation.rows(), title=f"{result.card.name} on {result.data}")
    out.write_table(*result.subgroup_table())


def _say_notes(result: ModelEvaluation, output: Path | None) -> None:
    for note in result.evaluation.notes:
        out.say(f"note: {note}")
    out.say_saved(output, result.report)
