"""``analyse_reader_study``: readers with and without a model on the same images, with a report."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fractura.core.errors import DataError, FracturaError
from fractura.core.output_folder import refuse_full_folder, unfinished
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation.reader_study import FigureAnalysis, ReaderStudy, analyse, figures_of, read_reader_study
from fractura.evaluation.reader_study.analysis import RANDOM
from fractura.evaluation.report.reader_study_report import (
    READER_STUDY_FILE,
    ReaderStudyContext,
    holds_reader_study,
    write_reader_study,
)
from fractura.evaluation.report.tables import say_without_word
from fractura.formats import read_dataset
from fractura.workflows.labelled import warn_of

Criterion = Literal["iou10", "iou30", "iou50", "centre"]
_ANALYSIS_TEXT = {
    "random_readers_random_cases": "random readers and cases",
    "fixed_readers": "fixed readers",
    "fixed_cases": "fixed cases",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class ReaderStudyResult:
    """A reader study analysed.

    Attributes:
        ratings: The table.
        study: What it says.
        figures: Each figure of merit: values, variance components, tests.
        report: The page that was written; None without an output folder.
    """

    ratings: Path
    study: ReaderStudy
    figures: tuple[FigureAnalysis, ...]
    report: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """The content of ``reader_study.json``."""
        return {
            "ratings": str(self.ratings),
            "modalities": list(self.study.modalities),
            "readers": list(self.study.readers),
            "images": len(self.study.images),
            "fractured": int(self.study.fractured.sum()),
            "left_out": list(self.study.left_out),
            "figures": [each.to_dict() for each in self.figures],
        }

    def rows(self) -> list[list[str | None]]:
        """Each figure, pair of modalities and analysis as text: figure, pair, means, difference, p, scope."""
        rows: list[list[str | None]] = []
        for figure in self.figures:
            for name, analysis in figure.analyses.items():
                means = {each.of: each.value for each in analysis.means}
                for each in analysis.differences:
                    rows.append(
                        [
                            figure.figure,
                            f"{each.of} – {each.less}",
                            f"{means[str(each.less)]:.3f}",
                            f"{means[each.of]:.3f}",
                            f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})",
                            None if each.p is None else f"{each.p:.3f}",
                            _ANALYSIS_TEXT[name],
                        ]
                    )
        return rows


def analyse_reader_study(
    ratings: Path | str,
    data: Path | str | None = None,
    output: Path | str | None = None,
    *,
    criterion: Criterion = "iou30",
    positive_from: float | None = None,
    language: Literal["en", "es"] = "en",
    overwrite: bool = False,
    reporter: Reporter = LOG,
) -> ReaderStudyResult:
    """Do readers read better with a model than without: multiple readers, multiple cases (Obuchowski-Rockette, DBM).

    Args:
        ratings: CSV table with the columns ``reader``, ``modality``, ``image`` and ``rating``, and ``fractured`` or
            ``x``, ``y``, ``w``, ``h``; see the guide.
        data: The images with the boxes taken as true, in any format that ``read_dataset`` reads; needed where readers
            rated places (JAFROC).
        output: Folder for ``reader_study.html``, ``.json``, ``.csv`` and the plots, new or empty; None writes nothing.
        criterion: When a place finds a fracture.
        positive_from: Rating from which an image counts as called fractured: adds sensitivity and specificity.
        language: Of the page.
        overwrite: Replace an earlier page.
        reporter: Shows warnings.

    Raises:
        DataError: The table or the images cannot be read, or results not be written.
        UsageError: The output folder is in use.

    Example:
        ``analyse_reader_study("study.csv").figures[0].analyses["random_readers_random_cases"].p``
    """
    ratings = Path(ratings)
    folder = None if output is None else Path(output)
    refuse = partial(refuse_full_folder, folder, holds_reader_study, overwrite=overwrite)
    refuse()
    study = read_study(ratings, data, criterion, reporter)
    figures = tuple(
        analyse(figure, study.modalities, study.readers) for figure in figures_of(study, positive_from=positive_from)
    )
    if RANDOM not in figures[0].analyses:
        reporter.warn("there is one reader only: the result holds for that reader, not for readers in general")
    result = ReaderStudyResult(
        ratings=ratings,
        study=study,
        figures=figures,
        report=None if folder is None else folder / READER_STUDY_FILE,
    )
    if folder is not None:
        context = ReaderStudyContext(
            study=study,
            figures=figures,
            ratings=ratings,
            data=None if data is None else str(data),
            criterion=criterion,
            positive_from=positive_from,
        )
        with unfinished(folder, "reader-study", prepare=refuse):
            write_reader_study(context, result.to_dict(), folder, language=language)
        say_without_word(reporter)
    return result


def read_study(ratings: Path, data: Path | str | None, criterion: str, reporter: Reporter) -> ReaderStudy:
    """The ratings of a study with two modalities or more; small problems are warnings.

    Raises:
        DataError: The table or the images cannot be read, or there is one modality only.
    """
    labelled = None
    if data is not None:
        problems: list[FracturaError] = []
        labelled = read_dataset(Path(data), problems=problems)
        warn_of(problems, reporter)
    study = read_reader_study(ratings, labelled, criterion=criterion)
    if len(study.modalities) < 2:
        raise DataError(
            f"has one modality only, '{study.modalities[0]}'",
            file=ratings,
            hint="rate the same images with another one, such as without and with the model",
        )
    if study.left_out:
        reporter.warn(f"{len(study.left_out)} images with difficult boxes only were left out")
    return study
