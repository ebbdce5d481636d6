"""``compare_readers``: readers against each other, against a model and against a reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import FracturaError
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation.agreement import Agreement, agreements, images_apart
from fractura.evaluation.classes import join_classes
from fractura.formats import read_dataset
from fractura.inference import load_model
from fractura.workflows.labelled import find_candidates, warn_of


@dataclass(frozen=True)
class ReaderComparison:
    """Every reader measured against every other one.

    Attributes:
        agreements: One for each ordered pair.
    """

    agreements: tuple[Agreement, ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain JSON values, one entry a pair."""
        return [asdict(each) for each in self.agreements]


def compare_readers(
    first: Path | str,
    second: Path | str,
    *,
    reference: Path | str | None = None,
    model: Path | str | None = None,
    rename: Mapping[str, str] | None = None,
    rounds: int = 1000,
    seed: int = 0,
    reporter: Reporter = LOG,
) -> ReaderComparison:
    """Measure how far readers agree on the images that both have read.

    Args:
        first: Images with the boxes of one reader, in any format that ``read_dataset`` reads.
        second: The same images with those of another.
        reference: The same images with the boxes taken as true, such as a consensus.
        model: Model whose detections, from its threshold up, count as one more reader.
        rename: For classes of one the class of the others that they mean.
        rounds: Resamples for the intervals; 0 gives none.
        seed: Of the resamples.
        reporter: Shows warnings and progress.

    Raises:
        DataError: Two of them have no image in common, or images cannot be read.
        ModelError: The model cannot be used.
        UsageError: There is no such class to rename.

    Example:
        ``compare_readers("reader1", "reader2").agreements[0].metrics["kappa"]``
    """
    paths = {"reader 1": Path(first), "reader 2": Path(second)}
    if reference is not None:
        paths["reference"] = Path(reference)
    drawn = {reader: _read(path, reporter) for reader, path in paths.items()}
    for one, other in combinations(drawn, 2):
        here, there = images_apart(drawn[one], drawn[other])
        if here or there:
            where = f"{here} images of {paths[one]} and {there} of {paths[other]}"
            reporter.warn(f"{where} are not in the other and were left out")
    if model is not None:
        drawn["model"] = _detected(model, drawn["reader 1"], reporter)
    problems: list[FracturaError] = []
    joined = join_classes(list(drawn.values()), problems, renamed=rename)
    warn_of(problems, reporter)
    readers = dict(zip(drawn, joined, strict=True))
    _warn_of_other_classes(readers, reporter)
    return ReaderComparison(tuple(agreements(readers, rounds=rounds, seed=seed)))


def _read(path: Path, reporter: Reporter) -> Dataset:
    problems: list[FracturaError] = []
    dataset = read_dataset(path, problems=problems)
    warn_of(problems, reporter)
    return dataset


def _detected(path: Path | str, images: Dataset, reporter: Reporter) -> Dataset:
    """The images with a model's detections in place of their boxes."""
    model = load_model(path)
    detections = [found.above(model.card.threshold) for found in find_candidates(model, images, reporter=reporter)]
    records = tuple(replace(record, boxes=found, flags=()) for record, found in zip(images, detections, strict=True))
    return replace(images, class_names=model.class_names, records=records)


def _warn_of_other_classes(readers: Mapping[str, Dataset], reporter: Reporter) -> None:
    used = {reader: [name for name, count in each.boxes_by_class.items() if count] for reader, each in readers.items()}
    if len({frozenset(names) for names in used.values() if names}) > 1:
        listed = "; ".join(f"{reader}: {', '.join(names)}" for reader, names in used.items() if names)
        reporter.warn(
            f"not all use the same classes, and boxes of different classes never match ({listed}); say which is which "
            "with --rename NAME=CLASS"
        )
