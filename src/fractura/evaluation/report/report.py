"""``write_report``: an evaluation as one HTML page for readers, with its drawings and the CLAIM sheet beside it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from fractura._version import __version__
from fractura.core.dataset import Dataset
from fractura.core.files import write_atomically
from fractura.core.html import page, text
from fractura.core.model_card import ModelCard
from fractura.evaluation.metric_names import CRITERION_TEXT, MAIN_CRITERION
from fractura.evaluation.report import plots, results
from fractura.evaluation.report.claim import claim_markdown, claim_section
from fractura.evaluation.report.claim_answers import answers
from fractura.evaluation.report.context import Material
from fractura.evaluation.report.markup import Markup, banner, joined, link, paragraph, plot
from fractura.evaluation.report.pictures import false_alarms, misses
from fractura.evaluation.report.provenance import notes, provenance
from fractura.evaluation.report.svg import STYLE, inline_svg, remove_figure, save_figure
from fractura.evaluation.report.words import Words
from fractura.evaluation.result import Evaluation
from fractura.evaluation.writing import EVALUATION_FILE, IMAGES_FILE, METRICS_FILE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_FILE, CLAIM_PAGE, CLAIM_TEXT, PLOTS = "report.html", "claim.html", "claim.md", "plots"
_NEIGHBOURS = (EVALUATION_FILE, METRICS_FILE, IMAGES_FILE)


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    card: ModelCard,
    dataset: Dataset,
    data_name: str,
    views: tuple[str, ...] | None = None,
    language: str = "en",
) -> Path:
    """Write ``report.html``, ``claim.html``, ``claim.md`` and ``plots/`` (SVG and PNG of 300 dots an inch).

    The page is one file that loads nothing and runs nothing. It holds pictures of images and their file names: treat it
    as you treat the images. ``evaluation.json`` and its tables are linked if they lie in the folder already.

    Args:
        evaluation: With curves and outcomes.
        folder: Made if need be; files of an older report are replaced, drawings that there are no more are taken away.
        card: Of the model.
        dataset: The images that were measured.
        data_name: What people call them.
        views: How the model examined each image; as its card says by default.
        language: ``en`` or ``es``.

    Returns:
        The page's file.

    Raises:
        DataError: The folder cannot be written.
        UsageError: The report is not written in that language.
    """
    import matplotlib

    m = Material(evaluation, card, dataset, data_name, Words(language), card.views if views is None else views)
    with matplotlib.rc_context(STYLE):
        drawings = _draw(m, folder / PLOTS)
    found = answers(m)
    sheet = claim_section(m, found)
    chapters = [
        results.summary(m),
        results.images(m, drawings),
        results.fractures(m, drawings),
        results.false_positives(m),
        results.calibration(m, drawings),
        results.subgroups(m, drawings),
        misses(m),
        false_alarms(m),
        provenance(m),
        notes(m),
        sheet,
    ]
    style = resources.files("fractura.evaluation.report").joinpath("report.css").read_text(encoding="utf-8")
    title = m.say("Evaluation of {model}", model=card.name)
    body = joined([_head(m, title, folder), Markup("<main>"), *chapters, Markup("</main>"), _foot(m)]).html
    write_atomically(folder / REPORT_FILE, page(title, body, style=style, language=language))
    checklist = m.say("CLAIM checklist for {model}", model=card.name)
    alone = f"<header><h1>{text(checklist)}</h1></header><main>{sheet.html}</main>{_foot(m).html}"
    write_atomically(folder / CLAIM_PAGE, page(checklist, alone, style=style, language=language))
    write_atomically(folder / CLAIM_TEXT, claim_markdown(m, checklist, found))
    return folder / REPORT_FILE


def _head(m: Material, title: str, folder: Path) -> Markup:
    say, evaluation = m.say, m.evaluation
    subtitle = say(
        "on {data}: {images} images, {positive} of them with a fracture, {boxes} annotated fractures",
        data=m.data_name,
        images=evaluation.images,
        positive=evaluation.positive,
        boxes=evaluation.boxes,
    )
    chapters = {
        "summary": say("In short"),
        "images": say("Whole images"),
        "fractures": say("Single fractures"),
        "false-detections": say("False positives on normal images"),
        "calibration": say("Can the scores be believed?"),
        "subgroups": say("Parts of the images"),
        "misses": say("The worst misses"),
        "false-alarms": say("The worst false alarms"),
        "provenance": say("What was measured, and with what"),
        "notes": say("Notes"),
        "claim": say("CLAIM checklist"),
    }
    contents = "".join(f"<li>{link(f'#{name}', words).html}</li>" for name, words in chapters.items())
    files = [name for name in _NEIGHBOURS if (folder / name).is_file()] + [CLAIM_PAGE, CLAIM_TEXT]
    beside = ", ".join(link(name, name).html for name in files)
    return joined(
        [
            Markup(f'<header><h1>{text(title)}</h1><p class="subtitle">{text(subtitle)}</p>'),
            banner(
                say(
                    "fractura is a research tool, not a medical device. This page holds pictures of images: treat it "
                    "as "
                    "you treat the images."
                )
            ),
            *(Markup(f'<p class="banner alarm" role="note">{text(warning)}</p>') for warning in m.warnings()),
            Markup(f'</header><nav aria-label="{text(say("Contents"))}"><ul>{contents}</ul>'),
            paragraph(Markup(f"{text(say('Files beside this page:'))} {beside}"), "faint"),
            Markup("</nav>"),
        ]
    )


def _foot(m: Material) -> Markup:
    words = m.say(
        "Made by fractura {version}. A research tool, not a medical device: not for diagnosis or treatment.",
        version=__version__,
    )
    return Markup(f"<footer>{paragraph(words, 'faint').html}</footer>")


def _draw(m: Material, folder: Path) -> dict[str, Markup]:
    """Every drawing that these images allow: saved, and as a piece of the page."""
    say, evaluation = m.say, m.evaluation
    main = say(CRITERION_TEXT[MAIN_CRITERION])
    made: list[tuple[str, Callable[[], Figure | None], str, str]] = [
        (
            "froc",
            lambda: plots.froc(evaluation, say),
            say("FROC curve"),
            say(
                "Free-response ROC: the more false positives one accepts per image, the more fractures are found. A "
                "ring "
                "detections the threshold, if it lies on the axis; the band is the 95 % interval of {criterion}.",
                criterion=main,
            ),
        ),
        (
            "froc-by-criterion",
            lambda: plots.froc_by_criterion(evaluation, say),
            say("FROC curves by criterion"),
            say("The same curves one by one, each with its 95 % interval."),
        ),
        (
            "roc",
            lambda: plots.roc(evaluation, say),
            say("ROC curve"),
            say(
                "Receiver operating characteristic of whole images: the further to the upper left, the better. The "
                "ring "
                "is the threshold, its cross the 95 % intervals."
            ),
        ),
        (
            "scores",
            lambda: plots.scores(evaluation, say),
            say("Scores of the images"),
            say("How images score: the less the two kinds overlap, the better the model tells them apart."),
        ),
        (
            "precision-recall",
            lambda: plots.precision_recall(evaluation, say),
            say("Precision and recall"),
            say(
                "Of the detections, how many are right, when so many of the fractures are to be found. Mean over "
                "classes."
            ),
        ),
        (
            "reliability-image",
            lambda: plots.reliability(evaluation, say, "image"),
            say("Reliability of image scores"),
            say(
                "Images grouped by score: on the dotted line, scores are true probabilities; below it, they promise "
                "too "
                "much."
            ),
        ),
        (
            "reliability-detection",
            lambda: plots.reliability(evaluation, say, "detection"),
            say("Reliability of detection scores"),
            say("The same for single detections; a detection is right by {criterion}.", criterion=main),
        ),
        (
            "subgroups",
            lambda: plots.subgroups(evaluation, say),
            say("Fractures found in parts of the images"),
            say("Squares with 95 % intervals; the dashed line is that of all images. By {criterion}.", criterion=main),
        ),
    ]
    drawings = {}
    for name, draw, title, caption in made:
        figure = draw()
        if figure is None:
            remove_figure(folder, name)
            continue
        svg = save_figure(figure, folder, name)
        files = joined([link(f"{PLOTS}/{name}.png", "PNG"), " · ", link(f"{PLOTS}/{name}.svg", "SVG")])
        drawings[name] = plot(
            inline_svg(svg, name, title, caption), joined([Markup(f"<b>{text(title)}.</b> "), caption]), files
        )
    return drawings
