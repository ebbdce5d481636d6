"""A divided data set written to disk: a folder for each split, and ``split.json`` with all of it above them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from fractura.core.dataset import SPLITS, Dataset, Progress
from fractura.core.errors import UsageError
from fractura.formats.convert import refuse_nesting
from fractura.formats.format import losses
from fractura.formats.registry import find_format
from fractura.formats.split_file import SPLIT_FILE, split_file_of
from fractura.formats.writing import Images, PlannedFile, write_files


def write_parts(
    dataset: Dataset,
    folder: Path,
    to: str,
    *,
    made: Mapping[str, Any],
    source: Path,
    images: Images = "copy",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[str, ...]:
    """Write ``folder/train``, ``folder/val`` and ``folder/test`` (YOLO: its own layout), and ``folder/split.json``.

    Args:
        dataset: Every image has a split.
        folder: Created if it is missing.
        to: Format of the parts.
        made: How the split was made.
        source: Where the data set was read from; ``folder`` must not lie in it.
        images: As for ``convert``.
        overwrite: As for ``convert``.
        progress: Called after each image.

    Returns:
        What the format has no place for, one line each.

    Raises:
        DataError: A file is in the way or cannot be written.
        UsageError: ``folder`` lies inside ``source`` or around it, or the format is not a folder of files.
    """
    plan = find_format(to).plan
    if plan is None:
        raise UsageError(
            "the parts of a split are folders, and TFRecord is not a folder",
            hint="write the split as voc, then each part with: fractura convert",
        )
    refuse_nesting(source, folder, is_container=source.is_file() and source.suffix.lower() not in (".json", ".csv"))
    known = split_file_of(dataset, made)
    assert known is not None  # every image has a split
    parts = [
        (split, replace(dataset, records=tuple(record for record in dataset if record.split == split)))
        for split in SPLITS
        if any(record.split == split for record in dataset)
    ]
    not_held = losses(dataset, find_format(to))

    def files() -> Iterator[PlannedFile]:
        if to == "yolo":
            yield from (file for file in plan(dataset) if file.path != SPLIT_FILE)
        else:
            for split, part in parts:
                for file in plan(part):
                    yield replace(file, path=f"{split}/{file.path}")
        yield PlannedFile(SPLIT_FILE, known.to_bytes())

    about = {
        "format": to,
        "class_names": list(dataset.class_names),
        "images": len(dataset),
        "split": dict(made),
        "not_held": list(not_held),
    }
    write_files(
        folder,
        files,
        images=images,
        overwrite=overwrite,
        about=about,
        count=len(dataset),
        command="split",
        progress=progress,
    )
    return not_held
