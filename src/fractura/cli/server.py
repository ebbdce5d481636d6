"""Starting the web server from the command line: options, the line with the address, the browser."""

from __future__ import annotations

import os
import socket
import webbrowser
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from fractura.cli import output
from fractura.core.errors import UsageError

TOKEN_VARIABLE = "FRACTURA_TOKEN"
_PORTS_TRIED = 20

HostOption = Annotated[str, typer.Option(help="Address to listen on; other than this machine only with a token.")]
PortOption = Annotated[int, typer.Option(min=0, max=65535, help="Port; the next free one if it is taken.")]
TokenOption = Annotated[
    str | None,
    typer.Option(
        envvar=TOKEN_VARIABLE,
        help="Secret that a browser or program must show, 16 letters or more.",
        show_default=False,
    ),
]
NoBrowserOption = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def run_server(values: Mapping[str, Any], *, open_browser: bool) -> None:
    """Serve until Ctrl-C.

    Args:
        values: Fields of ``WebSettings``.
        open_browser: Show the page in the user's browser.

    Raises:
        UsageError: The settings are not safe or not possible, or no port is free.
        DataError: The folder cannot be used.
        ModelError: The model cannot be used.
    """
    import uvicorn
    from pydantic import ValidationError

    from fractura.web import WebSettings, create_app

    try:
        settings = WebSettings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        hint = f"set {TOKEN_VARIABLE} to a long random text, or leave --host out" if "token" in str(first) else None
        raise UsageError(first["msg"].removeprefix("Value error, "), hint=hint) from error
    app = create_app(settings)
    listening = _listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    shown = "127.0.0.1" if settings.is_loopback else settings.host
    shown = f"[{shown}]" if ":" in shown else shown
    address = f"http://{shown}:{port}/"
    output.write_line(address)
    output.say("stop with Ctrl-C" + ("" if settings.token is None else "; add ?token=… the first time"))
    if open_browser:
        start = address if settings.token is None else f"{address}?token={quote(settings.token, safe='')}"
        if not webbrowser.open(start):
            output.warn(f"no browser could be opened here; open {address} yourself")
    config = uvicorn.Config(
        app,
        log_config=None,  # setting up logging anew would close the handlers that other libraries opened
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket on the port, or on the next free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    last: OSError | None = None
    for candidate in [port] if port == 0 else range(port, min(port + _PORTS_TRIED, 65536)):
        # The protocol must be named: asyncio then sends small answers at once, not 40 ms later (TCP_NODELAY).
        listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name != "nt":  # on Windows this option lets two programs share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((host, candidate))
            listening.listen(128)
            return listening
        except OSError as error:
            listening.close()
            last = error
    raise UsageError(f"cannot listen on {host}, port {port}: {last}", hint="choose another with --port")
