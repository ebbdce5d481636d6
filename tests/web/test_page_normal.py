"""An image counts as normal by a decision only: a table of what people do without having decided anything."""

import re

import pytest
from playwright.sync_api import expect
from support.page_driver import opened, write_images
from support.tiny_models import write_tiny_onnx

from fractura.formats import read_voc
from fractura.formats.voc import VocAnnotation, labelimg_object, read_voc_file, write_voc_file

SIZE = (300, 240)
FIRST, SECOND = "image_00.png", "image_01.png"
REST = 500
"""Longer than the pause after which a change is saved, ms."""


@pytest.fixture(name="view")
def view_fixture(chromium, tmp_path):
    """A window on two images that nobody has read, and a model that detects two places on each."""
    folder = tmp_path / "images"
    write_images(folder, 2, SIZE, classes=("fracture",))
    with opened(chromium, "label", folder, "--model", write_tiny_onnx(tmp_path / "tiny.onnx")) as window:
        window.folder = folder
        window.image(FIRST)
        yield window


def draw(view):
    view.draw((180, 150, 240, 220), SIZE)
    view.saved()


def delete(view):
    view.key("Delete")


def undo(view):
    view.key("Control+z")


def redo(view):
    view.key("Control+y")


def verify(view):
    view.key("Space")


def accept(view):
    view.page.locator("#suggestions .suggested").nth(1).wait_for()
    view.key("Enter")
    view.saved()


def accept_all(view):
    view.page.locator("#suggestions .suggested").nth(1).wait_for()
    view.key("Shift+Enter")
    view.saved()


def dismiss_all(view):
    rows = view.page.locator("#suggestions .suggested")
    rows.nth(1).wait_for()
    for left in (1, 0):
        view.page.locator("#suggestions button", has_text="×").first.click()
        expect(rows).to_have_count(left)


def comment(view):
    view.page.locator("#comment").fill("¿línea fina?")
    view.page.locator("#stage").focus()
    expect(view.page.locator("#save-state")).to_have_text("Comment saved; not labelled yet")


def write_comment(view):
    """A comment on an image that has boxes."""
    view.page.locator("#comment").fill("¿línea fina?")
    view.page.locator("#stage").focus()


@pytest.mark.parametrize(
    "steps",
    [
        (draw, undo),
        (draw, delete),
        (draw, delete, undo, undo),
        (draw, undo, redo, undo),
        (draw, delete, undo, redo),
        (accept, undo),
        (accept_all, undo),
        (dismiss_all,),
        (verify,),
        (verify, verify),
        (draw, verify, delete),
        (draw, verify, undo, undo),
        (comment,),
        (comment, verify),
        (draw, write_comment, undo, undo),
    ],
    ids=lambda steps: "+".join(step.__name__ for step in steps),
)
def test_without_a_decision_an_image_stays_unread(view, steps):
    for step in steps:
        step(view)
    view.page.wait_for_timeout(REST)
    view.page.locator("#save-state.new, #save-state.commented").wait_for()
    view.eventually(lambda: not list(view.folder.glob("*.xml")))
    expect(view.page.locator(f'[title^="{FIRST}"]')).not_to_have_attribute("title", f"{FIRST}: labelled")
    view.page.reload()
    view.image(FIRST)
    expect(view.page.locator("#boxes .box")).to_have_count(0)
    expect(view.page.locator('#toolbar [data-action="save"]')).to_have_text("Save as normal")


def test_pasted_boxes_that_are_undone_leave_an_unread_image(view):
    draw(view)
    view.key("d")
    view.image(SECOND)
    view.key("Control+v")
    view.saved()
    assert len(read_voc_file(view.folder / "image_01.xml").objects) == 1
    view.key("Control+z")
    view.page.locator("#save-state.new").wait_for()
    assert [path.name for path in view.folder.glob("*.xml")] == ["image_00.xml"]


@pytest.mark.parametrize("way", ["key", "button"])
def test_an_image_is_saved_as_normal_by_a_decision_which_can_be_undone(view, way):
    button = view.page.locator('#toolbar [data-action="save"]')
    expect(button).to_have_text("Save as normal")
    button.click() if way == "button" else view.key("Control+s")
    view.saved()
    expect(view.page.locator("#messages")).to_contain_text("Saved without findings")
    assert read_voc_file(view.folder / "image_00.xml").objects == ()
    (record,) = read_voc(view.folder)
    assert record.decided_normal
    view.key("Space")
    view.eventually(lambda: read_voc_file(view.folder / "image_00.xml").verified)
    assert read_voc(view.folder).decided_negatives == 1
    view.key("Control+z")
    view.key("Control+z")
    view.page.locator("#save-state.new").wait_for()
    assert not (view.folder / "image_00.xml").exists()


def test_a_box_drawn_on_a_normal_image_and_deleted_leaves_it_normal(view):
    """The decision was taken before the box was drawn, and the page says that it still stands."""
    view.key("Control+s")
    view.saved()
    before = (view.folder / "image_00.xml").read_bytes()
    draw(view)
    expect(view.page.locator('#toolbar [data-action="save"]')).to_have_text("Save")
    view.key("Delete")
    expect(view.page.locator("#boxes")).to_have_text("Saved without findings (normal).")
    view.eventually(lambda: (view.folder / "image_00.xml").read_bytes() == before)


def test_the_last_box_of_a_file_goes_with_the_file_and_undo_brings_back_every_byte(view):
    path = view.folder / "image_01.xml"
    box = labelimg_object("fracture", (20, 20, 90, 80), *SIZE)
    write_voc_file(VocAnnotation(SECOND, *SIZE, objects=(box,)), path)
    path.write_bytes(path.read_bytes().replace(b"<pose>Unspecified</pose>", b"<pose>Left</pose><maker>other</maker>"))
    before = path.read_bytes()
    view.key("d")
    view.image(SECOND)
    expect(view.page.locator("#boxes .box")).to_have_count(1)
    view.key("n")
    view.key("Delete")
    view.page.locator("#save-state.new").wait_for()
    assert not path.exists()
    view.key("Control+z")
    view.saved()
    assert path.read_bytes() == before


def test_an_image_whose_picture_is_refused_cannot_be_saved(view):
    """The header can be read, the picture cannot: its labels come, but there is nothing to decide on."""
    view.expected = ("422",)
    answer = {"error": {"code": "image_unreadable", "message": "cut off", "place": None, "hint": None}}
    view.page.route(re.compile(r"/api/images/\w+/picture"), lambda route: route.fulfill(status=422, json=answer))
    view.page.reload()
    view.page.locator("#stage-problem").get_by_text("cannot be shown").wait_for()
    view.key("Control+s")
    view.key("Space")
    view.page.wait_for_timeout(REST)
    assert list(view.folder.glob("*.xml")) == []
