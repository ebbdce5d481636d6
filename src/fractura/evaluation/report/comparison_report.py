"""``write_comparison``: models compared on the same images, as one HTML page with tables and plots for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fractura.core.csv_cell import csv_text
from fractura.core.dataset import Dataset
from fractura.core.files import write_atomically
from fractura.core.json_text import json_object_in, json_text
from fractura.core.model_card import ModelCard
from fractura.evaluation.bootstrap import UNITS
from fractura.evaluation.comparison import Comparison, family_of
from fractura.evaluation.leakage import Leakage
from fractura.evaluation.messages import Message, gettext_noop
from fractura.evaluation.metric_names import metric_text
from fractura.evaluation.report import comparison_plots as plots
from fractura.evaluation.report.comparison_rows import Difference, difference_rows
from fractura.evaluation.report.drawing import Drawers
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.study import p_text, signed, signed_interval, write_study

COMPARISON_FILE, COMPARISON_DOCUMENT, COMPARISON_TABLE = "comparison.html", "comparison.json", "comparison.csv"
_COLUMNS = (
    *("first", "second", "metric", "text", "family", "first_value", "second_value", "difference"),
    *("low", "high", "p", "p_holm"),
)
_TABLES = ("delong", "mcnemar", "differences")
"""Tables that each other model has."""
_MOST_MODELS = 30
"""From this number on, tables of an earlier page are not found again."""
_OF_MODEL = (
    gettext_noop("the first model: {warning}"),
    gettext_noop("the second model: {warning}"),
    gettext_noop("model {number}: {warning}"),
)
_SAME = gettext_noop("both give the very same detections on every image: they are the same model")
_SAME_BUT_THRESHOLD = gettext_noop(
    "both give the very same detections on every image: they are the same model; they differ in their thresholds alone"
)
_SAME_OF_MANY = gettext_noop("model {number} gives the very same detections as the first on every image")


@dataclass(frozen=True, eq=False, kw_only=True)
class ComparisonContext:
    """Comparisons with all that belongs to them, in no language yet.

    Attributes:
        models: Paths, the first one's first.
        cards: Of the models.
        dataset: The images.
        data_name: What people call them.
        leakages: How many of the images had a part in making each model.
        comparisons: Of each other model with the first.
        alike: Numbers, from 0, of the models that give the first one's very detections.
    """

    models: tuple[Path, ...]
    cards: tuple[ModelCard, ...]
    dataset: Dataset
    data_name: str
    leakages: tuple[Leakage, ...]
    comparisons: tuple[Comparison, ...]
    alike: tuple[int, ...] = ()

    @cached_property
    def warnings(self) -> list[Message]:
        """What readers must know before they read the metrics."""
        found = []
        for number, leakage in enumerate(self.leakages):
            for warning in leakage.warnings(own_threshold=True, calibrated=False):
                found.append(Message(_OF_MODEL[min(number, 2)], {"warning": warning, "number": number + 1}))
        for number in self.alike:
            if len(self.cards) > 2:
                text = _SAME_OF_MANY
            else:
                text = _SAME if self.cards[number].threshold == self.cards[0].threshold else _SAME_BUT_THRESHOLD
            found.append(Message(text, {"number": number + 1}))
        return found


def holds_comparison(folder: Path) -> bool:
    """An earlier comparison was written into this folder."""
    return {"differences", "thresholds"} <= (json_object_in(folder / COMPARISON_DOCUMENT) or {}).keys()


def write_comparison(
    context: ComparisonContext, document: Mapping[str, object], folder: Path, *, language: str = "en"
) -> Path:
    """Write ``comparison.html``, ``comparison.json``, ``comparison.csv``, ``plots/`` and ``tables/``.

    Args:
        context: The comparisons.
        document: The content of ``comparison.json``.
        folder: Made if need be; files of an earlier comparison are replaced.
        language: ``en`` or ``es``.

    Returns:
        The page's file.

    Raises:
        DataError: The folder cannot be written.
        UsageError: The page is not written in that language.

    Example:
        ``write_comparison(context, result.to_dict(), Path("compared"), language="es")``
    """
    reader = Language(language)
    _ = reader.gettext
    write_atomically(folder / COMPARISON_DOCUMENT, json_text(document))
    write_atomically(folder / COMPARISON_TABLE, csv_text(_COLUMNS, list(_csv_rows(context))))
    first = context.comparisons[0]
    names = model_names(context)
    write_study(
        folder / COMPARISON_FILE,
        reader,
        title=_("Comparison of {models}", models=_joined([card.name for card in context.cards], reader)),
        subtitle=_(
            "on {data}: {images} images, {positive} of them with a fracture",
            data=context.data_name,
            images=first.images,
            positive=sum(record.is_positive for record in context.dataset),
        ),
        warnings=[reader.message(warning) for warning in context.warnings],
        chapters={
            "comparison-summary": _("In short"),
            "comparison-curves": _("Curves"),
            "comparison-images": _("Tests of whole images"),
            "comparison-metrics": _("All differences"),
            "comparison-methods": _("What was compared, and how"),
        },
        drawers=_drawers(context, names, reader),
        files=[COMPARISON_DOCUMENT, COMPARISON_TABLE],
        values={
            "context": context,
            "names": names,
            "first": first,
            "units": _(UNITS[first.unit]),
            "pairs": _pairs(context, reader),
            "p_text": lambda p: p_text(p, reader),
            "signed": lambda value: signed(value, reader),
            "signed_interval": lambda low, high: signed_interval(low, high, reader),
        },
        former_tables=[f"{name}-{number}" for name in _TABLES for number in range(2, _MOST_MODELS)],
    )
    return folder / COMPARISON_FILE


def model_names(context: ComparisonContext) -> list[str]:
    """The models' names with their numbers, which stay apart where the names are the same."""
    return [f"{number}: {card.name}" for number, card in enumerate(context.cards, start=1)]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What the page shows of one other model against the first.

    Attributes:
        number: Of the other model, from 2.
        comparison: The comparison.
        families: Rows of the table of differences, by the heading of their family.
    """

    number: int
    comparison: Comparison
    families: dict[str, list[Difference]]


def _pairs(context: ComparisonContext, language: Language) -> list[Pair]:
    return [
        Pair(number=number, comparison=comparison, families=difference_rows(comparison, language))
        for number, comparison in enumerate(context.comparisons, start=2)
    ]


def _joined(names: list[str], language: Language) -> str:
    return language.gettext("{names} and {last}", names=", ".join(names[:-1]), last=names[-1])


def _csv_rows(context: ComparisonContext) -> list[list[object]]:
    return [
        [
            *(str(context.models[0]), str(context.models[number]), key, metric_text(key), family_of(key)),
            *(each.first, each.second, each.difference, each.low, each.high, each.p, each.p_holm),
        ]
        for number, comparison in enumerate(context.comparisons, start=1)
        for key, each in comparison.differences.items()
    ]


def _drawers(context: ComparisonContext, names: list[str], language: Language) -> Drawers:
    _ = language.gettext
    curves = [context.comparisons[0].curves[0], *(each.curves[1] for each in context.comparisons)]
    return {
        "roc": (
            lambda: plots.roc_of_models(curves, context.comparisons, names, language),
            _("ROC curves"),
            _("Whole images: the further to the upper left, the better. Rings are the models' thresholds."),
        ),
        "froc": (
            lambda: plots.froc_of_models(curves, names, language),
            _("FROC curves"),
            _("Single fractures, IoU 0.3: the more false positives one accepts per image, the more are found."),
        ),
        "differences": (
            lambda: plots.differences(context.comparisons, names, language),
            _("Differences from the first model"),
            _("Squares with 95% intervals; right of the line, the other model has the higher value."),
        ),
    }
