"""``fractura evaluate``: how good a model is on labelled films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out
from fractura.errors import FracturaError

EVALUATION_FILE = "evaluation.json"


def evaluate(
    model: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    data: Annotated[Path, typer.Argument(help="Labelled films, in any format that fractura reads.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help=f"Folder for {EVALUATION_FILE}.")] = None,
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Score from which a mark counts.", show_default="the model's own"),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure a model on labelled films: average precision, FROC, sensitivity and false marks, film-level AUC.

    A mark finds a box if it overlaps it with IoU 0.1, 0.3 or 0.5 (each is reported). Boxes flagged difficult neither
    count as missed nor make a mark false.
    """
    from fractura.evaluation import align_classes
    from fractura.evaluation import evaluate as measure
    from fractura.files import write_atomically
    from fractura.formats import read_dataset
    from fractura.inference import load_model
    from fractura.inference.detect import detect_dataset
    from fractura.splits import refuse_wrong_split

    loaded = load_model(model)
    problems: list[FracturaError] = []
    dataset = align_classes(read_dataset(data, problems=problems), loaded.card.class_names)
    for problem in problems:
        out.warn(str(problem))
    refuse_wrong_split(dataset, "evaluate", data)  # before the films are looked at: that may take long
    found = detect_dataset(loaded, dataset)
    with out.progress(found, description="detecting", total=len(dataset)) as shown:
        predictions = list(shown)
    lowest = loaded.card.threshold if threshold is None else threshold
    evaluation = measure(dataset, predictions, threshold=lowest)
    document = {
        "model": {"name": loaded.card.name, "path": str(model)},
        "data": {"path": str(data), "fingerprint": dataset.fingerprint()},
        **evaluation.to_dict(),
    }
    if output is not None:
        write_atomically(output / EVALUATION_FILE, out.json_text(document))
    if json:
        out.write_json(document)
    else:
        out.write_table(["figure", "value"], evaluation.rows(), title=f"{loaded.card.name} on {data}")
    for note in evaluation.notes:
        out.say(f"note: {note}")
    if output is not None:
        out.say(f"saved as {output / EVALUATION_FILE}")
