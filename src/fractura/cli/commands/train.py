"""``fractura train``: a detector from a folder of labelled images."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fractura.cli import output
from fractura.cli.main import INTERRUPTED
from fractura.core.errors import UsageError, require

if TYPE_CHECKING:
    from fractura.training import TrainResult

OTHER_OPTIONS = {"learning_rate_base": "--learning-rate", "data_augmentation_options": "--augmentation"}
"""Settings whose option is not their own name."""


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
        str | None, typer.Option(help="none, flip, image or image_with_crops.", show_default=False)
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
        Literal["stop", "skip"] | None, typer.Option(help="At an unusable image or box.", show_default=False)
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Train a detector on a folder of labelled images.

    With --pipeline-config the images, the model and the settings are those of that file; options given here win.

    Leaves a folder with weights, a card with everything known about them, a log and the state to resume from.
    Several GPUs: accelerate launch -m fractura train …
    """
    require("torch", "train")
    require("accelerate", "train")
    given: dict[str, Any] = {
        "val": val,
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
    given = {name: value for name, value in given.items() if value is not None}
    chosen: dict[str, Any] = {
        **(read_settings(settings_file) if settings_file is not None else {}),
        **dict(parse_assignment(text) for text in set_value or []),
        **given,
    }
    if pipeline_config is not None:
        if data is not None:
            raise UsageError("the images are named in the pipeline.config", hint=f"leave out {data}")
        result = train_pipeline(pipeline_config, output_folder, chosen, resume=resume)
    else:
        if data is not None:
            chosen["data"] = data
        if output_folder is None or not (resume or "data" in chosen):
            missing = "--output" if output_folder is None else "DATA"
            raise UsageError(
                f"{missing} is missing",
                hint="fractura train DATA --output MODEL, --resume --output MODEL, or --pipeline-config FILE",
            )
        what = "going on in" if resume else f"{chosen['data']} into"
        output.say(f"fractura train: {what} {output_folder}")  # before PyTorch is loaded, which takes seconds
        from fractura.models import DEFAULT_MODEL
        from fractura.training import TrainSettings, stored_settings
        from fractura.training import train as run

        start = stored_settings(output_folder) if resume else {"model": _model_to_train(chosen) or DEFAULT_MODEL}
        options = {name: OTHER_OPTIONS.get(name, "--" + name.replace("_", "-")) for name in given}
        settings = TrainSettings.create({**start, **chosen, "output": output_folder}, typed=options)
        result = run(settings, resume=resume)
    if int(os.environ.get("RANK", "0")):  # one process of several speaks for all
        return
    if json_output:
        output.write_json(
            {
                "model": str(result.model_folder),
                "steps": result.steps,
                "stopped": result.stopped,
                "best_step": result.best_step,
                "best": result.best,
                "validations": result.validations,
                "skipped_images": result.skipped_images,
                "dropped_boxes": result.dropped_boxes,
            }
        )
    else:
        output.write_line(str(result.model_folder))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def _model_to_train(chosen: Mapping[str, Any]) -> str | None:
    """What the model to start from is, where the user names no detector."""
    start = chosen.get("fine_tune_checkpoint")
    if start is None or "model" in chosen:
        return None
    from fractura.training.warm_start import architecture_of

    architecture = architecture_of(Path(start))
    return architecture["name"] if architecture is not None else None


def train_pipeline(config: Path, output_folder: Path | None, chosen: Mapping[str, Any], *, resume: bool) -> TrainResult:
    """Train from a ``pipeline.config``; what of it has no effect is said, and what a checkpoint gave is shown.

    Args:
        config: The file.
        output_folder: Of the trained model; None is ``trained`` beside the file.
        chosen: Settings that win over the file.
        resume: Go on with the run in the output folder.

    Raises:
        UsageError: A setting that the file decides.
        DataError: See ``prepare_pipeline``.
        ModelError: See ``prepare_pipeline``.
    """
    decided = [name for name in ("model", "val", "fine_tune_checkpoint", "class_names") if name in chosen]
    if decided:
        raise UsageError(
            f"the pipeline.config decides about {', '.join(decided)}", hint="edit the file with: fractura configure"
        )
    target = output_folder if output_folder is not None else config.parent / "trained"
    output.say(f"fractura train: {config} into {target}")  # before PyTorch is loaded, which takes seconds
    from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
    from fractura.tensorflow_od.training import prepare_pipeline
    from fractura.training import train as run
    from fractura.training.devices import is_first_process
    from fractura.training.model_folder import check_output

    check_output(target, resume)
    prepared = prepare_pipeline(read_pipeline_config(config), target, chosen, resumed=resume)
    if is_first_process():
        for note in prepared.notes:
            output.say(note)
        if prepared.restored is not None:
            output.say(prepared.restored.to_text())
    return run(
        prepared.settings,
        resume=resume,
        detector=prepared.detector,
        train_data=prepared.train,
        val_data=prepared.val,
    )


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON object of settings, or the ``training.json`` of a run, which holds one.

    Raises:
        UsageError: The file is missing or holds something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read as JSON: {error}", file=path) from error
    if not isinstance(document, dict):
        raise UsageError("must hold one JSON object of settings", file=path, hint='such as {"num_steps": 2000}')
    settings = document.get("settings")
    return settings if isinstance(settings, dict) else document


def parse_assignment(text: str) -> tuple[str, Any]:
    """``NAME=VALUE``; the value is JSON where it can be read as such, else a word.

    Raises:
        UsageError: There is no ``=``.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"'{text}' is not NAME=VALUE", hint="such as --set ema_decay=0.99")
    try:
        return name.strip(), json.loads(value)
    except ValueError:
        return name.strip(), value
