"""``fractura compare``: two models on the same films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out
from fractura.cli.measuring import Rename


def compare(
    first: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    second: Annotated[Path, typer.Argument(help="The other model.")],
    data: Annotated[Path, typer.Argument(help="Labelled films, in any format that fractura reads.")],
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for intervals and p-values.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    groups: Annotated[
        Path | None, typer.Option(help="CSV table of the films (column 'image') that names their patients.")
    ] = None,
    rename: Rename = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Compare two models on the same films: differences (second less first) with 95 % intervals and p-values.

    Paired bootstrap: each resample draws films (all of a patient together where patients are known) for both models.
    Each model's marks count from its own threshold. Many figures are compared: a small p-value or two come by chance.
    """
    from fractura.cli.measuring import predict, read_labelled
    from fractura.evaluation import figure_text
    from fractura.evaluation.comparison import compare as measure
    from fractura.evaluation.manifest import read_manifest
    from fractura.inference import load_model

    models = [load_model(path) for path in (first, second)]
    sets = [read_labelled(data, model.card.class_names, rename) for model in models]
    if groups is not None:
        manifest = read_manifest(groups)
        sets = [manifest.complete(dataset) for dataset in sets]
    marks = [predict(model, dataset) for model, dataset in zip(models, sets, strict=True)]
    cards = [model.card for model in models]
    comparison = measure(
        (sets[0], marks[0]),
        (sets[1], marks[1]),
        thresholds=(cards[0].threshold, cards[1].threshold),
        rounds=rounds,
        seed=seed,
    )
    if json:
        out.write_json({"first": str(first), "second": str(second), "data": str(data), **comparison.to_dict()})
        return
    rows = []
    for key, each in comparison.differences.items():
        interval = None if each.low is None else f"{each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f})"
        values = [None if value is None else f"{value:.3f}" for value in (each.first, each.second)]
        rows.append([figure_text(key), *values, interval, None if each.p is None else f"{each.p:.3f}"])
    columns = ["figure", f"first: {cards[0].name}", f"second: {cards[1].name}", "difference (95 %)", "p"]
    out.write_table(columns, rows, title=f"{data}: {comparison.films} films, {comparison.clusters} {comparison.unit}s")
    flagged = comparison.flagged
    kappa = "not defined" if comparison.kappa is None else f"{comparison.kappa:.3f}"
    out.write_line(
        f"films with a mark at the threshold: both {flagged['both']}, first only {flagged['first']}, second only "
        f"{flagged['second']}, neither {flagged['neither']}; Cohen's kappa {kappa}"
    )
