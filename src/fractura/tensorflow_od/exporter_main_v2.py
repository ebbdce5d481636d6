"""``exporter_main_v2.py`` of the Object Detection API: the same flags, the same folder.

Follows tensorflow/models research/object_detection/exporter_main_v2.py and exporter_lib_v2.py:240-281. Needs
TensorFlow, any current release: nothing else writes a SavedModel.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fractura.core.errors import UsageError, require, suggest_name
from fractura.core.files import scratch_folder
from fractura.tensorflow_od.flags import LOGGING, Flag, run_command

INPUT_TYPES = ("image_tensor", "encoded_image_string_tensor", "tf_example", "float_image_tensor")

FLAGS = {
    "input_type": Flag("text", f"What the SavedModel takes: {', '.join(INPUT_TYPES)}.", "image_tensor"),
    "pipeline_config_path": Flag("path", "Path to pipeline.config.", required=True),
    "trained_checkpoint_dir": Flag("path", "Folder with the checkpoints.", required=True),
    "output_directory": Flag("path", "Folder to write.", required=True),
    "config_override": Flag("text", "Fields of pipeline.config, in its own notation, that override the file's.", ""),
    "use_side_inputs": Flag("bool", "Only false.", False, refused="the model takes an image and nothing else"),
    **{
        name: Flag("text", "Accepted; no effect.", "", idle="it describes side inputs, and the model takes none")
        for name in ("side_input_shapes", "side_input_types", "side_input_names")
    },
    **LOGGING,
}


def export(
    pipeline_config: Path,
    trained_checkpoint_dir: Path,
    output_directory: Path,
    *,
    input_type: str = "image_tensor",
    config_override: str = "",
) -> None:
    """Write ``saved_model/``, ``checkpoint/`` and ``pipeline.config`` from the latest checkpoint of a folder.

    Args:
        pipeline_config: The file the model was trained with.
        trained_checkpoint_dir: From training with TensorFlow or with fractura.
        output_directory: Folder to write.
        input_type: One of ``INPUT_TYPES``.
        config_override: Text that is merged into the file's, as protobuf does; the written file has it at its end.

    Raises:
        ModelError: There is no checkpoint, or it does not match the file.
        DataError: The file cannot be used.
        MissingDependencyError: TensorFlow is not installed.
    """
    require("tensorflow", "tensorflow")
    require("torch", "train")
    from fractura.tensorflow_od.exporter import export_for_tensorflow
    from fractura.tensorflow_od.importing import import_checkpoint

    with scratch_folder("fractura-export-") as scratch:
        model = scratch / "model" / trained_checkpoint_dir.resolve().name
        if config_override:
            pipeline_config = _overridden(pipeline_config, config_override, scratch)
        imported = import_checkpoint(trained_checkpoint_dir, model, pipeline_config=pipeline_config)
        sys.stderr.write(f"{imported.report.to_text()}\n")
        for note in imported.notes:
            sys.stderr.write(f"{note}\n")
        result = export_for_tensorflow(
            model, output=output_directory, pipeline_config=pipeline_config, input_type=input_type
        )
    for note in result.notes:
        sys.stderr.write(f"{note}\n")
    sys.stderr.write(f"written: {output_directory} ({result.size / 1e6:.0f} MB)\n")


def _overridden(pipeline_config: Path, override: str, folder: Path) -> Path:
    """A copy of the file in ``folder`` that ends with the override: where a field occurs twice, the last counts."""
    from fractura.formats.protobuf.text_format import parse, read_text
    from fractura.tensorflow_od.pipeline_reader import parse_pipeline_config

    parse(override, Path("--config_override"))
    text = f"{read_text(pipeline_config)}\n# --config_override\n{override}\n"
    parse_pipeline_config(text, pipeline_config)
    copy = folder / pipeline_config.name
    copy.write_text(text, encoding="utf-8")
    return copy


def _command(values: Mapping[str, Any]) -> None:
    if values["input_type"] not in INPUT_TYPES:
        raise UsageError(
            f"there is no --input_type '{values['input_type']}'", hint=suggest_name(values["input_type"], INPUT_TYPES)
        )
    export(
        values["pipeline_config_path"],
        values["trained_checkpoint_dir"],
        values["output_directory"],
        input_type=values["input_type"],
        config_override=values["config_override"],
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    return run_command("exporter_main_v2.py", "export a checkpoint as a SavedModel", FLAGS, _command, given)


if __name__ == "__main__":
    sys.exit(main())
