"""``fractura export``: a trained model as one file that other programs run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out


def export(
    model: Annotated[Path, typer.Argument(help="Trained-model folder.", show_default=False)],
    to: Annotated[str, typer.Option(help="Format of the file.")] = "onnx",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; model.onnx in the model folder by default.")
    ] = None,
    films: Annotated[
        list[Path] | None,
        typer.Option(help="Film or folder of films to compare the file with PyTorch on; may be repeated."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Turn a trained model into one file that runs without PyTorch, and check that it finds the same.

    The file is put in its place only after it was compared with the model on films (yours with --films, else a few
    artificial ones). It carries the model's card: class names, threshold and all.
    """
    from fractura.export import export_model
    from fractura.inference.films import find_films

    given = [film.path for film in find_films(films).films] if films else []
    out.say(f"exporting {model} …")
    result = export_model(model, to=to, output=output, films=given)
    if json:
        out.write_json(result.to_dict())
        return
    out.write_line(str(result.output))
    parity = result.parity
    out.say(
        f"{result.size / 1e6:.1f} MB; compared with PyTorch on {parity.films} {result.compared_on}: "
        f"{parity.boxes} boxes, {parity.unmatched} without a twin, scores within {parity.maximum_score_difference:.1g}"
    )
