"""``fractura agree``: readers against readers, and against a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import renames

if TYPE_CHECKING:
    from fractura import ReaderComparison


def agree(
    first: Annotated[Path, typer.Argument(metavar="READER1", help="Images with the boxes of one reader.")],
    second: Annotated[Path, typer.Argument(metavar="READER2", help="The same images with those of another.")],
    reference: Annotated[
        Path | None, typer.Option(help="The same images with the boxes taken as true, such as a consensus.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Model whose detections, from its threshold up, count as one more reader.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=CLASS", help="A class of one, and which of the others' it is; may be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, help="Resamples for the intervals; 0 gives none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """How far readers agree with each other, with a model and with a reference, on the images that both have read.

    Cohen's kappa says whether they see a fracture on the same images; F1 and sensitivity whether their boxes lie on one
    another, at IoU 0.1, 0.3 and 0.5.
    """
    from fractura import compare_readers

    result = compare_readers(
        first,
        second,
        reference=reference,
        model=model,
        rename=renames(rename),
        rounds=rounds,
        seed=seed,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)


def _write(result: ReaderComparison) -> None:
    from fractura import metric_text

    for each in result.agreements:
        rows = [[metric_text(key), metric.to_text()] for key, metric in each.metrics.items()]
        title = f"{each.reader} measured against {each.against}, {each.images} images"
        out.write_table(["metric", "value"], rows, title=title)
