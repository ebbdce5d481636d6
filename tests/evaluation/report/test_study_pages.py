"""The pages of comparisons, readers and reader studies: what they show, and how a browser shows it."""

import html
import io
import re
from contextlib import nullcontext
from pathlib import Path

import docx
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from pypdf import PdfReader
from scipy.integrate import trapezoid
from support.contrast import CONTRAST
from support.material import absent
from support.plots import rough_plots
from support.study_pages import LONG, agreement, comparison, reader_study, write_pages

from fractura.evaluation.reader_study.analysis import FIXED_READERS, RANDOM
from fractura.evaluation.report import comparison_plots, reader_study_plots
from fractura.evaluation.report.agreement_report import kappas, write_agreement
from fractura.evaluation.report.comparison_report import model_names, write_comparison
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.reader_study_report import write_reader_study
from fractura.evaluation.report.tables import tables_of

AXE = Path(__file__).resolve().parents[3] / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("comparison", "agreement", "reader study")


@pytest.fixture(name="pages", scope="module", params=["en", "es"])
def pages_of_both_languages(request, tmp_path_factory):
    with rough_plots() if request.param == "es" else nullcontext():  # the English ones are as users get them
        return write_pages(tmp_path_factory.mktemp("pages"), request.param)


def text_of(file):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", file.read_text(encoding="utf-8"))))


def test_a_comparison_shows_what_was_measured(tmp_path):
    context = comparison()
    page = text_of(write_comparison(context, {}, tmp_path))
    second, third = context.comparisons
    positive = sum(record.is_positive for record in context.dataset)
    assert positive < sum(not record.is_negative for record in context.dataset)  # some have difficult boxes only
    assert f"on test_images: 60 images, {positive} of them with a fracture" in page
    assert f"Comparison of built-in, fine-tuned and {LONG}" in page
    auc = third.delong
    assert f"{auc.first:.3f} (SE {auc.first_error:.3f}) {auc.second:.3f} (SE {auc.second_error:.3f})" in page
    test = second.mcnemar["image_sensitivity"]
    assert (
        f"Sensitivity (fractured images) {test.both} {test.first} {test.second} {test.neither} {test.p_exact:.3f}"
        in page
    )
    each = second.differences["froc/iou30/1"]
    assert f"Fractures found at 1 false positives per image, IoU 0.3 {each.first:.3f} {each.second:.3f}" in page
    assert f"{each.p:.3f} {each.p_holm:.3f}" in page


def test_a_page_of_readers_shows_what_was_measured(tmp_path):
    context = agreement()
    page = text_of(write_agreement(context, {}, tmp_path))
    readers, with_model = (each.metrics["krippendorff_alpha"] for each in context.panels)
    assert (
        f"Krippendorff's alpha {readers.value:.2f} ({readers.low:.2f}–{readers.high:.2f}) {with_model.value:.2f}"
        in page
    )
    for images, count in enumerate(context.panels[0].yes):
        assert f" {images} {count} " in page
    assert page.count("reader 1 reader 2") >= 2


def test_a_reader_study_shows_what_was_measured(tmp_path):
    context = reader_study()
    page = text_of(write_reader_study(context, {}, tmp_path))
    for figure, name in zip(
        context.figures,
        ("AUC of images", "wAFROC figure of merit", "JAFROC figure of merit", "Sensitivity by image"),
        strict=False,
    ):
        [difference] = figure.analyses[RANDOM].differences
        assert f"{name} {difference.of} – without" in page
        assert f"+{difference.value:.3f} (" in page
    fixed = context.figures[0].analyses[FIXED_READERS]
    assert f"Equal modalities: χ²(1) = {fixed.statistic:.2f}, p " in page
    assert f"{context.figures[0].components.cov1:.6f}" in page


def test_more_than_two_modalities_and_one_reader(tmp_path):
    many = text_of(write_reader_study(reader_study(("none", "one", "two")), {}, tmp_path / "many"))
    assert "two – one" in many
    assert "two – none" in many
    one = text_of(write_reader_study(reader_study(("none", "one"), readers=1), {}, tmp_path / "one"))
    assert "There is one reader only" in one
    assert "Random readers and random cases" not in one


@pytest.mark.parametrize("name", NAMES)
def test_no_sideways_scroll_no_request_no_complaint(chromium, pages, name):
    page, asked, said = chromium.new_page(viewport={"width": 320, "height": 800}), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(pages[name].as_uri())
    for width in (320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert asked == [page.url]
    assert said == []
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_letters_stand_out_and_headings_do_not_end_a_printed_page(chromium, pages, name):
    page = chromium.new_page(color_scheme="dark")
    page.goto(pages[name].as_uri())
    assert page.evaluate(CONTRAST) == []
    page.emulate_media(color_scheme="light")
    assert page.evaluate(CONTRAST) == []
    headings = page.eval_on_selector_all("h1, h2, h3", "all => all.map(each => each.textContent.trim())")
    printed = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages
    for sheet in printed:
        lines = [line.strip() for line in sheet.extract_text().split("\n") if line.strip()]
        assert lines[-1] not in headings
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_rule_of_axe_is_broken(chromium, pages, name):
    if not AXE.is_file():
        absent("needs axe-core: npm ci")
    page = chromium.new_page(viewport={"width": 400, "height": 800})
    page.goto(pages[name].as_uri())
    page.evaluate(AXE.read_text(encoding="utf-8"))
    broken = page.evaluate(
        "async () => (await axe.run(document)).violations.map(rule => [rule.id, rule.nodes[0].html])"
    )
    page.close()
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_tables_for_a_paper_say_what_the_page_says(pages, name):
    folder, found = pages[name].parent / "tables", tables_of(pages[name].read_text(encoding="utf-8"))
    assert len(found) >= 3
    assert {path.name for path in folder.glob("*.csv")} == {f"{each.name}.csv" for each in found}
    grids = docx.Document(folder / "tables.docx").tables
    for table, grid in zip(found, grids, strict=True):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.name
        assert [tuple(cell.text for cell in row.cells) for row in grid.rows] == [table.columns, *table.rows]
        assert (folder / f"{table.name}.tex").read_text(encoding="utf-8").count(r" \\") == len(table.rows) + 1


def test_tables_and_plots_of_an_earlier_page_are_removed(tmp_path):
    write_comparison(comparison(images=20, rounds=5), {}, tmp_path)
    assert (tmp_path / "tables" / "differences-3.tex").is_file()
    (tmp_path / "tables" / "mine.csv").write_text("mine", encoding="utf-8")
    write_comparison(comparison(("built-in", "other"), images=20, rounds=5), {}, tmp_path)
    left = {path.name for path in (tmp_path / "tables").iterdir()}
    assert {"differences-2.csv", "mine.csv"} <= left
    assert not {name for name in left if "-3." in name}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_chapters_and_to_files_that_are_there(pages, name):
    text = pages[name].read_text(encoding="utf-8")
    for link in re.findall(r'<a href="([^"]+)"', text):
        if link.startswith("#"):
            assert f'<section id="{link[1:]}"' in text
        else:
            assert (pages[name].parent / link).is_file(), link


def test_the_plots_of_a_reader_study_have_a_line_for_each_reader_and_their_mean():
    context = reader_study()
    panels = reader_study_plots.values_of_readers(context.figures, context.study, Language()).axes
    assert len(panels) == len(context.figures) == 5
    for axes, figure in zip(panels, context.figures, strict=True):
        lines = [line.get_ydata().tolist() for line in axes.lines]
        readers = [[by_reader[name] for by_reader in figure.values.values()] for name in context.study.readers]
        assert lines[:-1] == readers
        assert lines[-1] == pytest.approx(np.mean(readers, axis=0))
    [axes] = reader_study_plots.roc_of_modalities(context.study, Language()).axes
    assert len(axes.lines) == 1 + 2 * (5 + 1)
    for line, mean in zip(axes.lines[6::6], context.figures[0].analyses[RANDOM].means, strict=True):
        across, up = line.get_data()
        assert trapezoid(up, across) / 1e4 == pytest.approx(mean.value, abs=0.005)  # the area under the mean curve


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_letter_is_cut_at_the_edge_of_a_figure(language):
    reader, context, study = Language(language), comparison(("built-in", LONG), images=20, rounds=5), reader_study()
    names, curves = model_names(context), [*context.comparisons[0].curves]
    figures = [
        comparison_plots.roc_of_models(curves, context.comparisons, names, reader),
        comparison_plots.froc_of_models(curves, names, reader),
        comparison_plots.differences(context.comparisons, names[::-1], reader),
        kappas(agreement(rounds=5), reader),
        reader_study_plots.roc_of_modalities(study.study, reader),
        reader_study_plots.values_of_readers(study.figures, study.study, reader),
    ]
    for number, figure in enumerate(figures):
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = figure.get_tightbbox(canvas.get_renderer())
        width, height = figure.get_size_inches()
        assert min(drawn.x0, drawn.y0) > -0.01, number
        assert (drawn.x1 < width + 0.01, drawn.y1 < height + 0.01) == (True, True), number
