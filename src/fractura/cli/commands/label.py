"""``fractura label``: draw and correct boxes in the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import Host, NoBrowser, Port, Token


def label(
    folder: Annotated[Path, typer.Argument(help="Images, and their Pascal VOC files as LabelImg writes them.")],
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Model that suggests boxes.", show_default="the built-in one, if there"),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            help="File with the classes to choose from, one a line.", show_default="predefined_classes.txt in FOLDER"
        ),
    ] = None,
    open_below: Annotated[
        Path | None,
        typer.Option(help="Folder below which the page may open others.", show_default="your home folder"),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    no_browser: NoBrowser = False,
) -> None:
    """Label a folder of images in the browser.

    Files stay Pascal VOC XML, as LabelImg reads and writes them. Only this machine can reach the page.
    """
    from fractura import label

    label(
        folder,
        model=model,
        classes=classes,
        open_below=open_below,
        host=host,
        port=port,
        token=token,
        open_browser=not no_browser,
        on_ready=out.write_line,
        reporter=out.CONSOLE,
    )
