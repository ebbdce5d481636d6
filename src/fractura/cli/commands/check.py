"""``fractura check``: mistakes in a folder of labelled images."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output
from fractura.core.errors import DataError

if TYPE_CHECKING:
    from fractura.quality import CheckReport

SHOWN = 10
"""Findings of one check that are listed for people; ``--json`` has all of them."""


def check(
    data: Annotated[Path, typer.Argument(help="Folder with the images and their Pascal VOC files.")],
    against: Annotated[
        Path | None, typer.Option(help="The other split (such as val): no image may be in both.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Run this check or subject only; can be given again.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Leave this check or subject out; can be given again.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures: a .html file, or a folder.")] = None,
    fix: Annotated[Path | None, typer.Option(help="Write a cleaned copy into this new folder, with a log.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
) -> None:
    """Look for mistakes: damaged images, wrong sizes, impossible boxes, misspelt classes, copies, leaks, shortcuts.

    Nothing in the data is changed. The exit code is 3 if there is an error; warnings and notes leave it at 0.
    """
    from fractura.quality import Severity, check_dataset
    from fractura.quality.registry import counted

    output.say(f"looking at every image of {data}" + (f" and {against} …" if against else " …"))
    with ExitStack() as bars:
        report = check_dataset(
            data,
            against,
            only=only or (),
            skip=skip or (),
            progress=lambda images: bars.enter_context(output.progress(images, description="looking")),
        )
    if html is not None:
        from fractura.core.files import write_atomically
        from fractura.quality.html import page_path, report_page

        page = page_path(html)
        write_atomically(page, report_page(report))
        output.say(f"page: {page}")
    changes = None
    if fix is not None:
        from fractura.quality.fix import LOG, write_fixed_copy

        changes = write_fixed_copy(report, fix)
        images = {image.path.name for image in report.snapshot.images}
        left_out = sum(each.action == "left out" and each.file in images for each in changes)
        taken = f"{report.images - left_out} of {report.images} images, {left_out} left out"
        output.say(f"cleaned copy: {fix}; {taken}; {counted(len(changes), 'change')}, listed in {LOG}")
    if json:
        document = report.to_dict()
        output.write_json(document if changes is None else {**document, "changes": [vars(each) for each in changes]})
    else:
        _write_findings(report)
    other = report.snapshot.against
    inspected = counted(report.images, "image")
    if other is not None:
        inspected += f", compared with {counted(len(other.images), 'image')} of {other.root}"
    if not report.is_clean:
        raise DataError(
            f"{report.counted(Severity.ERROR)} and {report.counted(Severity.WARNING)} in {inspected}",
            file=data,
            hint="correct the errors listed above, then check again",
        )
    output.say(f"no errors, {report.counted(Severity.WARNING)} in {inspected}")


def _write_findings(report: CheckReport) -> None:
    for (severity, name), group in groupby(report.findings, key=lambda each: (each.severity, each.check)):
        findings = list(group)
        output.write_line(f"{severity}: {name} ({len(findings)})")
        for finding in findings[:SHOWN]:
            output.write_line("  " + str(finding).replace("\n", "\n  "))
        if len(findings) > SHOWN:
            output.write_line(f"  … and {len(findings) - SHOWN} more; --json lists all")
