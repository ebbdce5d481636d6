"""``fractura models``: the models that fractura knows by name."""

from __future__ import annotations

from itertools import groupby
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
    out.write_line("\nto train: fractura train DATA --model NAME")
    out.write_line(f"without --model: {available.default}")
    numeric = ["size", "MB", "ms", "COCO AP"]
    for title, entries in groupby(
        available.models, lambda model: f"{model.family}; start: {model.start}; {model.licence}"
    ):
        rows = [
            [e.name, f"{e.parameters / 1e6:.1f}M", f"{e.megabytes:.0f}", e.processor_milliseconds, e.coco_ap]
            for e in entries
        ]
        out.write_table(["name", *numeric], rows, title=title, numeric=numeric)
    out.write_paragraph("start: what the weights have learned when training starts (--json says where from)")
    out.write_paragraph(f"ms: milliseconds of processor time an image, {available.measured_on}")
    out.write_paragraph(
        "size: number of weights; COCO AP: average precision of published weights, by their authors, in percent "
        "(--json names the source)"
    )


def _write_built_in(model: BuiltInModel) -> None:
    from fractura import metric_text

    out.write_line(f"{model.name}: ready to use, {model.megabytes:.1f} MB ({model.model})")
    out.write_paragraph(f"  licence: {model.licence}")
    out.write_line("  on its validation images:")
    for key, metric in model.validation.items():
        out.write_paragraph(f"    {metric_text(key)}: {metric.to_text()}")
    if model.limits:
        out.write_line("  known limits:")
        for limit in model.limits:
            out.write_paragraph(f"    {limit}")
    out.write_line("  to go on with your images:")
    out.write_line(f"    fractura train DATA --fine-tune-checkpoint {model.name}")
