"""``fractura check``: mistakes in a folder of labelled films."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from fractura.cli import output
from fractura.errors import DataError

SHOWN = 10
"""Findings of one check that are listed for people; ``--json`` has all of them."""


def check(
    data: Annotated[Path, typer.Argument(help="Folder with the films and their Pascal VOC files.")],
    against: Annotated[Path | None, typer.Option(help="The other split (such as val): no film may be in both.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Look for mistakes: damaged films, wrong sizes, impossible boxes, misspelt classes, copies, films in both splits.

    Nothing is changed. The exit code is 3 if there is an error; warnings and notes leave it at 0.
    """
    from fractura.checks import check_dataset

    output.say(f"looking at every film of {data}" + (f" and {against} …" if against else " …"))
    report = check_dataset(data, against)
    if json:
        output.write_json(report.to_dict())
    else:
        for (severity, name), group in groupby(report.findings, key=lambda each: (each.severity, each.check)):
            findings = list(group)
            output.write_line(f"{severity}: {name} ({len(findings)})")
            for finding in findings[:SHOWN]:
                output.write_line("  " + str(finding).replace("\n", "\n  "))
            if len(findings) > SHOWN:
                output.write_line(f"  … and {len(findings) - SHOWN} more; --json lists all")
    counts = report.to_dict()
    if not report.is_clean:
        raise DataError(
            f"{counts['errors']} errors and {counts['warnings']} warnings in {report.films} films",
            file=data,
            hint="correct the errors listed above, then check again",
        )
    output.say(f"no errors, {counts['warnings']} warnings in {report.films} films")
