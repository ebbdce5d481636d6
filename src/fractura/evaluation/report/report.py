"""``write_report``: an evaluation as one HTML page for readers, with plots and the checklists next to it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fractura._version import __version__
from fractura.core.files import write_atomically
from fractura.core.html import page
from fractura.evaluation.evaluation_folder import EVALUATION_FILE, IMAGES_FILE, METRICS_FILE
from fractura.evaluation.metric_names import CRITERION_TEXT, MAIN_CRITERION
from fractura.evaluation.report import image_plots, plots
from fractura.evaluation.report.chapters import chapter_values, headings
from fractura.evaluation.report.claim import SHEET
from fractura.evaluation.report.claim_answers import answers
from fractura.evaluation.report.claim_sheet import claim_introduction, claim_markdown
from fractura.evaluation.report.context import ReportContext
from fractura.evaluation.report.drawing import PLOTS, Drawers, Plot, draw_plots
from fractura.evaluation.report.flow import flow
from fractura.evaluation.report.image_points import scores_meaning
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.stard_ai import stard_introduction, stard_markdown, stard_rows
from fractura.evaluation.report.svg import STYLE
from fractura.evaluation.report.tables import write_tables_of
from fractura.evaluation.report.templating import render
from fractura.evaluation.report.versions import versions

REPORT_FILE, CLAIM_PAGE, CLAIM_TEXT = "report.html", "claim.html", "claim.md"
STARD_AI_PAGE, STARD_AI_TEXT = "stard_ai.html", "stard_ai.md"
_OPTIONAL_TABLES = ("image-points", "subgroup-metrics")
"""Tables that only some pages have."""


def write_report(context: ReportContext, folder: Path, *, language: str = "en") -> Path:
    """Write ``report.html``, ``claim`` and ``stard_ai`` (``.html``, ``.md``), ``plots/`` and ``tables/``.

    Plots are PNG and TIFF of 300 dots per inch, SVG and PDF; tables CSV and LaTeX, and one Word file if python-docx is
    installed.

    The page is one file that loads nothing and runs nothing. It contains radiographs and their file names: treat it as
    you treat the images. ``evaluation.json`` and its tables are linked if they are in the folder already.

    Args:
        context: The evaluation, with curves and outcomes, and what belongs to it.
        folder: Made if need be; files of an earlier report are replaced, and its plots that cannot be drawn any more
            are removed.
        language: ``en`` or ``es``.

    Returns:
        The page's file.

    Raises:
        DataError: The folder cannot be written.
        UsageError: The report is not written in that language.

    Example:
        ::

            context = ReportContext(evaluation=evaluation, card=model.card, dataset=dataset, data_name="test images")
            write_report(context, Path("report"), language="es")
    """
    import matplotlib

    reader = Language(language)
    with matplotlib.rc_context(STYLE):
        drawn = _draw(context, reader, folder / PLOTS)
    found = answers(context, reader)
    stard_ai = stard_rows(context.evaluation, found, reader)
    neighbours = [name for name in (EVALUATION_FILE, METRICS_FILE, IMAGES_FILE) if (folder / name).is_file()]
    values = {
        **chapter_values(context, reader),
        "chapters": headings(reader),
        "plots": drawn,
        "files": [*neighbours, CLAIM_PAGE, CLAIM_TEXT, STARD_AI_PAGE, STARD_AI_TEXT],
        "version": __version__,
        "versions": versions(),
        "claim_items": SHEET,
        "claim_introduction": claim_introduction(found, reader),
        "answers": found,
        "stard_introduction": stard_introduction(reader),
        "stard_rows": stard_ai,
    }
    style = resources.files("fractura.evaluation.report").joinpath("report.css").read_text(encoding="utf-8")
    checklist = reader.gettext("CLAIM checklist for {model}", model=context.card.name)
    stard_title = reader.gettext("STARD-AI checklist for {model}", model=context.card.name)
    for file, template, title in (
        (REPORT_FILE, "report.html", reader.gettext("Evaluation of {model}", model=context.card.name)),
        (CLAIM_PAGE, "checklist.html", checklist),
        (STARD_AI_PAGE, "stard_ai.html", stard_title),
    ):
        body = render(template, reader, title=title, **values)
        write_atomically(folder / file, page(title, body, style=style, language=language))
        if file == REPORT_FILE:
            write_tables_of(body, folder, language=language, former=_OPTIONAL_TABLES)
    write_atomically(folder / CLAIM_TEXT, claim_markdown(checklist, found, reader))
    write_atomically(folder / STARD_AI_TEXT, stard_markdown(stard_title, stard_ai, reader))
    return folder / REPORT_FILE


def _draw(context: ReportContext, language: Language, folder: Path) -> dict[str, Plot]:
    """Every plot that these images allow, by name: saved, and for the page."""
    _, evaluation = language.gettext, context.evaluation
    criterion = _(CRITERION_TEXT[MAIN_CRITERION])
    drawers: Drawers = {
        "flow": (
            lambda: flow(context, language),
            _("Flow of images"),
            _("From the images found to those flagged at the threshold."),
        ),
        "froc": (
            lambda: plots.froc(evaluation, language),
            _("FROC curve"),
            _(
                "Free-response ROC: the more false positives one accepts per image, the more fractures are found. A "
                "ring shows the threshold, if it lies on the axis; the band is the 95% interval of {criterion}.",
                criterion=criterion,
            ),
        ),
        "froc-by-criterion": (
            lambda: plots.froc_by_criterion(evaluation, language),
            _("FROC curves by criterion"),
            _("The same curves one by one, each with its 95% interval."),
        ),
        "roc": (
            lambda: image_plots.roc(evaluation, language),
            _("ROC curve"),
            _(
                "Receiver operating characteristic of whole images: the further to the upper left, the better. The "
                "ring is the threshold, its cross and the band the 95% intervals."
            ),
        ),
        "decision-curve": (
            lambda: image_plots.decision_curve(evaluation, language),
            _("Decision curve"),
            _(
                "Net benefit, with its 95% interval, for each probability of a fracture from which one would act: the "
                "model is of use where its curve lies above both others. {scores}",
                scores=scores_meaning(evaluation, language),
            ),
        ),
        "scores": (
            lambda: image_plots.scores(evaluation, language),
            _("Scores of the images"),
            _("How images score: the less the two kinds overlap, the better the model tells them apart."),
        ),
        "precision-recall": (
            lambda: plots.precision_recall(evaluation, language),
            _("Precision and recall"),
            _("How many of the detections are right if so many of the fractures are to be found. Mean over classes."),
        ),
        "reliability-image": (
            lambda: plots.reliability(evaluation, language, "image"),
            _("Reliability of image scores"),
            _(
                "Images grouped by score: on the dotted line, scores are true probabilities; below it, they promise "
                "too much."
            ),
        ),
        "reliability-detection": (
            lambda: plots.reliability(evaluation, language, "detection"),
            _("Reliability of detection scores"),
            _("The same for single detections; a detection is right by {criterion}.", criterion=criterion),
        ),
        "subgroups": (
            lambda: plots.subgroups(context, language),
            _("Fractures found in subgroups"),
            _(
                "Squares with 95% intervals; the dashed line is that of all images. By {criterion}.",
                criterion=criterion,
            ),
        ),
    }
    return draw_plots(drawers, folder)
