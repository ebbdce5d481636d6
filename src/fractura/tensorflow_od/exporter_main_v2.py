"""``exporter_main_v2.py`` of the Object Detection API: the same flags, the same folder.

Follows tensorflow/models research/object_detection/exporter_main_v2.py and exporter_lib_v2.py:240-281. Needs
TensorFlow, any current release: nothing else writes a SavedModel.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fractura.core.errors import UsageError, require
from fractura.tensorflow_od.flags import LOGGING, Flag, run_command

FLAGS = {
    "input_type": Flag("text", "Only image_tensor.", "image_tensor"),
    "pipeline_config_path": Flag("path", "Path to pipeline.config.", required=True),
    "trained_checkpoint_dir": Flag("path", "Folder with the checkpoints.", required=True),
    "output_directory": Flag("path", "Folder to write.", required=True),
    "config_override": Flag("text", "Not supported.", "", refused="edit the file with: fractura configure"),
    "use_side_inputs": Flag("bool", "Only false.", False, refused="the model takes an image and nothing else"),
    **{
        name: Flag("text", "Accepted; no effect.", "", idle="it describes side inputs, and the model takes none")
        for name in ("side_input_shapes", "side_input_types", "side_input_names")
    },
    **LOGGING,
}


def export(pipeline_config: Path, trained_checkpoint_dir: Path, output_directory: Path) -> None:
    """Write ``saved_model/``, ``checkpoint/`` and ``pipeline.config`` from the latest checkpoint of a folder.

    Args:
        pipeline_config: The file the model was trained with.
        trained_checkpoint_dir: From training with TensorFlow or with fractura.
        output_directory: Folder to write.

    Raises:
        ModelError: There is no checkpoint, or it does not match the file.
        DataError: The file cannot be used.
        MissingDependencyError: TensorFlow is not installed.
    """
    require("tensorflow", "tensorflow")
    require("torch", "train")
    from fractura.tensorflow_od.exporter import export_for_tensorflow
    from fractura.tensorflow_od.importing import import_checkpoint

    with TemporaryDirectory(prefix="fractura-export-") as scratch:
        model = Path(scratch) / trained_checkpoint_dir.resolve().name
        imported = import_checkpoint(trained_checkpoint_dir, model, pipeline_config=pipeline_config)
        sys.stderr.write(f"{imported.report.to_text()}\n")
        for note in imported.notes:
            sys.stderr.write(f"{note}\n")
        result = export_for_tensorflow(model, output=output_directory, pipeline_config=pipeline_config)
    for note in result.notes:
        sys.stderr.write(f"{note}\n")
    sys.stderr.write(f"written: {output_directory} ({result.size / 1e6:.0f} MB)\n")


def _command(values: Mapping[str, Any]) -> None:
    if values["input_type"] != "image_tensor":
        raise UsageError(
            f"--input_type {values['input_type']} is not supported", hint="use image_tensor, as the tutorial does"
        )
    export(values["pipeline_config_path"], values["trained_checkpoint_dir"], values["output_directory"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    return run_command("exporter_main_v2.py", "export a checkpoint as a SavedModel", FLAGS, _command, given)


if __name__ == "__main__":
    sys.exit(main())
