"""``fractura doctor``: what this copy of fractura finds on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.core.errors import MissingDependencyError

if TYPE_CHECKING:
    from fractura import Installation, PackageGroup

GIB = 2**30


def doctor(
    folder: Annotated[Path, typer.Argument(help="Folder on the disk to measure.", exists=True, file_okay=False)] = Path(
        "."
    ),
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show versions, devices and disk, and what is missing for which command. Paste it into a bug report.

    Exits with code 5 if the base installation is incomplete; what only an extra needs is optional.
    """
    from fractura import examine_installation

    found = examine_installation(folder)
    if json:
        out.write_json(found.to_dict())
    else:
        _write(found)
    if not found.is_complete:
        raise typer.Exit(MissingDependencyError.exit_code)


def _write(found: Installation) -> None:
    out.write_line(f"fractura {found.version}, Python {found.python}, {found.system}")
    memory = "" if found.memory is None else f", {found.memory / GIB:.0f} GiB of memory"
    out.write_line(f"{found.cores} processor cores{memory}, {found.disk_free / GIB:.0f} GiB free on the disk here")
    for device in found.devices:
        out.write_line(device)
    for group in found.groups:
        _write_group(group)
    out.warn_all(found.remarks)


def _write_group(group: PackageGroup) -> None:
    name = f"[{group.extra}]" if group.extra else "base install"
    out.write_line(f"\n{name}: {'not complete' if group.missing else 'complete'}")
    out.write_paragraph(f"  for {group.purpose}")
    if group.missing:
        out.write_paragraph(f"  missing: {', '.join(group.missing)}")
        out.write_line(f"  to install: {group.command}")
    if group.installed:
        versions = ", ".join(f"{name} {version}" for name, version in group.installed.items())
        out.write_paragraph(f"  installed: {versions}")
