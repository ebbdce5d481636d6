"""``fractura compare``: two or more models on the same images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import Rename, ReportLanguage, renames
from fractura.cli.terminal_language import code as terminal_language

if TYPE_CHECKING:
    from fractura import ModelComparison


def compare(
    first: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    second: Annotated[Path, typer.Argument(help="The other model.")],
    data: Annotated[Path, typer.Argument(help="Labelled images, in any format that fractura reads.")],
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="One more model to compare with the first; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for comparison.html, its tables and plots: new or empty."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of an earlier comparison in --output.")
    ] = False,
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for intervals and p-values.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    groups: Annotated[
        Path | None, typer.Option(help="CSV table of the images (column 'image') that names their patients.")
    ] = None,
    rename: Rename = None,
    every: Annotated[bool, typer.Option("--all", help="Show every metric, not the main ones only.")] = False,
    language: ReportLanguage = None,
    json: Annotated[bool, typer.Option("--json", help="Print all metrics as JSON.")] = False,
) -> None:
    """Compare models on the same images: differences (second less first) with 95 % intervals and p-values.

    Paired bootstrap: each resample draws images (all of a patient together where patients are known) for all models.
    Each model's detections count from its own threshold. Whole images are tested by DeLong (AUC) and McNemar, too. Many
    metrics are compared: a small p-value or two come by chance; --json and the page have Holm's correction.
    """
    from fractura import compare_models

    result = compare_models(
        first,
        second,
        data,
        output,
        also=also or (),
        rounds=rounds,
        seed=seed,
        groups=groups,
        rename=renames(rename),
        language=language or terminal_language(),
        overwrite=overwrite,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result, every=every)
    out.warn_all(result.warnings)
    out.say_saved(output, result.report)


def _write(result: ModelComparison, *, every: bool) -> None:
    """For each pair the metrics as a table, the tests, and on how many images the two agree."""
    units = {
        "study": f" of {result.comparison.clusters} studies",
        "patient": f" of {result.comparison.clusters} patients",
    }
    for number, comparison in enumerate(result.comparisons):
        for name, place in (("first:  ", 0), ("second: ", number + 1)):
            out.write_line(f"{name}{result.cards[place].name} ({result.models[place]})")
        out.write_line(f"images: {comparison.images}{units.get(comparison.unit, '')} ({result.data})")
        columns = ["metric", "first", "second", "difference (95 %)", "p"]
        out.write_table(columns, result.rows(number, every=every))
        for line in result.test_lines(number):
            out.write_line(line)
        flagged = comparison.flagged
        kappa = "not defined" if comparison.kappa is None else f"{comparison.kappa:.3f}"
        out.write_line(
            f"images with a detection at the threshold: both {flagged['both']}, first only {flagged['first']}, second "
            f"only {flagged['second']}, neither {flagged['neither']}; Cohen's kappa {kappa}"
        )
    if not every:
        out.say_all(result.legend())
