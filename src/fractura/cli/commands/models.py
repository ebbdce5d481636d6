"""``fractura models``: the models that fractura knows by name."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from fractura.cli import output
from fractura.core.errors import ModelError

VALIDATION_METRICS = ("AP50", "froc/iou10/0.5", "image_auc")
"""Of the built-in model, as its card has them: average precision, fractures found at half a false positive an image,
AUC."""


def models(json: Annotated[bool, typer.Option("--json", help="Print the catalogue as JSON.")] = False) -> None:
    """List the models: the one that comes with fractura, and those that can be trained by name.

    Any other model of a transformer family can be trained from its folder or its id on the Hugging Face Hub:
    fractura train DATA --model hf:FOLDER, or hf:OWNER/NAME.
    """
    from fractura.models.catalogue import CATALOGUE, DEFAULT_MODEL, MEASURED_ON

    own = built_in()
    if json:
        entries = [{**asdict(entry), "megabytes": entry.megabytes} for entry in CATALOGUE]
        output.write_json({"built_in": own, "default": DEFAULT_MODEL, "measured_on": MEASURED_ON, "models": entries})
        return
    if own is not None:
        from fractura.evaluation import Metric, metric_text

        output.write_line(f"{own['name']}: ready to use, {own['megabytes']:.1f} MB, {own['licence']} ({own['model']})")
        for key, metric in own["validation"].items():
            output.write_line(f"  {metric_text(key)}: {Metric(**metric).to_text()}, on its validation images")
        output.write_line(f"  to go on with your images: fractura train DATA --fine-tune-checkpoint {own['name']}")
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
        for entry in CATALOGUE
    ]
    output.write_table(
        ["name", "family", *numeric, "start", "licence"],
        rows,
        title=f"to train: fractura train DATA --model NAME (without --model: {DEFAULT_MODEL})",
        numeric=numeric,
    )
    output.say("size: number of weights; start: what they have learned when training starts (--json says where from)")
    output.say(f"ms: milliseconds of processor time an image, {MEASURED_ON}")
    output.say("COCO AP: average precision of published weights, by their authors, in percent; --json names the source")


def built_in() -> dict[str, Any] | None:
    """What is known of the built-in model, metrics and all; None where this copy of fractura has none."""
    from fractura.inference import BUILT_IN, load_model
    from fractura.inference.built_in import built_in_model

    try:
        file = built_in_model()
    except ModelError as error:
        output.say(str(error))
        return None
    card = load_model(file).card
    metrics = card.metrics.get("validation", {}).get("metrics", {})
    return {
        "name": BUILT_IN,
        "model": card.name,
        "architecture": card.architecture["name"],
        "class_names": list(card.class_names),
        "megabytes": file.stat().st_size / 1e6,
        "licence": card.licence,
        "threshold": card.threshold,
        "validation": {key: metrics[key] for key in VALIDATION_METRICS if key in metrics},
    }
