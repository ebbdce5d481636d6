"""``fractura sample-size``: how many readers and images a reader study needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out
from fractura.cli.options import Criterion, LabelledImages, PositiveFrom

if TYPE_CHECKING:
    from fractura import StudyPlan


def sample_size(
    pilot: Annotated[
        Path, typer.Argument(help="Table of ratings of a smaller study, as reader-study reads it, or its .json file.")
    ],
    effect: Annotated[
        float, typer.Option(help="Difference of the figure with and without the model that is to be found.")
    ],
    data: LabelledImages = None,
    figure: Annotated[str, typer.Option(help="auc, wafroc, jafroc, sensitivity or specificity.")] = "auc",
    readers: Annotated[
        list[int] | None,
        typer.Option(help="Number of readers to plan for; may be repeated.", show_default="3 to 12"),
    ] = None,
    power: Annotated[float, typer.Option(help="Chance to find the difference if it is there.")] = 0.8,
    alpha: Annotated[float, typer.Option(help="Two-sided level of the test.")] = 0.05,
    criterion: Criterion = "iou30",
    positive_from: PositiveFrom = None,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """How many readers and images a study with and without a model needs, from a pilot study's variance components.

    After Hillis, Obuchowski and Berbaum (2011). Images are fractured and normal ones in the pilot study's proportion. A
    small pilot study gives an uncertain plan: take more than it says.
    """
    from fractura import plan_reader_study

    result = plan_reader_study(
        pilot,
        data,
        effect=effect,
        figure=figure,
        readers=readers or range(3, 13),
        power=power,
        alpha=alpha,
        criterion=criterion,
        positive_from=positive_from,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(result.to_dict())
    else:
        _write(result)


def _write(result: StudyPlan) -> None:
    columns = ["readers", "random readers and cases", "fixed readers", "fixed cases"]
    title = f"images for a power of {result.power:g} to find a difference of {result.effect:g} in {result.figure}"
    out.write_table(columns, result.rows(), title=title)
