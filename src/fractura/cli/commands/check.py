"""``fractura check``: mistakes in a folder of labelled images."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import ImageDir

if TYPE_CHECKING:
    from fractura import FolderCheck

SHOWN = 10
"""Findings of one check that are listed for people; ``--json`` has all of them."""


def check(
    data: Annotated[Path, typer.Argument(help="Folder with the images and their Pascal VOC files.")],
    image_dir: ImageDir = None,
    against: Annotated[
        Path | None, typer.Option(help="The other split (such as val): no image may be in both.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Run this check or subject only; can be given again.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave this check or subject out; can be given again.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures: a .html file, or a folder.")] = None,
    fix: Annotated[Path | None, typer.Option(help="Write a cleaned copy into this new folder, with a log.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Find mistakes: damaged images, wrong sizes, impossible boxes, misspelt classes, copies, leaks, shortcuts.

    Nothing in the data is changed. The exit code is 3 if there is an error; warnings and notes leave it at 0.
    """
    from fractura import check_folder

    out.say(f"examining every image of {data}" + (f" and {against} …" if against else " …"))
    result = check_folder(
        data,
        against,
        image_dir=image_dir,
        only=only or (),
        skip=skip or (),
        html=html,
        fix=fix,
        reporter=out.CONSOLE,
    )
    out.say_all(result.files_summary())
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)
    out.say(result.summary())


def _write(result: FolderCheck) -> None:
    for (severity, name), group in groupby(result.report.findings, key=lambda each: (each.severity, each.check)):
        findings = list(group)
        out.write_line(f"{severity}: {name} ({len(findings)})")
        for finding in findings[:SHOWN]:
            out.write_line("  " + str(finding).replace("\n", "\n  "))
        if len(findings) > SHOWN:
            out.write_line(f"  … and {len(findings) - SHOWN} more; --json lists all")
