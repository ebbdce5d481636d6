"""Start the web server for a folder of images, or for images that are sent to it; it stops with Ctrl-C."""

from __future__ import annotations

import errno
import os
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from fractura.core.errors import DataError, UsageError
from fractura.core.reporter import LOG, Reporter
from fractura.web.settings import WebSettings

if TYPE_CHECKING:
    from fastapi import FastAPI

TOKEN_VARIABLE = "FRACTURA_TOKEN"


def label(
    folder: Path | str,
    *,
    model: Path | str | None = None,
    classes: Path | str | None = None,
    open_below: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    open_browser: bool = True,
    on_ready: Callable[[str], None] | None = None,
    reporter: Reporter = LOG,
) -> None:
    """Label a folder of images in the browser, until Ctrl-C.

    Args:
        folder: Images, and their Pascal VOC files as LabelImg writes them.
        model: Model that suggests boxes; by default the built-in one, if there is one.
        classes: File with the classes to choose from, one a line; by default ``predefined_classes.txt`` in the folder.
        open_below: The page may open folders below it, unless other machines reach it; by default the home folder.
        host: Address to listen on; other than this machine only with a token.
        port: An error if another program has it; 0 is any that is free.
        token: Secret that a browser or program must show, 16 characters or more.
        open_browser: Show the page in the user's browser.
        on_ready: Is called with the address when the server listens.
        reporter: Shows how to stop it.

    Raises:
        UsageError: The settings are not safe or not possible, or the port is taken.
        DataError: The folder cannot be used.
        ModelError: The model cannot be used.

    Example:
        ``label("radiographs", port=0, on_ready=print)``
    """
    settings = _settings(
        mode="label",
        folder=folder,
        model=model,
        classes=classes,
        open_below=open_below,
        host=host,
        port=port,
        token=token,
    )
    _run(settings, open_browser, on_ready, reporter)


def serve(
    model: Path | str = "built-in",
    *,
    root: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8000,
    token: str | None = None,
    open_browser: bool = True,
    on_ready: Callable[[str], None] | None = None,
    reporter: Reporter = LOG,
) -> None:
    """Detect in the browser and through the REST API, until Ctrl-C.

    Args:
        model: Model folder, exported ``.onnx`` file or ``built-in``.
        root: Folder whose images batch jobs of the REST API may examine; without one, only those that are sent to it.
        host: As for ``label``, and so are the others.
        port: See ``label``.
        token: See ``label``.
        open_browser: See ``label``.
        on_ready: See ``label``.
        reporter: See ``label``.

    Raises:
        UsageError: The settings are not safe or not possible, or the port is taken.
        DataError: There is no such folder.
        ModelError: The model cannot be used.

    Example:
        ``serve("my_model.onnx", port=0, on_ready=print)``
    """
    if root is not None and not Path(root).is_dir():
        raise DataError("there is no such folder", file=root, hint="check the path and the spelling")
    settings = _settings(mode="serve", model=model, root=root, host=host, port=port, token=token)
    _run(settings, open_browser, on_ready, reporter)


def _settings(**values: object) -> WebSettings:
    from pydantic import ValidationError

    model = values["model"]
    try:
        return WebSettings.model_validate({**values, "model": None if model is None else str(model)})
    except ValidationError as error:
        first = error.errors()[0]
        hint = f"set {TOKEN_VARIABLE} to a long random text, or leave --host out" if "token" in str(first) else None
        raise UsageError(first["msg"].removeprefix("Value error, "), hint=hint) from error


def _run(settings: WebSettings, open_browser: bool, on_ready: Callable[[str], None] | None, reporter: Reporter) -> None:
    from fractura.web.app import create_app

    app = create_app(settings)
    try:
        _listen_and_answer(app, settings, open_browser, on_ready, reporter)
    finally:
        app.state.shared.release()  # also where it could not listen, and a notebook goes on


def _listen_and_answer(
    app: FastAPI,
    settings: WebSettings,
    open_browser: bool,
    on_ready: Callable[[str], None] | None,
    reporter: Reporter,
) -> None:
    import uvicorn

    from fractura.web.connections import LimitedProtocol

    listening = _listen(settings.host, settings.port)
    port = listening.getsockname()[1]
    shown = "127.0.0.1" if settings.is_loopback else settings.host
    shown = f"[{shown}]" if ":" in shown else shown
    address = f"http://{shown}:{port}/"
    if on_ready is not None:
        on_ready(address)
    reporter.say("stop with Ctrl-C" + ("" if settings.token is None else "; add ?token=… the first time"))
    if open_browser:
        start = address if settings.token is None else f"{address}?token={quote(settings.token, safe='')}"
        if not webbrowser.open(start):
            reporter.warn(f"no browser could be opened here; open {address} yourself")
    config = uvicorn.Config(
        app,
        http=LimitedProtocol,
        backlog=100,  # as many are accepted at once, before the first of them is counted
        log_config=None,  # setting up logging anew would close the handlers that other libraries opened
        log_level="error",  # warnings repeat what strangers send, line by line
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    with suppress(KeyboardInterrupt):  # the normal end: uvicorn has closed everything and passes the signal on
        uvicorn.Server(config).run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    """A socket on the port. Never on another: a bookmark must not open another folder's page."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio then sends small answers at once, not 40 ms later (TCP_NODELAY).
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name != "nt":  # on Windows this option lets two programs share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise UsageError(
                f"port {port} of {host} is taken by another program, perhaps another fractura",
                hint="choose another with --port, or --port 0 for any that is free",
            ) from error
        raise UsageError(f"cannot listen on {host}, port {port}: {error}", hint="choose another with --port") from error
    return listening
