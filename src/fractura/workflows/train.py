"""``train_model``: settings completed where the user chose nothing, then training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fractura.core.errors import UsageError, require
from fractura.core.json_text import parse_json
from fractura.core.reporter import LOG, Reporter, is_first_process

if TYPE_CHECKING:
    from fractura.training import TrainResult


_OF_THE_CONFIG = ("model", "val", "source_format", "image_dir", "fine_tune_checkpoint", "class_names")


def train_model(
    settings: Mapping[str, Any],
    *,
    settings_file: Path | str | None = None,
    pipeline_config: Path | str | None = None,
    resume: bool = False,
    option_names: Mapping[str, str] | None = None,
    reporter: Reporter = LOG,
) -> TrainResult:
    """Train a detector on labelled images. ``train(TrainSettings(...))`` does it without filling anything in.

    What is not chosen comes from the settings file, from the run that is resumed, or from the detector's recommended
    training.

    Args:
        settings: Fields of ``TrainSettings`` by name: ``data`` and ``output`` at least. ``model`` is that of
            ``fine_tune_checkpoint`` where one is given, else the default of ``list_models``.
        settings_file: JSON file of settings, or the ``training.json`` of a run; ``settings`` win.
        pipeline_config: Train from this file of the TensorFlow Object Detection API, which names images and model;
            ``settings`` win. ``output`` is ``trained`` next to it by default.
        resume: Continue the run in ``output`` with its own settings.
        option_names: What the user typed for some settings (``--learning-rate``), for messages.
        reporter: Shows remarks, warnings and progress.

    Raises:
        UsageError: A setting is unknown, impossible or missing, or ``output`` is in use.
        DataError: The images cannot be used.
        ModelError: The model to start from cannot be used, or there is no run to resume.
        MissingDependencyError: The extra ``train`` is not installed.

    Example:
        ``train_model({"data": "train", "val": "val", "output": "model", "num_steps": 2000}).best``
    """
    require("torch", "train")
    require("accelerate", "train")
    chosen = {**({} if settings_file is None else read_settings(Path(settings_file))), **settings}
    if pipeline_config is not None:
        return _train_pipeline(Path(pipeline_config), chosen, resume, reporter)
    output = chosen.get("output")
    if output is None or not (resume or "data" in chosen):
        raise UsageError(
            f"{'--output' if output is None else 'DATA'} is missing",
            hint="fractura train DATA --output MODEL, --resume --output MODEL, or --pipeline-config FILE",
        )
    what = "going on in" if resume else f"{chosen['data']} into"
    reporter.say(f"fractura train: {what} {output}")  # before PyTorch is loaded, which takes seconds
    from fractura.models import DEFAULT_MODEL
    from fractura.training import TrainSettings, stored_settings, train

    start = stored_settings(Path(output)) if resume else {"model": _model_of_checkpoint(chosen) or DEFAULT_MODEL}
    return train(TrainSettings.create({**start, **chosen}, typed=option_names), resume=resume, reporter=reporter)


def _model_of_checkpoint(chosen: Mapping[str, Any]) -> str | None:
    """The name of the model to start from, where the user names no detector."""
    start = chosen.get("fine_tune_checkpoint")
    if start is None or "model" in chosen:
        return None
    from fractura.training.warm_start import architecture_of

    architecture = architecture_of(Path(start))
    return architecture["name"] if architecture is not None else None


def _train_pipeline(config: Path, chosen: Mapping[str, Any], resume: bool, reporter: Reporter) -> TrainResult:
    """Train from a ``pipeline.config``; what of it has no effect is said, and what a checkpoint gave is shown."""
    if "data" in chosen:
        raise UsageError("the images are named in the pipeline.config", hint=f"leave out {chosen['data']}")
    decided = [name for name in _OF_THE_CONFIG if name in chosen]
    if decided:
        raise UsageError(
            f"the pipeline.config decides about {', '.join(decided)}", hint="edit the file with: fractura configure"
        )
    output = Path(chosen.get("output") or config.parent / "trained")
    reporter.say(f"fractura train: {config} into {output}")  # before PyTorch is loaded, which takes seconds
    from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
    from fractura.tensorflow_od.training import prepare_pipeline
    from fractura.training import train
    from fractura.training.model_folder import check_output

    check_output(output, resume)
    overrides = {name: value for name, value in chosen.items() if name != "output"}
    prepared = prepare_pipeline(read_pipeline_config(config), output, overrides, resumed=resume)
    if is_first_process():
        for note in prepared.notes:
            reporter.say(note)
        if prepared.restored is not None:
            reporter.say(prepared.restored.to_text())
    return train(
        prepared.settings,
        resume=resume,
        detector=prepared.detector,
        train_data=prepared.train,
        val_data=prepared.val,
        reporter=reporter,
    )


def read_settings(path: Path) -> dict[str, Any]:
    """A JSON object of settings, or the ``training.json`` of a run, which holds one.

    Raises:
        UsageError: The file is missing or holds something else.
    """
    try:
        document = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot be read as JSON: {error}", file=path) from error
    if not isinstance(document, dict):
        raise UsageError("must hold one JSON object of settings", file=path, hint='such as {"num_steps": 2000}')
    settings = document.get("settings")
    return settings if isinstance(settings, dict) else document
