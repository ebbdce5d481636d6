"""``fractura models``: the models that fractura knows by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fractura.cli import output as out

if TYPE_CHECKING:
    from fractura import AvailableModels, BuiltInModel


def models(json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False) -> None:
    """List the models: the one that comes with fractura, and those that can be trained by name.

    Any other model of a transformer family can be trained from its folder or its id on the Hugging Face Hub:
    fractura train DATA --model hf:FOLDER, or hf:OWNER/NAME.
    """
    from fractura import list_models

    available = list_models()
    if available.problem is not None:
        out.say(str(available.problem))
    if json:
        out.write_json(available.to_dict())
    else:
        _write(available)


def _write(available: AvailableModels) -> None:
    if available.built_in is not None:
        _write_built_in(available.built_in)
    numeric = ["size", "MB", "ms", "COCO AP\n(published)"]  # narrow: names must fit where a line has 120 columns
    rows = [
        [
            entry.name,
            entry.family,
            f"{entry.parameters / 1e6:.1f}M",
            f"{entry.megabytes:.0f}",
            entry.processor_milliseconds,
            entry.coco_ap,
            entry.start,
            entry.licence,
        ]
        for entry in available.models
    ]
    out.write_table(
        ["name", "family", *numeric, "start", "licence"],
        rows,
        title=f"to train: fractura train DATA --model NAME (without --model: {available.default})",
        numeric=numeric,
    )
    out.say("size: number of weights; start: what they have learned when training starts (--json says where from)")
    out.say(f"ms: milliseconds of processor time an image, {available.measured_on}")
    out.say("COCO AP: average precision of published weights, by their authors, in percent; --json names the source")


def _write_built_in(model: BuiltInModel) -> None:
    from fractura import metric_text

    out.write_line(f"{model.name}: ready to use, {model.megabytes:.1f} MB, {model.licence} ({model.model})")
    for key, metric in model.validation.items():
        out.write_line(f"  {metric_text(key)}: {metric.to_text()}, on its validation images")
    out.write_line(f"  to go on with your images: fractura train DATA --fine-tune-checkpoint {model.name}")
