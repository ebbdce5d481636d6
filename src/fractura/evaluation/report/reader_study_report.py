"""``write_reader_study``: readers with and without a model, as one HTML page with tables and plots for a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fractura.core.csv_cell import csv_text
from fractura.core.files import write_atomically
from fractura.core.json_text import json_object_in, json_text
from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.metric_names import CRITERION_TEXT
from fractura.evaluation.reader_study.analysis import FIXED_CASES, FIXED_READERS, RANDOM, Analysis, FigureAnalysis
from fractura.evaluation.reader_study.figures import FIGURES
from fractura.evaluation.reader_study.ratings import ReaderStudy
from fractura.evaluation.report import reader_study_plots as plots
from fractura.evaluation.report.drawing import Drawers
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.study import p_text, signed, signed_interval, write_study

READER_STUDY_FILE, READER_STUDY_DOCUMENT, READER_STUDY_TABLE = (
    "reader_study.html",
    "reader_study.json",
    "reader_study.csv",
)
_COLUMNS = (
    *("figure", "analysis", "reader", "modality", "less", "value", "error", "df", "low", "high", "p", "p_holm"),
)
_ANALYSES = {
    RANDOM: gettext_noop("Random readers and random cases: holds for readers and images like these"),
    FIXED_READERS: gettext_noop("Fixed readers: holds for these readers and images like these"),
    FIXED_CASES: gettext_noop("Fixed cases: holds for readers like these and these images"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class ReaderStudyContext:
    """What a page about a reader study is made from, in no language yet.

    Attributes:
        study: The ratings.
        figures: The figures of merit analysed.
        ratings: The table.
        data: The labelled images; None without.
        criterion: When a place finds a fracture.
        positive_from: Rating from which an image counts as called fractured; None without.
    """

    study: ReaderStudy
    figures: tuple[FigureAnalysis, ...]
    ratings: Path
    data: str | None
    criterion: str
    positive_from: float | None


def holds_reader_study(folder: Path) -> bool:
    """An earlier page about a reader study was written into this folder."""
    return {"figures", "modalities"} <= (json_object_in(folder / READER_STUDY_DOCUMENT) or {}).keys()


def write_reader_study(
    context: ReaderStudyContext, document: Mapping[str, object], folder: Path, *, language: str = "en"
) -> Path:
    """Write ``reader_study.html``, ``reader_study.json``, ``reader_study.csv``, ``plots/`` and ``tables/``.

    Args:
        context: The study.
        document: The content of ``reader_study.json``.
        folder: Made if need be; files of an earlier page are replaced.
        language: ``en`` or ``es``.

    Returns:
        The page's file.

    Raises:
        DataError: The folder cannot be written.
        UsageError: The page is not written in that language.

    Example:
        ``write_reader_study(context, result.to_dict(), Path("study"), language="es")``
    """
    reader, study = Language(language), context.study
    _ = reader.gettext
    write_atomically(folder / READER_STUDY_DOCUMENT, json_text(document))
    write_atomically(folder / READER_STUDY_TABLE, csv_text(_COLUMNS, _csv_rows(context)))
    write_study(
        folder / READER_STUDY_FILE,
        reader,
        title=_("Reader study: {modalities}", modalities=", ".join(study.modalities)),
        subtitle=_(
            "{readers} readers, {images} images, {fractured} of them with a fracture",
            readers=len(study.readers),
            images=len(study.images),
            fractured=int(study.fractured.sum()),
        ),
        warnings=[_("There is one reader only: nothing can be said of other readers.")]
        if len(study.readers) == 1
        else [],
        chapters={
            "study-summary": _("In short"),
            "study-readers": _("Each reader"),
            "study-analyses": _("Analyses"),
            "study-components": _("Variance components"),
            "study-methods": _("What was measured, and how"),
        },
        drawers=_drawers(context, reader),
        files=[READER_STUDY_DOCUMENT, READER_STUDY_TABLE],
        values={
            "context": context,
            "study": study,
            "figure_names": {each.figure: _(FIGURES[each.figure]) for each in context.figures},
            "analysis_names": {name: _(text) for name, text in _ANALYSES.items()},
            "criterion": _(CRITERION_TEXT[context.criterion]),
            "main_analysis": main_analysis,
            "mean_of": lambda analysis, name: next(each.value for each in analysis.means if each.of == name),
            "by_reader": lambda figure, name: [
                each for each in figure.analyses[FIXED_READERS].by_reader if each.reader == name
            ],
            "p_text": lambda p: p_text(p, reader),
            "signed": lambda value: signed(value, reader),
            "signed_interval": lambda low, high: signed_interval(low, high, reader),
        },
        former_tables=[
            *(f"readers-{figure}" for figure in FIGURES),
            *(f"analysis-{figure}-{name}" for figure in FIGURES for name in _ANALYSES),
        ],
    )
    return folder / READER_STUDY_FILE


def main_analysis(figure: FigureAnalysis) -> Analysis:
    """That of random readers and cases; of fixed readers where there is one reader only."""
    return figure.analyses.get(RANDOM, figure.analyses[FIXED_READERS])


def _drawers(context: ReaderStudyContext, language: Language) -> Drawers:
    _, study = language.gettext, context.study
    return {
        "roc": (
            lambda: plots.roc_of_modalities(study, language),
            _("ROC curves"),
            _(
                "Whole images. Thick: the mean of the readers' sensitivities at each false positive rate; thin: each "
                "reader."
            ),
        ),
        "readers": (
            lambda: plots.values_of_readers(context.figures, study, language),
            _("Each reader with each modality"),
            _("A line a reader; the thick one is their mean."),
        ),
    }


def _csv_rows(context: ReaderStudyContext) -> Iterator[list[object]]:
    for figure in context.figures:
        for modality, by_reader in figure.values.items():
            for reader, value in by_reader.items():
                yield [figure.figure, "", reader, modality, "", value, *[""] * 6]
        for name, analysis in figure.analyses.items():
            for each in (*analysis.means, *analysis.differences, *analysis.by_reader):
                yield [
                    *(figure.figure, name, each.reader, each.of, each.less, each.value, each.error, each.df),
                    *(each.low, each.high, each.p, each.p_holm),
                ]
