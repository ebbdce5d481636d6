"""``write_agreement``: how far readers agree, as one HTML page with tables and plots for a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fractura.core.csv_cell import csv_text
from fractura.core.files import write_atomically
from fractura.core.json_text import json_object_in, json_text
from fractura.evaluation.agreement import Agreement
from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.metric_names import Metric, metric_text
from fractura.evaluation.panel import Panel, ReaderTest
from fractura.evaluation.report.axes import WIDTH, new_axes
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.study import p_text, write_study
from fractura.evaluation.report.svg import FAINT, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGREEMENT_FILE, AGREEMENT_DOCUMENT, AGREEMENT_TABLE = "agreement.html", "agreement.json", "agreement.csv"
_COLUMNS = ("reader", "against", "metric", "text", "value", "low", "high", "count")
_PARTIES = {"reference": gettext_noop("reference"), "model": gettext_noop("model")}
_COEFFICIENTS = {
    "percent_agreement": gettext_noop("Pairs of readers that agree on an image (share)"),
    "fleiss_kappa": gettext_noop("Fleiss' kappa"),
    "krippendorff_alpha": gettext_noop("Krippendorff's alpha"),
    "gwet_ac1": gettext_noop("Gwet's AC1"),
}
_ROW = 0.3


@dataclass(frozen=True, eq=False, kw_only=True)
class AgreementContext:
    """What a page about readers is made from, in no language yet.

    Attributes:
        paths: Of each reader, the reference and the model, by name.
        agreements: One for each ordered pair.
        panels: See ``ReaderComparison``.
        tests: Against the reference.
        rounds: Resamples of the intervals.
    """

    paths: Mapping[str, Path]
    agreements: tuple[Agreement, ...]
    panels: tuple[Panel, ...]
    tests: tuple[ReaderTest, ...]
    rounds: int


def holds_agreement(folder: Path) -> bool:
    """An earlier page about readers was written into this folder."""
    return {"pairs", "panels"} <= (json_object_in(folder / AGREEMENT_DOCUMENT) or {}).keys()


def write_agreement(
    context: AgreementContext, document: Mapping[str, object], folder: Path, *, language: str = "en"
) -> Path:
    """Write ``agreement.html``, ``agreement.json``, ``agreement.csv``, ``plots/`` and ``tables/``.

    Args:
        context: What was measured.
        document: The content of ``agreement.json``.
        folder: Made if need be; files of an earlier page are replaced.
        language: ``en`` or ``es``.

    Returns:
        The page's file.

    Raises:
        DataError: The folder cannot be written.
        UsageError: The page is not written in that language.

    Example:
        ``write_agreement(context, result.to_dict(), Path("agreement"), language="es")``
    """
    reader = Language(language)
    _ = reader.gettext
    write_atomically(folder / AGREEMENT_DOCUMENT, json_text(document))
    write_atomically(folder / AGREEMENT_TABLE, csv_text(_COLUMNS, _csv_rows(context)))
    chapters = {
        "agreement-summary": _("In short"),
        "agreement-pairs": _("Readers in pairs"),
        "agreement-reference": _("Against the reference"),
        "agreement-methods": _("What was measured, and how"),
    }
    if not context.tests:
        del chapters["agreement-reference"]
    panel = context.panels[0]
    write_study(
        folder / AGREEMENT_FILE,
        reader,
        title=_("Agreement of {readers} readers", readers=len(panel.readers)),
        subtitle=_("{images} images that two or more of them have read", images=panel.images),
        warnings=[],
        chapters=chapters,
        drawers={
            "kappa": (
                lambda: kappas(context, reader),
                _("Cohen's kappa of each pair"),
                _(
                    "Do the two see a fracture on the same images? Squares with 95% intervals; 0 is chance, 1 is "
                    "agreement."
                ),
            )
        },
        files=[AGREEMENT_DOCUMENT, AGREEMENT_TABLE],
        values={
            "context": context,
            "panel": panel,
            "party": lambda name: party(name, reader),
            "coefficients": {key: _(text) for key, text in _COEFFICIENTS.items()},
            "p_text": lambda p: p_text(p, reader),
        },
        former_tables=["reference-tests"],
    )
    return folder / AGREEMENT_FILE


def party(name: str, language: Language) -> str:
    """A reader, the reference or the model, as the page calls it.

    Examples:
        >>> party("reader 2", Language("es")), party("model", Language("es"))
        ('lector 2', 'modelo')
    """
    if name in _PARTIES:
        return language.gettext(_PARTIES[name])
    return language.gettext("reader {number}", number=name.rpartition(" ")[2])


def kappas(context: AgreementContext, language: Language) -> Figure | None:
    """Cohen's kappa of each unordered pair, with its interval; None where none is defined."""
    pairs = [each for each in _unordered(context) if each.metrics["kappa"].value is not None]
    if not pairs:
        return None
    figure, axes = new_axes(WIDTH, max(1.6, 0.9 + _ROW * len(pairs)))
    axes.axvline(0, color=FAINT, lw=0.9)
    for height, each in enumerate(pairs):
        kappa = each.metrics["kappa"]
        if kappa.low is not None and kappa.high is not None:
            axes.hlines(height, kappa.low, kappa.high, SERIES[0], lw=1.4)
        axes.plot([kappa.value or 0.0], [height], "s", color=SERIES[0], ms=5)
    axes.set_yticks(
        range(len(pairs)), [f"{party(each.against, language)} – {party(each.reader, language)}" for each in pairs]
    )
    axes.set_ylim(len(pairs) - 0.5, -0.5)
    axes.set_xlim(right=1.03)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(lambda value, _: language.number(value, 1))
    axes.set_xlabel(language.gettext("Cohen's kappa (95% interval)")).set_gid("label-x")
    return figure


def _unordered(context: AgreementContext) -> Iterator[Agreement]:
    seen: set[frozenset[str]] = set()
    for each in context.agreements:
        pair = frozenset((each.reader, each.against))
        if pair not in seen:
            seen.add(pair)
            yield each


def _csv_rows(context: AgreementContext) -> Iterator[list[object]]:
    for panel in context.panels:
        yield from (_csv_row(", ".join(panel.readers), "", key, metric) for key, metric in panel.metrics.items())
    for each in context.agreements:
        yield from (_csv_row(each.reader, each.against, key, metric) for key, metric in each.metrics.items())


def _csv_row(reader: str, against: str, key: str, metric: Metric) -> list[object]:
    return [reader, against, key, metric_text(key), metric.value, metric.low, metric.high, metric.count]
