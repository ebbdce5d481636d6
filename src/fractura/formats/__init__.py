"""Files of annotations, read into a ``Dataset`` and written from one. One file a format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from fractura.dataset import Dataset
from fractura.errors import FracturaError
from fractura.formats.tfrecord import read_tfrecord, write_tfrecord
from fractura.formats.tfrecord_frames import stands_for_files
from fractura.formats.voc import read_voc, write_voc

__all__ = ["read_dataset", "read_tfrecord", "read_voc", "write_tfrecord", "write_voc"]


def read_dataset(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    problems: list[FracturaError] | None = None,
) -> Dataset:
    """Read labelled films in whichever format they are: a Pascal VOC folder, or TFRecord.

    Args:
        path: A folder (Pascal VOC); or a TFRecord file, a pattern (``train-?????-of-00010``) or a sharded name.
        class_names: In label order; by default the names found, sorted (TFRecord: in the order of their ids).
        on_error: ``stop`` at the first fault, or ``skip`` that film.
        problems: Collects what was skipped or not used; without it that is logged as warnings.

    Raises:
        DataError: There is nothing to read, or (``stop``) something is wrong; see ``read_voc`` and ``read_tfrecord``.
        UsageError: ``class_names`` holds a name twice.
    """
    if stands_for_files(path):
        return read_tfrecord(path, class_names=class_names, on_error=on_error, problems=problems)
    return read_voc(path, class_names=class_names, on_error=on_error, problems=problems)
