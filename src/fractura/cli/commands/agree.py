"""``fractura agree``: readers against readers, and against a model."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.core.errors import FracturaError

if TYPE_CHECKING:
    from fractura.core.dataset import Dataset


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
    from dataclasses import asdict

    from fractura.cli.measuring import renames
    from fractura.evaluation import metric_text
    from fractura.evaluation.agreement import agreements, images_apart
    from fractura.evaluation.classes import join_classes

    paths = {"reader 1": first, "reader 2": second}
    if reference is not None:
        paths["reference"] = reference
    drawn = {reader: read_drawn(path) for reader, path in paths.items()}
    for one, other in combinations(drawn, 2):
        here, there = images_apart(drawn[one], drawn[other])
        if here or there:
            where = f"{here} images of {paths[one]} and {there} of {paths[other]}"
            out.warn(f"{where} are not in the other and were left out")
    if model is not None:
        drawn["model"] = predicted_by(model, drawn["reader 1"])
    problems: list[FracturaError] = []
    joined = join_classes(list(drawn.values()), problems, renamed=renames(rename))
    readers = dict(zip(drawn, joined, strict=True))
    for problem in problems:
        out.warn(str(problem))
    used = {reader: [name for name, count in each.boxes_by_class.items() if count] for reader, each in readers.items()}
    if len({frozenset(names) for names in used.values() if names}) > 1:
        listed = "; ".join(f"{reader}: {', '.join(names)}" for reader, names in used.items() if names)
        out.warn(
            f"not all use the same classes, and boxes of different classes never match ({listed}); say which is which "
            "with --rename NAME=CLASS"
        )
    found = list(agreements(readers, rounds=rounds, seed=seed))
    if json:
        out.write_json([asdict(each) for each in found])
        return
    for each in found:
        rows = [[metric_text(key), metric.to_text()] for key, metric in each.metrics.items()]
        title = f"{each.reader} measured against {each.against}, {each.images} images"
        out.write_table(["metric", "value"], rows, title=title)


def read_drawn(path: Path) -> Dataset:
    """What one reader drew; small problems are said."""
    from fractura.formats import read_dataset

    problems: list[FracturaError] = []
    dataset = read_dataset(path, problems=problems)
    for problem in problems:
        out.warn(str(problem))
    return dataset


def predicted_by(path: Path, images: Dataset) -> Dataset:
    """The images with a model's detections, from its threshold up, in place of their boxes."""
    from fractura.cli.measuring import predict
    from fractura.inference import load_model

    model = load_model(path)
    detections = [found.above(model.card.threshold) for found in predict(model, images)]
    records = tuple(replace(record, boxes=found, flags=()) for record, found in zip(images, detections, strict=True))
    return replace(images, class_names=model.card.class_names, records=records)
