"""The keyboard works wherever the focus is, and dismissed suggestions can be restored."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.page_driver import opened, write_images
from support.tiny_models import write_tiny_onnx

from fractura.formats.voc import VocAnnotation, labelimg_object, read_voc_file, write_voc_file
from fractura.web.detection_cache import DetectionCache, ImageDetections

SIZE = (300, 240)


@pytest.fixture(name="view")
def view_fixture(chromium, tmp_path):
    """A window on three images and a model that detects two places on each."""
    folder = tmp_path / "images"
    write_images(folder, 3, SIZE, classes=("fracture", "cast", "luxation"))
    with opened(chromium, "label", folder, "--model", write_tiny_onnx(tmp_path / "tiny.onnx")) as window:
        window.folder = folder
        window.image("image_00.png")
        yield window


def names_on(folder: Path, image: str) -> list[str]:
    return [each.name for each in read_voc_file((folder / image).with_suffix(".xml")).objects]


def test_no_letter_chooses_from_a_list_and_escape_goes_back_to_the_image(view):
    view.draw((180, 150, 240, 220), SIZE)
    view.saved()
    assert names_on(view.folder, "image_00.png") == ["fracture"]
    view.page.locator("#boxes select").focus()
    view.key("l")  # would search for "luxation"
    expect(view.page.locator('[data-action="window"]').first).to_have_attribute("aria-pressed", "true")
    view.key("l")
    view.key("Escape")
    expect(view.page.locator("#stage")).to_be_focused()
    view.page.locator("#image-state").focus()
    view.key("d")
    view.image("image_01.png")
    expect(view.page.locator("#image-state")).to_have_value("")
    assert names_on(view.folder, "image_00.png") == ["fracture"]


def test_space_verifies_the_image_that_was_clicked_in_the_list(view):
    view.page.locator("#images").get_by_text("image_02.png").click()
    view.image("image_02.png")
    view.draw((180, 150, 240, 220), SIZE)
    view.saved()
    view.key("Space")
    view.eventually(lambda: read_voc_file(view.folder / "image_02.xml").verified)


def test_a_dismissed_suggestion_comes_back_with_undo_and_writes_nothing(view):
    rows = view.page.locator("#suggestions .suggested")
    rows.nth(1).wait_for()
    view.page.locator("#suggestions button", has_text="×").first.click()
    expect(rows).to_have_count(1)
    view.key("Control+z")
    expect(rows).to_have_count(2)
    view.page.wait_for_timeout(400)
    assert not (view.folder / "image_00.xml").exists()


def test_an_image_that_was_refused_is_named_on_the_next_one(view):
    path = view.folder / "image_01.xml"
    box = labelimg_object("fracture", (20, 20, 90, 80), *SIZE)
    write_voc_file(VocAnnotation("image_01.png", *SIZE, objects=(box,)), path)
    view.page.route(
        "**/api/annotations/*", lambda route: refuse(route) if route.request.method == "PUT" else route.continue_()
    )
    view.expected = ("422",)
    view.draw((180, 150, 240, 220), SIZE)
    view.page.locator("#save-state.refused").wait_for()
    view.key("d")
    view.image("image_01.png")
    expect(view.page.locator("#save-state")).to_have_text("Saved · Not saved, refused: image_00.png")


def refuse(route):
    route.fulfill(status=422, json={"error": {"code": "request_invalid", "message": "no", "place": None, "hint": None}})


def test_exports_have_the_names_that_the_server_gave(chromium, tmp_path):
    names = write_images(tmp_path / "images", 2, SIZE)
    with opened(chromium, "serve", "--model", write_tiny_onnx(tmp_path / "tiny.onnx")) as window:
        window.page.locator("#chooser").set_input_files([tmp_path / "images" / name for name in names])
        window.page.locator("#dropped .dot.done").nth(1).wait_for()
        with window.page.expect_download() as saved:
            window.page.get_by_role("button", name="VOC").click()
        assert saved.value.suggested_filename.endswith(".zip")


def test_detections_are_remembered_in_memory_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("no folder")
    cache = DetectionCache(tmp_path / "file" / "detections.sqlite")
    found = ImageDetections(10, 20, (), 0.0)
    cache.put("model", "image", found)
    assert cache.get("model", "image") == found
