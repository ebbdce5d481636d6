"""``fractura compare``: two models on the same images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.measuring import Rename

if TYPE_CHECKING:
    from fractura.evaluation.comparison import Comparison


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
    from fractura.cli.measuring import predict, read_labelled
    from fractura.evaluation.comparison import compare as measure
    from fractura.evaluation.leakage import Leakage
    from fractura.evaluation.manifest import read_manifest
    from fractura.inference import load_model

    models = [load_model(path) for path in (first, second)]
    cards = [model.card for model in models]
    same_classes = cards[0].class_names == cards[1].class_names
    sets = [read_labelled(data, cards[0].class_names, rename)]
    sets.append(sets[0] if same_classes else read_labelled(data, cards[1].class_names, rename))
    if groups is not None:
        manifest = read_manifest(groups)
        sets = [manifest.complete(dataset) for dataset in sets]
    detections = [predict(model, dataset) for model, dataset in zip(models, sets, strict=True)]
    comparison = measure(
        (sets[0], detections[0]),
        (sets[1], detections[1]),
        thresholds=(cards[0].threshold, cards[1].threshold),
        rounds=rounds,
        seed=seed,
    )
    leakages = {"first": Leakage.of(cards[0], sets[0]), "second": Leakage.of(cards[1], sets[1])}
    warnings = [
        f"the {which} model: {warning}"
        for which, leakage in leakages.items()
        for warning in leakage.warnings(own_threshold=True, calibrated=False)
    ]
    if same_classes and detections[0] == detections[1]:
        differ = "" if cards[0].threshold == cards[1].threshold else "; they differ in their thresholds alone"
        warnings.append(f"both give the very same detections on every image: they are the same model{differ}")
    if json:
        out.write_json(
            {
                "first": str(first),
                "second": str(second),
                "data": str(data),
                "overlap": {which: leakage.to_dict() for which, leakage in leakages.items()},
                "warnings": warnings,
                **comparison.to_dict(),
            }
        )
    else:
        out.write_line(f"first:  {cards[0].name} ({first})\nsecond: {cards[1].name} ({second})")
        units = {"study": f" of {comparison.clusters} studies", "patient": f" of {comparison.clusters} patients"}
        out.write_line(f"images:  {comparison.images}{units.get(comparison.unit, '')} ({data})")
        _write(comparison, every=every)
    for warning in warnings:
        out.warn(warning)


def _write(comparison: Comparison, *, every: bool) -> None:
    """The metrics as a table, and on how many images the two agree."""
    from fractura.evaluation import metric_text
    from fractura.evaluation.comparison import MAIN, MAIN_TEXT

    names = {key: metric_text(key) for key in comparison.differences} if every else MAIN
    rows = []
    for key, name in names.items():
        each = comparison.differences[key]
        interval = None if each.low is None else f"{each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f})"
        values = [None if value is None else f"{value:.3f}" for value in (each.first, each.second)]
        rows.append([name, *values, interval, None if each.p is None else f"{each.p:.3f}"])
    out.write_table(["metric", "first", "second", "difference (95 %)", "p"], rows)
    flagged = comparison.flagged
    kappa = "not defined" if comparison.kappa is None else f"{comparison.kappa:.3f}"
    out.write_line(
        f"images with a detection at the threshold: both {flagged['both']}, first only {flagged['first']}, second only "
        f"{flagged['second']}, neither {flagged['neither']}; Cohen's kappa {kappa}"
    )
    if not every:
        out.say(f"{MAIN_TEXT}; {len(comparison.differences) - len(MAIN)} more metrics with --all")
