"""``fractura serve``: detect in the browser, and through the REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import Host, NoBrowser, Port, Token


def serve(
    model: Annotated[
        str, typer.Option("--model", "-m", help="Model folder, exported .onnx file, or built-in.")
    ] = "built-in",
    root: Annotated[
        Path | None,
        typer.Option(help="Folder whose images batch jobs of the REST API may examine.", show_default="none"),
    ] = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    token: Token = None,
    no_browser: NoBrowser = False,
) -> None:
    """Drop images into the browser, or send them to the REST API, and see what the model finds.

    A research tool, not a medical device. Only this machine can reach it.
    """
    from fractura import serve

    serve(
        model,
        root=root,
        host=host,
        port=port,
        token=token,
        open_browser=not no_browser,
        on_ready=out.write_line,
        reporter=out.CONSOLE,
    )
