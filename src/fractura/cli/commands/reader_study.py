"""``fractura reader-study``: readers with and without a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import Criterion, LabelledImages, PositiveFrom, ReportLanguage
from fractura.cli.terminal_language import code as terminal_language

if TYPE_CHECKING:
    from fractura import ReaderStudyResult


def reader_study(
    ratings: Annotated[
        Path, typer.Argument(help="CSV table: reader, modality, image, rating; fractured, or x, y, w, h of places.")
    ],
    data: LabelledImages = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for reader_study.html, its tables and plots: new or empty."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the files of an earlier page in --output.")
    ] = False,
    criterion: Criterion = "iou30",
    positive_from: PositiveFrom = None,
    language: ReportLanguage = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Do readers read better with a model than without: every reader reads every image with every modality.

    Multiple readers, multiple cases: the analysis of Obuchowski and Rockette (the same as DBM) for random readers and
    cases, fixed readers, and fixed cases. Figures of merit: AUC of images; where readers rated places, JAFROC and
    wAFROC; from a rating on, sensitivity and specificity. A difference is a later modality less an earlier one.
    """
    from fractura import analyse_reader_study

    result = analyse_reader_study(
        ratings,
        data,
        output,
        criterion=criterion,
        positive_from=positive_from,
        language=language or terminal_language(),
        overwrite=overwrite,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)
    out.say_saved(output, result.report)


def _write(result: ReaderStudyResult) -> None:
    study = result.study
    out.write_line(
        f"{len(study.readers)} readers, {len(study.images)} images ({study.fractured.sum()} fractured), modalities: "
        f"{', '.join(study.modalities)}"
    )
    columns = ["figure", "difference of", "earlier", "later", "difference (95 %)", "p", "holds for"]
    out.write_table(columns, result.rows())
