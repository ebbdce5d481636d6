"""``fractura import-tf``: bring over what TensorFlow's tools trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out


def import_tf(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="Folder of checkpoints, exported folder, or path ending in ckpt-5.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Model folder to write.", show_default=False)],
    pipeline_config: Annotated[
        Path | None, typer.Option(help="The file it was trained with.", show_default="next to the checkpoint")
    ] = None,
    label_map: Annotated[
        Path | None, typer.Option(help="Names of the classes.", show_default="as the pipeline.config says")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Bring over a model that the TensorFlow Object Detection API trained; TensorFlow is not needed.

    Leaves a model folder for detect, evaluate and export.
    """
    from fractura import import_checkpoint

    imported = import_checkpoint(checkpoint, output, pipeline_config=pipeline_config, label_map=label_map)
    out.say_all([imported.report.to_text(), *imported.notes])
    if json:
        out.write_json(imported.to_dict())
    else:
        out.write_path(imported.model_folder)
