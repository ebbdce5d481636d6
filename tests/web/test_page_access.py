"""Everybody can use the page: no rule of axe is broken in any state, and fingers hit every target."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.material import absent
from support.page_driver import opened, write_images
from support.tiny_models import write_tiny_onnx

from fractura.formats.voc import VocAnnotation, labelimg_object, write_voc_file

SIZE = (300, 240)
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
BROKEN = """async () => {
  const { violations } = await axe.run(document);
  return violations.map((rule) => [rule.id, ...rule.nodes.map((node) => node.target.join(" "))]);
}"""

SMALL = """() => [...document.querySelectorAll("button, a[href], select, input, textarea, summary, [role=option]")]
  .map((each) => each.matches("[type=checkbox], [type=radio]") ? each.closest("label") ?? each : each)
  .filter((each) => each.checkVisibility({ visibilityProperty: true }))
  .map((each) => [each.outerHTML.slice(0, 100), each.getBoundingClientRect()])
  .filter(([, box]) => Math.min(box.width, box.height) < 44)
  .map(([text, box]) => `${text}: ${box.width} x ${box.height}`)"""
"""What can be pressed and is smaller than 44 px."""
SAID = """() => {
  const texts = [document.body.innerText];
  for (const each of document.querySelectorAll("*"))
    for (const name of ["title", "aria-label", "placeholder", "aria-keyshortcuts"]) texts.push(each.getAttribute(name));
  return texts.filter(Boolean).join(" | ");
}"""
"""All that the page says, to eyes, pointers and screen readers."""
KEYS = re.compile(
    r"\b(Ctrl|Alt|Shift|Mayús|Enter|Intro|Esc|Del|Supr|Space|Espacio|key|keys|keyboard|teclas?|teclado)\b|\([A-Z?]\)|\bW\b"
)


@pytest.fixture(name="place")
def place_fixture(tmp_path):
    """Three images, the last with a damaged annotation, and a model that detects two places on each."""
    names = write_images(tmp_path / "images", 3, SIZE)
    box = labelimg_object("Fractura", (200, 150, 260, 200), *SIZE)
    write_voc_file(VocAnnotation(names[1], *SIZE, objects=(box,)), tmp_path / "images" / "image_01.xml")
    (tmp_path / "images" / "image_02.xml").write_bytes(b"<annotation><object>")
    write_tiny_onnx(tmp_path / "tiny.onnx")
    return tmp_path


@pytest.fixture(name="obeys")
def obeys_fixture():
    """A function that fails when a window breaks a rule."""
    if not AXE.is_file():
        absent("needs axe-core: npm ci")
    source = AXE.read_text(encoding="utf-8")

    def obeys(window):
        window.page.evaluate(source)
        assert window.page.evaluate(BROKEN) == []

    return obeys


@pytest.mark.parametrize(
    ("scheme", "width", "language"), [("dark", 1200, "en"), ("light", 1200, "es"), ("dark", 390, "es")]
)
def test_no_rule_is_broken_while_labelling(chromium, place, obeys, scheme, width, language):
    with opened(
        chromium, "label", place / "images", "--model", place / "tiny.onnx", size=(width, 844), scheme=scheme
    ) as window:
        page = window.page
        window.expected = ("409",)
        window.image("image_00.png")
        if language == "es":
            page.locator("#language").click()
            expect(page.locator("html")).to_have_attribute("lang", "es")
        page.locator("#suggestions .suggested").first.wait_for()
        obeys(window)
        if width < 700:
            page.locator(".list-toggle").click()
            obeys(window)
            window.key("Escape")
        window.draw((180, 150, 240, 220), SIZE)
        window.saved()
        page.locator("details summary").first.click()  # the training
        obeys(window)
        window.key("w")
        obeys(window)
        window.key("Escape")
        page.locator("#toolbar [popovertarget]").click()
        page.locator(".menu:popover-open").wait_for()
        obeys(window)
        window.key("Escape")
        page.locator("#toolbar .more").click()
        obeys(window)
        window.key("Escape")
        window.key("b")
        page.locator("#second-image").select_option(index=1)
        obeys(window)
        window.key("b")
        page.locator("#help").click()
        obeys(window)
        window.key("Escape")
        page.locator("#classes button").last.click()  # a new class
        obeys(window)
        window.key("Escape")
        page.locator("#stage").focus()
        window.key("d")
        window.image("image_01.png")
        window.key("Space")
        window.saved()
        obeys(window)
        window.key("b")  # a second image at its side
        page.locator("#second-stage canvas").first.wait_for()
        obeys(window)
        window.key("b")
        window.key("d")
        page.locator("#stage-problem pre").wait_for()
        obeys(window)
        window.key("Control+u")
        page.get_by_role("dialog").wait_for()
        obeys(window)


def test_no_rule_is_broken_by_an_empty_folder(chromium, place, obeys):
    (place / "empty").mkdir()
    with opened(chromium, "label", place / "empty", "--model", place / "tiny.onnx") as window:
        window.page.locator("#no-images").wait_for()
        obeys(window)


@pytest.mark.parametrize(("scheme", "language"), [("dark", "en"), ("light", "es")])
def test_no_rule_is_broken_while_detecting(chromium, place, obeys, scheme, language):
    with opened(chromium, "serve", "--model", place / "tiny.onnx", scheme=scheme) as window:
        page = window.page
        page.locator(".drop-here").wait_for()
        if language == "es":
            page.locator("#language").click()
            expect(page.locator("html")).to_have_attribute("lang", "es")
        obeys(window)
        (place / "broken.png").write_bytes(b"no picture")
        files = [place / "images" / name for name in ("image_00.png", "image_01.png", "image_01.xml")]
        page.locator("#chooser").set_input_files([*files, place / "broken.png"])
        expect(page.locator("#dropped .dot.done")).to_have_count(2)
        expect(page.locator("#dropped .dot.failed")).to_have_count(1)
        obeys(window)
        page.locator("#dropped .pick").nth(1).click()
        window.key("g")
        page.locator("#detections .detection-row").first.click()
        obeys(window)


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_phone_has_large_targets_and_no_keys(chromium, place, language):
    """At 390 px, and with fingers as the only pointer."""

    def fits(page):
        assert page.evaluate(SMALL) == []
        assert KEYS.findall(page.evaluate(SAID)) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    arguments = ("label", place / "images", "--model", place / "tiny.onnx", "--open-below", place)
    with opened(chromium, *arguments, size=(390, 844), phone=True) as window:
        page = window.page
        window.expected = ("409",)
        window.image("image_00.png")
        if language == "es":
            page.locator("#language").tap()
            expect(page.locator("html")).to_have_attribute("lang", "es")
        fits(page)
        page.locator('#toolbar [data-action="draw"]').tap()
        window.touch([window.at(180, 150, SIZE), window.at(210, 190, SIZE), window.at(240, 220, SIZE)])
        window.saved()
        page.locator("#toolbar .more").click()
        fits(page)
        page.locator('[data-action="second"]').click()
        page.locator("#second-image").select_option(index=1)
        fits(page)
        page.locator("#second-close").click()
        for summary in page.locator("#label summary:visible").all():
            summary.tap()
        fits(page)
        page.locator("#toolbar [popovertarget]").tap()
        page.locator(".menu:popover-open").wait_for()
        fits(page)
        page.locator(".menu:popover-open button").first.tap()  # a second image at its side
        page.locator("#second-stage canvas").first.wait_for()
        fits(page)
        page.locator("#second-close").tap()
        page.locator("#help").tap()
        expect(page.get_by_role("dialog").locator("kbd")).to_have_count(0)
        fits(page)
        page.get_by_role("dialog").get_by_role("button").tap()
        page.locator("#classes button").last.tap()
        fits(page)
        page.get_by_role("dialog").get_by_role("button").last.tap()
        page.locator(".list-toggle").tap()
        fits(page)
        page.locator("#open-folder").tap()
        page.get_by_role("dialog").wait_for()
        fits(page)
        page.get_by_role("dialog").locator(".answers button").first.tap()
        page.locator(".list-toggle").tap()
        page.locator("#images").get_by_text("image_02.png").tap()
        page.locator("#stage-problem pre").wait_for()
        fits(page)
        page.locator("#tab-detect").tap()
        fits(page)
        files = [place / "images" / "image_00.png", place / "images" / "image_01.png"]
        page.locator("#chooser").set_input_files(files)
        expect(page.locator("#dropped .dot.done")).to_have_count(2)
        page.locator(".list-toggle").tap()
        fits(page)


def test_a_keyboard_keeps_its_hints(chromium, place):
    with opened(chromium, "label", place / "images", "--model", place / "tiny.onnx") as window:
        window.image("image_00.png")
        said = window.page.evaluate(SAID)
        assert {"Ctrl", "Shift", "W"} <= {found.group() for found in KEYS.finditer(said)}
        window.key("?")
        assert window.page.get_by_role("dialog").locator("kbd").count() > 20


def test_a_finger_hits_the_same_row_of_the_list_as_the_eye(chromium, tmp_path):
    """The rows are placed by number: their height in the code is that of the style sheet."""
    names = write_images(tmp_path / "images", 60, (40, 30))
    with opened(chromium, "label", tmp_path / "images", "--model", "built-in", size=(390, 844), phone=True) as window:
        window.image(names[0])
        window.page.locator(".list-toggle").tap()
        images = window.page.locator("#images")
        images.evaluate("list => { list.scrollTop = list.scrollHeight; }")
        images.get_by_text(names[57]).wait_for()
        rows = images.locator(".row")
        boxes = rows.evaluate_all("all => all.map((row) => [row.offsetTop, row.offsetHeight])")
        assert [top - boxes[0][0] for top, _ in boxes] == [44 * place for place in range(len(boxes))]
        assert {height for _, height in boxes} == {44}
        images.get_by_text(names[57]).tap()
        window.image(names[57])
