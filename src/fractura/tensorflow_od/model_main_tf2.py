"""``model_main_tf2.py`` of the Object Detection API: the same flags, files and messages, without TensorFlow.

Follows tensorflow/models research/object_detection/model_main_tf2.py and model_lib_v2.py:444-730. The one addition is
``--num_steps_per_iteration``: TensorFlow trains in chunks of 100 steps and so rounds their number up; 1 avoids that.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fractura.core.errors import UsageError, require
from fractura.core.folder_lock import hold_folder
from fractura.core.reporter import SILENT, STDERR, is_first_process
from fractura.tensorflow_od.flags import LOGGING, Flag, run_command

STEPS_PER_ITERATION = 100
LOG_EVERY = 100

FLAGS = {
    "pipeline_config_path": Flag("path", "Path to pipeline.config.", required=True),
    "model_dir": Flag("path", "Folder for checkpoints and events.", required=True),
    "num_train_steps": Flag("int", "Steps of training, instead of num_steps in the file."),
    "checkpoint_every_n": Flag("int", "Steps between checkpoints.", 1000),
    "checkpoint_dir": Flag("path", "Evaluate the checkpoints that appear in this folder, instead of training."),
    "eval_timeout": Flag("int", "Seconds to wait for a new checkpoint before evaluation ends.", 3600),
    "sample_1_of_n_eval_examples": Flag("int", "Evaluate every n-th image only."),
    "record_summaries": Flag("bool", "Write images to the event files.", True),
    "num_steps_per_iteration": Flag(
        "int", "Steps are rounded up to a multiple of this, as TensorFlow does; 1 does not round.", STEPS_PER_ITERATION
    ),
    "use_tpu": Flag("bool", "Only false.", False, refused="there is no TPU support"),
    "num_workers": Flag("int", "Only 1.", 1, refused="start several processes with torchrun or accelerate launch"),
    "eval_on_train_data": Flag("bool", "Only false.", False, refused="TensorFlow 2 does not use it either"),
    "tpu_name": Flag("text", "Accepted; no effect.", idle="it names a TPU, and there is no TPU support"),
    "sample_1_of_n_eval_on_train_examples": Flag(
        "int", "Accepted; no effect.", 5, idle="TensorFlow 2 does not evaluate on the training images either"
    ),
    "num_eval_steps": Flag("int", "Accepted; no effect.", idle="every image is evaluated, as in TensorFlow 2"),
    **LOGGING,
}


def round_up(steps: int, made: int, chunk: int) -> int:
    """The step at which training in chunks of ``chunk`` steps ends: the first after ``made`` that reaches ``steps``.

    >>> round_up(150, 30, 100)
    230
    """
    return made + -(-(steps - made) // chunk) * chunk


def train(
    pipeline_config: Path,
    model_dir: Path,
    *,
    num_train_steps: int | None = None,
    checkpoint_every_n: int = 1000,
    record_summaries: bool = True,
    num_steps_per_iteration: int = STEPS_PER_ITERATION,
) -> None:
    """Train into ``model_dir``, or resume from its latest checkpoint.

    Besides TensorFlow's files, ``model_dir`` contains fractura's, which make it a model folder, and a log. Unlike
    TensorFlow, this also writes a checkpoint at the end.

    Raises:
        DataError: The file asks for something that is not supported, or images cannot be used.
        ModelError: A checkpoint does not match the file.
        UsageError: A number is out of range, or ``model_dir`` is a model and not a folder to train into.
    """
    from fractura.tensorflow_od.checkpoint_folder import refuse_as_model_dir
    from fractura.tensorflow_od.jpeg import choose_reader
    from fractura.tensorflow_od.pipeline_mapping import train_section
    from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
    from fractura.tensorflow_od.restoring import read_number
    from fractura.tensorflow_od.training import prepare_pipeline
    from fractura.tensorflow_od.training_checkpoints import TensorFlowCheckpoints, open_latest
    from fractura.training import train as run
    from fractura.training.model_folder import remove_partial_files

    for name, number in (
        ("checkpoint_every_n", checkpoint_every_n),
        ("num_steps_per_iteration", num_steps_per_iteration),
        ("num_train_steps", 1 if num_train_steps is None else num_train_steps),
    ):
        if number < 1:
            raise UsageError(f"--{name} must be at least 1, not {number}")
    refuse_as_model_dir(model_dir)
    reporter = STDERR if is_first_process() else SILENT
    config = read_pipeline_config(pipeline_config)
    section = train_section(config)
    wanted = num_train_steps if num_train_steps is not None else section["num_steps"]
    latest = open_latest(model_dir)
    made = None if latest is None else read_number(latest, "step") or 0
    if made is not None and wanted and made >= wanted:
        reporter.say(f"{model_dir}: already trained for {made} of {wanted} steps; nothing to do")
        with suppress(UsageError), hold_folder(model_dir, "a training"):
            remove_partial_files(model_dir)  # of a run killed behind its last checkpoint
        return
    overrides: dict[str, Any] = {
        "checkpoint_every_n": round_up(checkpoint_every_n, 0, num_steps_per_iteration),
        "log_every": LOG_EVERY,
        "mixed_precision": "no",
    }
    if wanted:
        overrides["num_steps"] = round_up(wanted, made or 0, num_steps_per_iteration)
        if overrides["num_steps"] != wanted:
            reporter.say(
                f"{wanted} steps become {overrides['num_steps']}: as in TensorFlow, training runs in rounds of "
                f"{num_steps_per_iteration} steps; to end after exactly {wanted}, give --num_steps_per_iteration=1"
            )
    prepared = prepare_pipeline(config, model_dir, overrides, validated=False, resumed=made is not None)
    for note in prepared.notes:
        reporter.say(note)
    if prepared.restored is not None:
        reporter.say(prepared.restored.to_text())
    read_image, decoding = choose_reader()
    reporter.say(decoding)
    checkpoints = TensorFlowCheckpoints(
        averaged=section.section("optimizer")["use_moving_average"], pictures=record_summaries, latest=latest
    )
    run(
        prepared.settings,
        resume=made is not None,
        detector=prepared.detector,
        train_data=prepared.train,
        store=checkpoints,
        hooks=checkpoints,
        read_image=read_image,
        reporter=reporter,
    )


def _command(values: Mapping[str, Any]) -> None:
    require("torch", "train")
    require("accelerate", "train")
    if values["checkpoint_dir"] is not None:
        from fractura.tensorflow_od.evaluation import evaluate_continuously

        evaluate_continuously(
            values["pipeline_config_path"],
            values["model_dir"],
            values["checkpoint_dir"],
            num_train_steps=values["num_train_steps"],
            eval_timeout=values["eval_timeout"],
            sample_1_of_n=values["sample_1_of_n_eval_examples"],
        )
        return
    train(
        values["pipeline_config_path"],
        values["model_dir"],
        num_train_steps=values["num_train_steps"],
        checkpoint_every_n=values["checkpoint_every_n"],
        record_summaries=values["record_summaries"],
        num_steps_per_iteration=values["num_steps_per_iteration"],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    return run_command("model_main_tf2.py", "train or evaluate from a pipeline.config", FLAGS, _command, given)


if __name__ == "__main__":
    sys.exit(main())
