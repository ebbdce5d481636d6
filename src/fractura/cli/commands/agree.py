"""``fractura agree``: readers against readers, and against a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.errors import FracturaError

if TYPE_CHECKING:
    from fractura.dataset import Dataset


def agree(
    first: Annotated[Path, typer.Argument(metavar="READER1", help="Films with the boxes of one reader.")],
    second: Annotated[Path, typer.Argument(metavar="READER2", help="The same films with those of another.")],
    reference: Annotated[
        Path | None, typer.Option(help="The same films with the boxes taken as true, such as a consensus.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Model whose marks, from its threshold up, count as one more reader.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, help="Resamples for the intervals; 0 gives none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """How far readers agree with each other, with a model and with a reference, on the films that both have read.

    Cohen's kappa says whether they see a fracture on the same films; F1 and sensitivity whether their boxes lie on one
    another, at IoU 0.1, 0.3 and 0.5.
    """
    from dataclasses import asdict

    from fractura.evaluation import figure_text
    from fractura.evaluation.agreement import agreements

    readers = {"reader 1": read_drawn(first), "reader 2": read_drawn(second)}
    if reference is not None:
        readers["reference"] = read_drawn(reference)
    if model is not None:
        readers["model"] = marked_by(model, readers["reader 1"])
    names = [set(dataset.class_names) for dataset in readers.values()]
    if any(each != names[0] for each in names):
        listed = "; ".join(f"{reader}: {', '.join(dataset.class_names)}" for reader, dataset in readers.items())
        out.warn(f"classes are named differently, and boxes of different classes never match ({listed})")
    order = tuple(dict.fromkeys(name for dataset in readers.values() for name in dataset.class_names))
    readers = {reader: dataset.with_class_names(order) for reader, dataset in readers.items()}
    found = list(agreements(readers, rounds=rounds, seed=seed))
    if json:
        out.write_json([asdict(each) for each in found])
        return
    for each in found:
        rows = [[figure_text(key), figure.to_text()] for key, figure in each.figures.items()]
        title = f"{each.reader} measured against {each.against}, {each.films} films"
        out.write_table(["figure", "value"], rows, title=title)


def read_drawn(path: Path) -> Dataset:
    """What one reader drew; small problems are said."""
    from fractura.formats import read_dataset

    problems: list[FracturaError] = []
    dataset = read_dataset(path, problems=problems)
    for problem in problems:
        out.warn(str(problem))
    return dataset


def marked_by(path: Path, films: Dataset) -> Dataset:
    """The films with a model's marks, from its threshold up, in place of their boxes."""
    from fractura.cli.measuring import predict
    from fractura.inference import load_model

    model = load_model(path)
    marks = [found.above(model.card.threshold) for found in predict(model, films)]
    records = tuple(replace(record, boxes=found, flags=()) for record, found in zip(films, marks, strict=True))
    return replace(films, class_names=model.card.class_names, records=records)
