"""``import_checkpoint``: bring over a model that TensorFlow's tools trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fractura.core.errors import require

if TYPE_CHECKING:
    from fractura.tensorflow_od.importing import Imported


def import_checkpoint(
    checkpoint: Path | str,
    output: Path | str,
    *,
    pipeline_config: Path | str | None = None,
    label_map: Path | str | None = None,
) -> Imported:
    """Write a model folder from a checkpoint of the TensorFlow Object Detection API; TensorFlow is not needed.

    Args:
        checkpoint: Folder of checkpoints, exported folder, or a path ending in ``ckpt-5``.
        output: Model folder to write, new or empty.
        pipeline_config: The file it was trained with; by default the one next to the checkpoint.
        label_map: Names of the classes; by default as the ``pipeline.config`` says.

    Raises:
        ModelError: There is no checkpoint, or it does not fit the ``pipeline.config``.
        DataError: There is no ``pipeline.config``, or it or the label map cannot be used.
        UsageError: The output folder is in use.
        MissingDependencyError: The extra ``train`` is not installed.

    Example:
        ``import_checkpoint("exported", "my_model", label_map="label_map.pbtxt").model_folder``
    """
    require("torch", "train")
    from fractura.tensorflow_od.importing import import_checkpoint as run

    return run(
        Path(checkpoint),
        Path(output),
        pipeline_config=None if pipeline_config is None else Path(pipeline_config),
        label_map=None if label_map is None else Path(label_map),
    )
