"""``fractura train``: a detector from a folder of labelled images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.cli.options import ImageDir, SourceFormat, assignments, given, option_names
from fractura.cli.registry import INTERRUPTED

OTHER_OPTIONS = {
    "source_format": "--from",
    "learning_rate_base": "--learning-rate",
    "data_augmentation_options": "--augmentation",
}
"""Settings whose option has another name."""


def train(
    data: Annotated[
        Path | None, typer.Argument(help="Labelled images to learn from; not needed with --resume.", show_default=False)
    ] = None,
    output_folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the trained model.", show_default=False)
    ] = None,
    pipeline_config: Annotated[
        Path | None,
        typer.Option(
            help="Train from a pipeline.config of the TensorFlow Object Detection API, which names the images.",
            show_default=False,
        ),
    ] = None,
    val: Annotated[
        Path | None, typer.Option(help="Labelled images to measure on; none may be in DATA.", show_default=False)
    ] = None,
    source_format: SourceFormat = None,
    image_dir: ImageDir = None,
    model: Annotated[
        str | None,
        typer.Option(help="Detector: a name (see: fractura models), hf:OWNER/NAME or hf:FOLDER.", show_default=False),
    ] = None,
    num_steps: Annotated[int | None, typer.Option(help="Optimiser steps.", show_default=False)] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images per step, over all processes.", show_default=False)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --output, as it was set.")] = False,
    settings_file: Annotated[
        Path | None,
        typer.Option("--settings", help="JSON file of settings, or a training.json; options given here win."),
    ] = None,
    set_value: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, as NAME=VALUE; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Highest learning rate (learning_rate_base).", show_default=False)
    ] = None,
    augmentation: Annotated[
        str | None, typer.Option(help="none, flip, image, image_with_crops or randomised.", show_default=False)
    ] = None,
    negatives_per_positive: Annotated[
        float | None,
        typer.Option(help="Images without boxes shown per image with; all by default.", show_default=False),
    ] = None,
    fine_tune_checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Trained model to start from: built-in, a model folder, or the .onnx file of a faster_rcnn model. It "
            "also decides about --model.",
            show_default=False,
        ),
    ] = None,
    eval_every: Annotated[int | None, typer.Option(help="Steps between validations.", show_default=False)] = None,
    patience: Annotated[
        int | None, typer.Option(help="Stop after so many validations without a better AP50.", show_default=False)
    ] = None,
    aim: Annotated[
        str | None,
        typer.Option(
            help="What the threshold is chosen for: f1, sensitivity=0.9, fp_per_image=0.5, image_sensitivity=0.95 or "
            "image_specificity=0.9.",
            show_default=False,
        ),
    ] = None,
    max_minutes: Annotated[
        float | None, typer.Option(help="Stop cleanly after so many minutes.", show_default=False)
    ] = None,
    micro_batch_size: Annotated[
        int | None, typer.Option(help="Images at once through the network, to save memory.", show_default=False)
    ] = None,
    mixed_precision: Annotated[
        Literal["auto", "no", "bf16", "fp16"] | None, typer.Option(help="Number format.", show_default=False)
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"] | None, typer.Option(help="Where the network runs.", show_default=False)
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare images.", show_default=False)] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.", show_default=False)] = None,
    on_error: Annotated[
        Literal["stop", "skip", "skip-all"] | None,
        typer.Option(
            help="At an unusable image or box: skip leaves the image out, but stops where all boxes or over a tenth of "
            "the images with boxes would be lost; skip-all never stops.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Train a detector on a folder of labelled images.

    With --pipeline-config the images, the model and the settings are those of that file; options given here win.

    Leaves a folder with weights, a card with everything known about them, a log and the state to resume from.
    Several GPUs: accelerate launch -m fractura train …
    """
    from fractura import train_model

    typed = given(
        {
            "val": val,
            "source_format": source_format,
            "image_dir": image_dir,
            "model": model,
            "num_steps": num_steps,
            "batch_size": batch_size,
            "learning_rate_base": learning_rate,
            "data_augmentation_options": augmentation,
            "negatives_per_positive": negatives_per_positive,
            "fine_tune_checkpoint": fine_tune_checkpoint,
            "eval_every": eval_every,
            "patience": patience,
            "aim": aim,
            "max_minutes": max_minutes,
            "micro_batch_size": micro_batch_size,
            "mixed_precision": mixed_precision,
            "device": device,
            "workers": workers,
            "seed": seed,
            "on_error": on_error,
        }
    )
    result = train_model(
        {**assignments(set_value), **typed, **given({"data": data, "output": output_folder})},
        settings_file=settings_file,
        pipeline_config=pipeline_config,
        resume=resume,
        option_names=option_names(typed, OTHER_OPTIONS),
        reporter=out.CONSOLE,
    )
    if not out.is_first_process():
        return
    if json:
        out.write_json(result.to_dict())
    else:
        out.write_path(result.model_folder)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
