"""``fractura node``: a DICOM node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import assignments, given

if TYPE_CHECKING:
    from fractura import NodeStatus


def node(
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", help="YAML or TOML file of settings; options given here win.", show_default=False),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the queue: what waits lies there.", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="Model folder, exported .onnx file, or built-in.", show_default=False),
    ] = None,
    ae_title: Annotated[str | None, typer.Option(help="The node's AE title.", show_default="FRACTURA")] = None,
    host: Annotated[
        str | None,
        typer.Option(
            help="Address to listen on; other than this machine only with --set callers.", show_default="127.0.0.1"
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.", show_default="11112")
    ] = None,
    set_value: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help='Any other setting, as NAME=VALUE, such as callers=["PACS"]; may be repeated.',
            metavar="NAME=VALUE",
        ),
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Only show what is in the queue.")] = False,
    retry: Annotated[bool, typer.Option("--retry", help="Only put back what was given up, to be tried again.")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Only drop what was given up.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the queue as one JSON document, at the end.")] = False,
) -> None:
    """Receive radiographs by DICOM, and send the results back to where they are read.

    An image is acknowledged when it is on the disk; results wait until every destination has confirmed them. A research
    tool, not a medical device.
    """
    from fractura import run_node

    typed = given({"folder": folder, "model": model, "ae_title": ae_title, "host": host, "port": port})
    found = run_node(
        {**assignments(set_value), **typed},
        settings_file=settings_file,
        action="status" if status else "retry" if retry else "discard" if discard else "run",
        on_ready=None if json else out.write_line,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(found.to_dict())
    else:
        _write_status(found)


def _write_status(found: NodeStatus) -> None:
    out.write_line(
        f"{found.waiting} images wait, {found.sending} are being sent, {found.done} are done, {found.failed} failed"
    )
    if found.destinations:
        out.write_table(
            ["destination", "waiting", "confirmed", "failed", "problem"],
            [[each.name, each.waiting, each.confirmed, each.failed, each.problem] for each in found.destinations],
            numeric=["waiting", "confirmed", "failed"],
        )
    if found.failed_images:
        out.write_table(
            ["number", "SOP Instance UID", "attempts", "problem"],
            [[each.number, each.uid, each.attempts, each.problem] for each in found.failed_images],
            numeric=["number", "attempts"],
        )
