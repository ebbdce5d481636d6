"""``fractura compare``: two models on the same images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import Rename, renames

if TYPE_CHECKING:
    from fractura import ModelComparison


def compare(
    first: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    second: Annotated[Path, typer.Argument(help="The other model.")],
    data: Annotated[Path, typer.Argument(help="Labelled images, in any format that fractura reads.")],
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for intervals and p-values.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    groups: Annotated[
        Path | None, typer.Option(help="CSV table of the images (column 'image') that names their patients.")
    ] = None,
    rename: Rename = None,
    every: Annotated[bool, typer.Option("--all", help="Show every metric, not the main ones only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print all metrics as JSON.")] = False,
) -> None:
    """Compare two models on the same images: differences (second less first) with 95 % intervals and p-values.

    Paired bootstrap: each resample draws images (all of a patient together where patients are known) for both models.
    Each model's detections count from its own threshold. Many metrics are compared: a small p-value or two come by
    chance.
    """
    from fractura import compare_models

    result = compare_models(
        first,
        second,
        data,
        rounds=rounds,
        seed=seed,
        groups=groups,
        rename=renames(rename),
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result, every=every)
    out.warn_all(result.warnings)


def _write(result: ModelComparison, *, every: bool) -> None:
    """The metrics as a table, and on how many images the two agree."""
    comparison = result.comparison
    (first, second), (first_card, second_card) = result.models, result.cards
    out.write_line(f"first:  {first_card.name} ({first})\nsecond: {second_card.name} ({second})")
    units = {"study": f" of {comparison.clusters} studies", "patient": f" of {comparison.clusters} patients"}
    out.write_line(f"images: {comparison.images}{units.get(comparison.unit, '')} ({result.data})")
    out.write_table(["metric", "first", "second", "difference (95 %)", "p"], result.rows(every=every))
    flagged = comparison.flagged
    kappa = "not defined" if comparison.kappa is None else f"{comparison.kappa:.3f}"
    out.write_line(
        f"images with a detection at the threshold: both {flagged['both']}, first only {flagged['first']}, second only "
        f"{flagged['second']}, neither {flagged['neither']}; Cohen's kappa {kappa}"
    )
    if not every:
        out.say(result.legend())
