"""The drawings: files ready for a paper, values that are the evaluation's, details cut from images."""

import io
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image
from pypdf import PdfReader
from support.report_images import context_of, detections, images, measure

from fractura.evaluation import MAIN_CRITERION
from fractura.evaluation.report import image_plots, plots
from fractura.evaluation.report.failures import detail_around
from fractura.evaluation.report.flow import flow
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import DOTS_PER_INCH, FORMATS, INK, STYLE, inline_svg, save_figure
from fractura.formats.faults import NOT_ANNOTATED


@pytest.fixture(name="evaluation", scope="module")
def measured(tmp_path_factory):
    dataset = images(tmp_path_factory.mktemp("plots"))
    return measure(dataset, detections(dataset))


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context(STYLE):
        yield


def test_files_are_ready_for_a_paper(made):
    folder = made.parent / "plots"
    assert {kind: len(list(folder.glob(f"*.{kind}"))) for kind in FORMATS} == dict.fromkeys(FORMATS, 10)
    for file in folder.iterdir():
        if file.stem == "flow":
            continue  # boxes without axes
        if file.suffix == ".png":
            with Image.open(io.BytesIO(file.read_bytes())) as image:
                assert image.info["dpi"][0] == pytest.approx(DOTS_PER_INCH, abs=0.1)
                assert image.width > 1300
        elif file.suffix == ".tiff":
            with Image.open(io.BytesIO(file.read_bytes())) as image:
                assert (image.mode, round(image.info["dpi"][0])) == ("RGB", DOTS_PER_INCH)
                assert image.info["compression"] == "tiff_lzw"
        elif file.suffix == ".pdf":
            assert len(PdfReader(file).pages) == 1
            assert "%" in PdfReader(file).pages[0].extract_text()
        else:
            root = ElementTree.parse(file).getroot()
            assert any("%" in (text.text or "") for text in root.iter("{http://www.w3.org/2000/svg}text"))


def test_the_same_evaluation_gives_the_same_drawing(evaluation, tmp_path):
    drawn = [save_figure(plots.froc(evaluation, Language()), tmp_path, name) for name in ("a", "b")]
    assert drawn[0] == drawn[1]


def test_inside_a_page_colours_are_the_page_s_and_ids_are_its_own():
    svg = (
        '<?xml version="1.0"?><svg viewBox="0 0 9 9"><metadata>x</metadata><defs><style>*{}</style>'
        f'<path id="p"/></defs><!-- p --><use xlink:href="#p" clip-path="url(#p)" style="fill: {INK.upper()}"/></svg>'
    )
    drawing = inline_svg(svg, "froc", "a <b>", "c & d")
    assert drawing.count("froc-p") == 3
    assert "var(--ink)" in drawing
    assert '<title id="froc-title">a &lt;b&gt;</title>' in drawing
    assert not any(gone in drawing for gone in ("metadata", "<style", "<!--", "<?xml"))


def test_froc_is_the_staircase_with_its_interval(evaluation):
    axes = plots.froc(evaluation, Language()).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    across, up = lines["IoU 0.3"].get_data()
    curve = evaluation.curves.froc[MAIN_CRITERION]
    assert list(across[1:-1]) == curve["false_positives_per_image"]
    assert np.allclose(up[1:-1], 100 * np.array(curve["sensitivity"]))
    assert lines["IoU 0.3"].get_drawstyle() == "steps-post"
    for point in (0.125, 1.0, 8.0):
        step = np.searchsorted(across, point, side="right") - 1
        assert up[step] == pytest.approx(100 * evaluation.value(f"froc/{MAIN_CRITERION}/{point:g}"))
    band = axes.collections[0].get_paths()[0].vertices
    lows = [evaluation.metrics[f"froc/{MAIN_CRITERION}/{point:g}"].low for point in (0.125, 8)]
    assert {round(100 * low, 6) for low in lows} <= {round(height, 6) for height in band[:, 1]}


def test_the_ring_is_the_threshold(evaluation):
    rings = [line for line in image_plots.roc(evaluation, Language()).axes[0].lines if line.get_marker() == "o"]
    expected = (1 - evaluation.value("image_specificity"), evaluation.value("image_sensitivity"))
    assert (rings[0].get_xdata()[0], rings[0].get_ydata()[0]) == pytest.approx([100 * share for share in expected])


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("long", ["WRIST", "left wrist, dorsopalmar, after reduction in a plaster cast"])
def test_no_letter_is_cut_at_the_edge_of_a_figure(evaluation, tmp_path, language, long):
    dataset = images(tmp_path)
    parts = tuple(replace(group, name=long) for group in evaluation.subgroups)
    context, reader = context_of(replace(evaluation, subgroups=parts), dataset), Language(language)
    figures = [draw(evaluation, reader) for draw in (plots.froc, plots.froc_by_criterion)]
    figures += [draw(evaluation, reader) for draw in (image_plots.roc, image_plots.scores, image_plots.decision_curve)]
    figures += [flow(replace(context, unused={NOT_ANNOTATED: 1234}), reader)]
    figures += [plots.precision_recall(evaluation, reader), plots.subgroups(context, reader)]
    figures += [plots.reliability(evaluation, reader, of) for of in ("image", "detection")]
    for figure in figures:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        drawn = figure.get_tightbbox(canvas.get_renderer())  # inches, as the figure's size
        width, height = figure.get_size_inches()
        assert min(drawn.x0, drawn.y0) > -0.01
        assert (drawn.x1 < width + 0.01, drawn.y1 < height + 0.01) == (True, True)


@pytest.mark.filterwarnings("error")
def test_names_that_no_xml_holds_are_drawn_all_the_same(evaluation, tmp_path):
    parts = tuple(replace(group, name="reader\x08 🦴") for group in evaluation.subgroups)
    context = context_of(replace(evaluation, subgroups=parts), images(tmp_path))
    figure = plots.subgroups(context, Language("en"))
    drawing = save_figure(figure, tmp_path, "subgroups")
    assert ElementTree.fromstring(drawing) is not None
    assert "reader\\x08 🦴" in drawing
    assert drawing == (tmp_path / "subgroups.svg").read_text(encoding="utf-8")


def test_what_cannot_be_drawn_is_not(evaluation, tmp_path):
    empty = images(tmp_path, count=0)
    nothing = measure(empty, [])
    drawers = (plots.froc, plots.froc_by_criterion, plots.precision_recall)
    drawers += (image_plots.roc, image_plots.scores, image_plots.decision_curve)
    assert plots.subgroups(context_of(nothing, empty), Language()) is None
    assert [draw(nothing, Language()) for draw in drawers] == [None] * len(drawers)
    assert plots.reliability(nothing, Language(), "image") is None
    assert plots.froc_by_criterion(replace(evaluation, intervals=None), Language()) is None


@pytest.mark.parametrize(
    ("corners", "size", "expected"),
    [
        ((40, 40, 60, 60), (400, 400), (0, 0, 120, 120)),  # a third of the image at least, moved inside
        ((200, 200, 240, 220), (400, 400), (160, 150, 280, 270)),  # three times the longer side
        ((390, 390, 500, 500), (400, 400), (70, 70, 400, 400)),  # half outside
        ((0, 0, 400, 300), (400, 300), (0, 0, 400, 300)),  # the whole image
        ((0, 0, 2, 2), (3, 2), (0, 0, 3, 2)),
    ],
)
def test_details_are_square_and_inside_the_image(corners, size, expected):
    assert detail_around(corners, size) == expected
