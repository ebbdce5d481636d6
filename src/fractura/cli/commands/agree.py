"""``fractura agree``: readers against readers, and against a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import ReportLanguage, renames
from fractura.cli.terminal_language import code as terminal_language

if TYPE_CHECKING:
    from fractura import ReaderComparison


def agree(
    readers: Annotated[
        list[Path], typer.Argument(metavar="READER...", help="Images with the boxes of one reader each.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for agreement.html, its tables and plots: new or empty."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of an earlier page in --output.")
    ] = False,
    reference: Annotated[
        Path | None, typer.Option(help="The same images with the boxes taken as true, such as a consensus.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="Model whose detections, from its threshold up, count as one more reader.")
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=CLASS", help="A class of one, and which of the others' it is; may be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(min=0, help="Resamples for the intervals; 0 gives none.")] = 1000,
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
    language: ReportLanguage = None,
    json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """How far two readers or more agree with each other, with a model and with a reference.

    Fleiss' kappa, Krippendorff's alpha and Gwet's AC1 say whether all of them see a fracture on the same images,
    Cohen's kappa whether two of them do; F1 and sensitivity say whether the boxes of two lie on one another, at IoU
    0.1, 0.3 and 0.5. With a reference, McNemar's test says who is right more often.
    """
    from fractura import compare_readers

    result = compare_readers(
        *readers,
        output=output,
        reference=reference,
        model=model,
        rename=renames(rename),
        rounds=rounds,
        seed=seed,
        language=language or terminal_language(),
        overwrite=overwrite,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)
    out.say_saved(output, result.report)


def _write(result: ReaderComparison) -> None:
    from fractura import metric_text

    for panel in result.panels:
        rows = [[metric_text(key), metric.to_text()] for key, metric in panel.metrics.items()]
        out.write_table(["metric", "value"], rows, title=f"{', '.join(panel.readers)}: {panel.images} images")
    for each in result.agreements:
        rows = [[metric_text(key), metric.to_text()] for key, metric in each.metrics.items()]
        title = f"{each.reader} measured against {each.against}, {each.images} images"
        out.write_table(["metric", "value"], rows, title=title)
    for pair in result.tests:
        test = pair.test
        out.write_line(
            f"{pair.metric.replace('_', ' ')}, McNemar: {pair.first} alone is right on {test.first}, {pair.second} "
            f"alone on {test.second} images, exact p {test.p_exact:.3f}"
        )
