"""``fractura fetch``: models and data sets from the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            help="fracatlas, grazpedwri-dx, or such as zoo:faster_rcnn_inception_resnet_v2_640x640.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder in which it is unpacked.")] = Path(),
    url: Annotated[str | None, typer.Option(help="Fetch it from this address instead.", show_default=False)] = None,
    keep_archive: Annotated[bool, typer.Option("--keep-archive", help="Leave the archive beside the folder.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Download and unpack a data set, or a model of the TensorFlow 2 detection zoo.

    A download that breaks off goes on where it was, also when the command is run again.
    """
    from fractura.core.errors import UsageError, suggest_name
    from fractura.fetch import ADDRESSES, DATA_SETS, fetch_data
    from fractura.fetch import fetch as run

    if name in DATA_SETS:
        with out.download_bar(name) as progress:
            data = fetch_data(name, output, url=url, keep_archive=keep_archive, progress=progress)
        for line in (f"{data.article.title}", f"licence: {data.article.licence} {data.article.licence_url}"):
            out.say(line)
        out.say(f"cite: {data.article.citation}")
        out.say(f"      {data.paper}")
        for packed in data.packed:
            out.warn(f"{packed} has to be unpacked by another program")
        if json:
            out.write_json(data.to_dict())
        else:
            out.write_line(str(data.folder))
        return
    if name not in ADDRESSES:
        raise UsageError(f"nothing to fetch is called '{name}'", hint=suggest_name(name, [*ADDRESSES, *DATA_SETS]))
    with out.download_bar(name) as progress:
        fetched = run(name, output, url=url, keep_archive=keep_archive, progress=progress)
    if json:
        out.write_json(fetched.to_dict())
        return
    out.write_line(str(fetched.folder))
    if fetched.sha256 is None:
        out.say("it was there already")
    else:
        checked = "as it should be" if fetched.checked else "complete, but what it should be is not known"
        out.say(f"SHA-256 of the archive: {fetched.sha256} ({checked})")
    checkpoint = fetched.folder / "checkpoint" / "ckpt-0"
    if checkpoint.with_name("ckpt-0.index").is_file():
        out.say(f"start training from it: fractura configure FILE --fine-tune-checkpoint {checkpoint}")
