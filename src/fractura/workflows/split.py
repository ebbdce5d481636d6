"""``split_folder``: labelled images divided into train, validation and test, and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.errors import FracturaError
from fractura.core.reporter import LOG, Reporter
from fractura.formats import read_dataset, write_parts
from fractura.formats.faults import OnError
from fractura.formats.writing import Images
from fractura.quality.splits import Split, split_dataset
from fractura.workflows.labelled import warn_of


@dataclass(frozen=True, kw_only=True)
class FolderSplit:
    """What ``split_folder`` wrote.

    Attributes:
        output: The folder with ``train/``, ``val/``, ``test/`` and ``split.json``.
        split: Which image is where, and why.
        not_held: What the format has no place for, a line each.
    """

    output: Path
    split: Split
    not_held: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"written": str(self.output), "not_held": list(self.not_held), **self.split.to_dict()}


def split_folder(
    data: Path | str,
    output: Path | str,
    *,
    val: float = 0.2,
    test: float = 0.1,
    seed: int = 0,
    to: str = "voc",
    images: Images = "copy",
    class_names: Sequence[str] | None = None,
    again: bool = False,
    overwrite: bool = False,
    on_error: OnError = "stop",
    reporter: Reporter = LOG,
) -> FolderSplit:
    """Divide images so that no patient and no picture is in two parts, and write the parts.

    Args:
        data: Labelled images, in any format that ``read_dataset`` reads.
        output: Folder for the parts.
        val: Share of the images to validate on.
        test: Share of the images for the final measurement.
        seed: Another seed gives another division.
        to: Format of the parts.
        images: ``copy`` the images, ``link`` to them, or write ``none``.
        class_names: In the order of their ids; by default as the data has them.
        again: Divide images that are divided already.
        overwrite: Replace what an earlier split wrote there, unless it was changed.
        on_error: At an unusable annotation.
        reporter: Shows warnings and progress.

    Raises:
        UsageError: The shares leave nothing to train on, or ``output`` lies inside ``data`` or around it.
        DataError: The images are divided already, cannot be read, or are too few; or a file is in the way.

    Example:
        ``split_folder("images", "parts", val=0.15, test=0.15).split.part("val")``
    """
    data, output = Path(data), Path(output)
    problems: list[FracturaError] = []
    dataset = read_dataset(data, class_names=class_names, on_error=on_error, problems=problems)
    warn_of(problems, reporter)
    with reporter.progress("examining") as progress:
        split = split_dataset(dataset, val=val, test=test, seed=seed, again=again, progress=progress)
    with reporter.progress("writing") as progress:
        not_held = write_parts(
            split.dataset,
            output,
            to,
            made=split.made(),
            source=data,
            images=images,
            overwrite=overwrite,
            progress=progress,
        )
    return FolderSplit(output=output, split=split, not_held=not_held)
