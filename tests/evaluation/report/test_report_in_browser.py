"""The page as a browser shows it: narrow, dark, by keyboard, without a network."""

import io

import numpy as np
import pytest
from PIL import Image
from pypdf import PdfReader
from support.contrast import CONTRAST
from support.report_images import detections, images, report


@pytest.fixture(name="opened")
def opened_page(chromium, made):
    """Opens the report; gives the page and what it asked for and complained of."""
    contexts = []

    def open_page(width=1280, scheme="light", name="report.html"):
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page, asked, said = context.new_page(), [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((made.parent / name).as_uri())
        return page, asked, said

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["report.html", "claim.html", "stard_ai.html"])
def test_no_sideways_scroll_no_request_no_complaint(opened, name):
    page, asked, said = opened(320, name=name)
    for width in (320, 400, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert [url for url in asked if not url.startswith("data:")] == [page.url]
    assert said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out(opened, scheme):
    page, _, _ = opened(scheme=scheme)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    assert page.evaluate(CONTRAST) == []


def test_every_axis_says_what_it_shows(opened):
    page, _, _ = opened()
    drawings = page.locator("figure.plot svg:has([id*=label-])")
    assert drawings.count() == 9
    for number in range(drawings.count()):
        for axis in ("x", "y"):
            label = drawings.nth(number).locator(f"g[id$=label-{axis}] text")
            assert label.count() == 1
            assert len(label.text_content()) > 10
            assert any(unit in label.text_content() for unit in ("%", "number", "0 to 1"))


def test_every_picture_is_there_before_anybody_scrolls_to_it(opened):
    page, _, _ = opened()
    page.wait_for_function("[...document.images].every(each => each.complete && each.naturalWidth > 0)", timeout=5000)


def right_edge(page, name):
    """Mean grey of the last pixels of a table's box that scrolls, 0 to 255."""
    box = page.locator(f".scroll:has(#{name})")
    box.scroll_into_view_if_needed()
    picture = Image.open(io.BytesIO(box.screenshot())).convert("L")
    return float(np.asarray(picture)[:, -3:].mean())


def test_a_table_that_goes_on_to_the_right_shows_it_by_a_shadow(opened):
    (page, _, _), (wide, _, _) = opened(400), opened(1280)
    for name in ("operating-points", "at-threshold", "average-precision", "subgroup-metrics"):
        goes_on = right_edge(page, name)
        page.evaluate(f"document.querySelector('.scroll:has(#{name})').scrollLeft = 10000")
        assert goes_on < right_edge(page, name) - 40, name
        assert page.evaluate(f"document.querySelector('#{name} caption span').getBoundingClientRect().right") <= 400
        assert right_edge(wide, name) > goes_on + 40, name  # nothing scrolls there


def test_what_scrolls_can_be_reached_by_keyboard(opened):
    page, _, _ = opened(400)
    boxes = page.evaluate(
        "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).overflowX === 'auto').map(e => e.tabIndex)"
    )
    assert len(boxes) >= 8
    assert set(boxes) == {0}
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#summary"


def test_on_paper_it_is_light_whole_and_without_links_to_files(opened):
    page, _, _ = opened(width=700, scheme="dark")  # A4 between its margins
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()


HEADINGS = "h1, h2, h3, caption"


def printed(page):
    """The text of each page of A4."""
    reader = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    return [page.extract_text().split("\n") for page in reader.pages]


@pytest.mark.parametrize("language", ["en", "es"])
def test_it_prints_on_15_pages_without_a_heading_at_the_end_of_one(chromium, tmp_path, language):
    dataset = images(tmp_path, count=60)
    file = report(tmp_path / "out", dataset, detections(dataset), language=language)
    page = chromium.new_page()
    page.goto(file.as_uri())
    headings = page.eval_on_selector_all(HEADINGS, "all => all.map(each => each.textContent.trim())")
    pages = printed(page)
    page.close()
    assert 5 < len(pages) <= 15
    assert len(headings) > 20
    found = 0
    for lines in pages:
        lines = [line.strip() for line in lines if line.strip()]
        for heading in headings:
            places = [number for number, line in enumerate(lines) if line and heading.startswith(line)]
            found += bool(places)
            assert all(number < len(lines) - 3 for number in places), heading
    assert found >= len(headings) / 2
