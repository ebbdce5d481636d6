"""``compare_readers``: readers against each other, against a model and against a reference, with their report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from fractura.core.dataset import Dataset
from fractura.core.errors import FracturaError, UsageError
from fractura.core.output_folder import refuse_full_folder, unfinished
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation.agreement import Agreement, agreements, images_apart
from fractura.evaluation.classes import join_classes
from fractura.evaluation.panel import Panel, ReaderTest, panel_of, reader_tests
from fractura.evaluation.report.agreement_report import (
    AGREEMENT_FILE,
    AgreementContext,
    holds_agreement,
    write_agreement,
)
from fractura.evaluation.report.tables import say_without_word
from fractura.formats import read_dataset
from fractura.inference import load_model
from fractura.workflows.labelled import find_candidates, warn_of

_REFERENCE, _MODEL = "reference", "model"


@dataclass(frozen=True)
class ReaderComparison:
    """Every reader measured against every other one.

    Attributes:
        agreements: One for each ordered pair.
        panels: All readers as a whole, and, where there is a model, all of them with the model.
        tests: Each pair of readers (and the model) against the reference, where there is one.
        report: The page that was written; None without an output folder.
    """

    agreements: tuple[Agreement, ...]
    panels: tuple[Panel, ...]
    tests: tuple[ReaderTest, ...]
    report: Path | None = None

    def to_dict(self) -> dict[str, list[dict[str, Any]]]:
        """Plain JSON values: ``pairs``, ``panels`` and ``tests``."""
        return {
            "pairs": [asdict(each) for each in self.agreements],
            "panels": [asdict(each) for each in self.panels],
            "tests": [asdict(each) for each in self.tests],
        }


def compare_readers(
    *readers: Path | str,
    output: Path | str | None = None,
    reference: Path | str | None = None,
    model: Path | str | None = None,
    rename: Mapping[str, str] | None = None,
    rounds: int = 1000,
    seed: int = 0,
    language: Literal["en", "es"] = "en",
    overwrite: bool = False,
    reporter: Reporter = LOG,
) -> ReaderComparison:
    """Measure how far readers agree: each pair on the images that both have read, all of them as a whole.

    Args:
        readers: Two or more: images with the boxes of one reader each, in any format that ``read_dataset`` reads.
        output: Folder for ``agreement.html``, ``.json``, ``.csv`` and the plots, new or empty; None writes nothing.
        reference: The same images with the boxes taken as true, such as a consensus.
        model: Model whose detections, from its threshold up, count as one more reader.
        rename: For classes of one the class of the others that they mean.
        rounds: Resamples for the intervals; 0 gives none.
        seed: Of the resamples.
        language: Of the page.
        overwrite: Replace an earlier page.
        reporter: Shows warnings and progress.

    Raises:
        DataError: Two of them have no image in common, images cannot be read, or results cannot be written.
        ModelError: The model cannot be used.
        UsageError: There are fewer than two readers, there is no such class to rename, or the output folder is in use.

    Example:
        ``compare_readers("reader1", "reader2", "reader3").panels[0].metrics["fleiss_kappa"]``
    """
    if len(readers) < 2:
        raise UsageError("agreement is of two readers or more", hint="name the folder of each")
    folder = None if output is None else Path(output)
    refuse = partial(refuse_full_folder, folder, holds_agreement, overwrite=overwrite)
    refuse()
    paths = {f"reader {number}": Path(path) for number, path in enumerate(readers, start=1)}
    if reference is not None:
        paths[_REFERENCE] = Path(reference)
    drawn = {reader: _read(path, reporter) for reader, path in paths.items()}
    for one, other in combinations(drawn, 2):
        here, there = images_apart(drawn[one], drawn[other])
        if here or there:
            where = f"{here} images of {paths[one]} and {there} of {paths[other]}"
            reporter.warn(f"{where} are not in the other and were left out")
    if model is not None:
        paths[_MODEL] = Path(model)
        drawn[_MODEL] = _detected(model, drawn["reader 1"], reporter)
    problems: list[FracturaError] = []
    joined = dict(zip(drawn, join_classes(list(drawn.values()), problems, renamed=rename), strict=True))
    warn_of(problems, reporter)
    _warn_of_other_classes(joined, reporter)
    people = {name: read for name, read in joined.items() if name not in (_REFERENCE, _MODEL)}
    panels = [people] if model is None else [people, people | {_MODEL: joined[_MODEL]}]
    result = ReaderComparison(
        agreements=tuple(agreements(joined, rounds=rounds, seed=seed)),
        panels=tuple(panel_of(each, rounds=rounds, seed=seed) for each in panels),
        tests=() if reference is None else reader_tests(panels[-1], joined[_REFERENCE]),
        report=None if folder is None else folder / AGREEMENT_FILE,
    )
    if folder is not None:
        context = AgreementContext(
            paths=paths, agreements=result.agreements, panels=result.panels, tests=result.tests, rounds=rounds
        )
        with unfinished(folder, "agree", prepare=refuse):
            write_agreement(context, result.to_dict(), folder, language=language)
        say_without_word(reporter)
    return result


def _read(path: Path, reporter: Reporter) -> Dataset:
    problems: list[FracturaError] = []
    dataset = read_dataset(path, problems=problems)
    warn_of(problems, reporter)
    return dataset


def _detected(path: Path | str, images: Dataset, reporter: Reporter) -> Dataset:
    """The images with a model's detections in place of their boxes."""
    model = load_model(path, many=True)
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
