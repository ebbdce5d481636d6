"""What measuring a model needs: labelled images in its classes, and its candidates on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import FracturaError
from fractura.core.reporter import Reporter, track
from fractura.evaluation import align_classes
from fractura.formats import read_dataset
from fractura.formats.faults import UnusedImagesError
from fractura.inference.detect import detect_dataset
from fractura.inference.model import Model
from fractura.quality.splits import refuse_wrong_split


def read_labelled(
    data: Path,
    class_names: Sequence[str],
    *,
    rename: Mapping[str, str] | None = None,
    source_format: str | None = None,
    image_dir: Path | None = None,
    unused: list[UnusedImagesError] | None = None,
    reporter: Reporter,
) -> Dataset:
    """Read images to measure on, with labels in the order of ``class_names``; small problems are warnings.

    Args:
        data: In any format that ``read_dataset`` reads.
        class_names: The model's.
        rename: For classes of the images the model's class that they mean.
        source_format: Of ``data``; by default it is guessed.
        image_dir: Where the images lie, if not where the format has them.
        unused: Collects what was found and does not belong to the data set.
        reporter: Gets the warnings.

    Raises:
        DataError: The images cannot be read, have other classes, or belong to a train split.
        UsageError: There is no such class to rename.
    """
    problems: list[FracturaError] = []
    dataset = read_dataset(data, problems=problems, source_format=source_format, image_dir=image_dir)
    if unused is not None:
        unused += [problem for problem in problems if isinstance(problem, UnusedImagesError)]
    dataset = align_classes(dataset, class_names, renamed=rename, problems=problems)
    warn_of(problems, reporter)
    refuse_wrong_split(dataset, "evaluate", data)  # before detection, which may take long
    return dataset


def find_candidates(
    model: Model, dataset: Dataset, *, views: Sequence[str] | None = None, reporter: Reporter
) -> list[Boxes]:
    """All candidates on every image, with progress; ``views`` as in ``detect_dataset``.

    Raises:
        DataError: An image cannot be read or has another size than its annotation says.
        UsageError: There is no such view, or its tiles are too small for an image.
    """
    return list(track(reporter, detect_dataset(model, dataset, views=views), "detecting", len(dataset)))


def warn_of(problems: Sequence[FracturaError], reporter: Reporter) -> None:
    """Report problems that did not stop the work."""
    for problem in problems:
        reporter.warn(str(problem))
