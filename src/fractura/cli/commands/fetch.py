"""``fractura fetch``: models and data sets from the network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out

if TYPE_CHECKING:
    from fractura import Fetched, FetchedData


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="fracatlas, grazpedwri-dx, or such as zoo:faster_rcnn_inception_resnet_v2_640x640.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder in which it is unpacked.")] = Path(),
    url: Annotated[str | None, typer.Option(help="Fetch it from this address instead.", show_default=False)] = None,
    keep_archive: Annotated[bool, typer.Option("--keep-archive", help="Keep the archive next to the folder.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Download and unpack a data set, or a model of the TensorFlow 2 detection zoo.

    A download that breaks off goes on where it was, also when the command is run again.
    """
    from fractura import fetch_resource

    fetched = fetch_resource(name, output, url=url, keep_archive=keep_archive, reporter=out.CONSOLE)
    _say_notes(fetched)
    if json:
        out.write_json(fetched.to_dict())
    else:
        out.write_path(fetched.folder)


def _say_notes(fetched: Fetched | FetchedData) -> None:
    from fractura import FetchedData

    if isinstance(fetched, FetchedData):
        article = fetched.article
        out.say_all([article.title, f"licence: {article.licence} {article.licence_url}"])
        out.say_all([f"cite: {article.citation}", f"      {fetched.paper}"])
        for packed in fetched.packed:
            out.warn(f"{packed} has to be unpacked by another program")
        return
    if fetched.sha256 is None:
        out.say("it was there already")
    else:
        checked = "as it should be" if fetched.checked else "complete, but what it should be is not known"
        out.say(f"SHA-256 of the archive: {fetched.sha256} ({checked})")
    checkpoint = fetched.folder / "checkpoint" / "ckpt-0"
    if checkpoint.with_name("ckpt-0.index").is_file():
        out.say(f"start training from it: fractura configure FILE --fine-tune-checkpoint {checkpoint}")
