"""``fractura evaluate``: how good a model is on labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.cli.measuring import Rename
from fractura.core.errors import UsageError

if TYPE_CHECKING:
    from fractura.core.dataset import Dataset
    from fractura.evaluation import ImageGroup


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
    rename: Rename = None,
    fast: Annotated[bool, typer.Option("--fast", help="Look at each image once, whole.")] = False,
    language: Annotated[Literal["en", "es"], typer.Option(help="Language of the report.")] = "en",
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Measure a model on labelled images: average precision, FROC, sensitivity, AUC, calibration, with 95 % intervals.

    A detection finds a box if it overlaps it with IoU 0.1, 0.3 or 0.5, or if its centre is inside (each is reported).
    Boxes flagged difficult neither count as missed nor make a detection false. Intervals resample patients where they
    are known.
    """
    from fractura.cli.measuring import predict, read_labelled
    from fractura.core.calibrator import Calibrator
    from fractura.core.files import refuse_full_folder, write_atomically
    from fractura.evaluation import evaluate as measure
    from fractura.evaluation.evaluation_folder import EVALUATION_FILE, holds_evaluation, write_tables
    from fractura.evaluation.report import ReportContext, write_report
    from fractura.evaluation.rows import SUBGROUP_COLUMNS
    from fractura.inference import load_model
    from fractura.inference.views import WHOLE

    if without and groups is None:
        raise UsageError("--without needs the table of the images", hint="give it with --groups manifest.csv")
    if output is not None:
        refuse_full_folder(output, earlier=holds_evaluation(output), overwrite=overwrite)
    loaded = load_model(model)
    card = loaded.card
    dataset, parts = divide(read_labelled(data, card.class_names, rename), groups, without or [])
    views = WHOLE if fast else card.views
    predictions = predict(loaded, dataset, views)
    own = card.fast_threshold if fast and card.fast_threshold is not None else card.threshold
    evaluation = measure(
        dataset,
        predictions,
        threshold=own if threshold is None else threshold,
        rounds=rounds if intervals else 0,
        seed=seed,
        groups=parts,
        calibrator=Calibrator.from_card(card, views),
    )
    context = ReportContext(evaluation=evaluation, card=card, dataset=dataset, data_name=str(data), views=views)
    warnings = [str(warning) for warning in context.warnings]
    document = {
        "model": {"name": card.name, "path": str(model)},
        "data": {"path": str(data), "fingerprint": context.fingerprint, "overlap": context.leakage.to_dict()},
        "warnings": warnings,
        **evaluation.to_dict(),
    }
    if output is not None:
        write_atomically(output / EVALUATION_FILE, out.json_text(document))
        write_tables(evaluation, output)
        page = write_report(context, output, language=language)
    if json:
        out.write_json(document)
    else:
        out.write_table(["metric", "value"], evaluation.rows(), title=f"{card.name} on {data}")
        out.write_table(["group", "images", "boxes", *SUBGROUP_COLUMNS.values()], evaluation.subgroup_rows())
    for warning in warnings:
        out.warn(warning)
    for note in evaluation.notes:
        out.say(f"note: {note}")
    if output is not None:
        out.say(f"saved in {output}; to be read in a browser: {page}")


def divide(dataset: Dataset, table: Path | None, without: list[str]) -> tuple[Dataset, list[ImageGroup]]:
    """The images with what a table adds to them, and the parts to be measured on their own.

    Args:
        dataset: The images.
        table: CSV table of the images; None is none.
        without: Columns of it; images where one is 1 are also left out once.

    Raises:
        DataError: The table cannot be read, knows none of the images or has no such column.
    """
    from fractura.evaluation import image_groups
    from fractura.evaluation.manifest import read_manifest

    if table is None:
        return dataset, image_groups(dataset)
    manifest = read_manifest(table)
    completed = manifest.complete(dataset)
    if missing := manifest.missing(dataset):
        out.warn(f"{missing} images have no row in {table}: they are in none of its groups")
    parts = image_groups(completed) + manifest.groups(completed)
    parts += [manifest.without(completed, column) for column in without]
    for part in parts:
        if not part.images.any():
            out.say(f"no image is in the group '{part.by}: {part.name}'")
    return completed, parts
