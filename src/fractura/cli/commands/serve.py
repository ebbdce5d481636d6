"""``fractura serve``: detect in the browser, and through the REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from fractura.cli.server import HostOption, NoBrowserOption, PortOption, TokenOption, run_server


def serve(
    model: Annotated[
        str, typer.Option("--model", "-m", help="Model folder, exported .onnx file, or built-in.")
    ] = "built-in",
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    token: TokenOption = None,
    no_browser: NoBrowserOption = False,
) -> None:
    """Drop images into the browser, or send them to the REST API, and see what the model finds.

    A research tool, not a medical device. Only this machine can reach it.
    """
    run_server(
        {"mode": "serve", "model": model, "host": host, "port": port, "token": token}, open_browser=not no_browser
    )
