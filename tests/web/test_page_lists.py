"""The lists of both views: what is open stays in sight, and the focus stays where the work is."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from support.dicom_images import dicom
from support.page_driver import opened, write_images
from support.tiny_models import write_tiny_onnx

from fractura.formats.voc import read_voc_file

SIZE = (60, 48)


@pytest.fixture(name="model")
def model_fixture(tmp_path):
    return write_tiny_onnx(tmp_path / "tiny.onnx")


def dropped(window, images):
    """Hand these files to the detecting view and wait for the model."""
    window.page.locator("#chooser").set_input_files(images)
    expect(window.page.locator("#dropped .dot.done")).to_have_count(len(images))


def test_the_open_image_of_a_long_list_stays_in_sight(chromium, model, tmp_path):
    folder = tmp_path / "images"
    names = write_images(folder, 40, SIZE)
    with opened(chromium, "label", folder, "--model", model) as window:
        page = window.page
        window.image(names[0])
        window.key("Control+s")
        window.saved()
        # the first match, as the open image is none
        window.key("/")
        page.keyboard.type("image_39")
        window.key("Enter")
        window.image(names[39])
        expect(page.locator("#stage")).to_be_focused()
        window.key("/")
        window.key("Escape")
        expect(page.locator("#image-position")).to_have_text("40 of 40")
        # filtered away and back; the pointer has done its work with the choice
        state = page.locator("#image-state")
        state.click()
        state.select_option("disagreeing")  # the model has detections on it
        expect(page.locator("#stage")).to_be_focused()
        expect(page.locator("#image-position")).to_have_text("1")
        state.select_option("")
        expect(page.locator("#image-position")).to_have_text("40 of 40")
        expect(page.locator("#images .row[aria-selected=true]")).to_be_in_viewport()
        # the arrow keys have not
        page.locator("#image-search").focus()
        window.key("Tab")
        window.key("ArrowDown")
        expect(state).to_have_value("unlabelled")
        expect(state).to_be_focused()


def test_dropped_images_stay_in_sight_and_in_place(chromium, model, tmp_path):
    names = write_images(tmp_path / "images", 20, SIZE)
    with opened(chromium, "serve", "--model", model, size=(1200, 600)) as window:
        page = window.page
        dropped(window, [tmp_path / "images" / name for name in names])
        current = page.locator("#dropped [aria-current=true] .name")
        for name in names[1:16]:
            window.key("d")
            expect(current).to_have_text(name)
        expect(current).to_be_in_viewport()
        window.key("Delete")
        expect(current).to_have_text(names[16])
        # by the keyboard in the lists: the focus stays on what was pressed, or on what took its place
        remove = page.get_by_role("button", name=f"Remove the image: {names[17]}")
        remove.focus()
        window.key("Enter")
        expect(page.get_by_role("button", name=f"Remove the image: {names[18]}")).to_be_focused()
        page.locator("#dropped .pick", has_text=names[18]).focus()
        window.key("Enter")
        expect(current).to_have_text(names[18])
        expect(page.locator("#dropped [aria-current=true] .pick")).to_be_focused()
        second = page.locator("#detections .detection-row").nth(1)
        second.focus()
        window.key("Enter")
        expect(page.locator("#detections .detection-row[aria-current=true]")).to_be_focused()
        expect(second).to_be_focused()
        # the last one's place is taken by the one before
        for left in (names[19], names[18], names[16]):
            expect(current).to_have_text(left) if left != names[19] else window.key("d")
            page.locator("#detect-stage").focus()
            window.key("Delete")
        expect(current).to_have_text(names[14])


def test_a_dicom_report_is_offered_for_this_image_when_not_for_all(chromium, model, tmp_path):
    (name,) = write_images(tmp_path, 1, SIZE)
    (tmp_path / "a.dcm").write_bytes(dicom(np.full((SIZE[1], SIZE[0]), 900, np.uint16), bits=12))
    with opened(chromium, "serve", "--model", model) as window:
        page = window.page
        dropped(window, [tmp_path / "a.dcm", tmp_path / name])
        report = page.get_by_role("button", name="DICOM SR")
        expect(report).to_be_disabled()
        page.locator("#dropped .pick", has_text="a.dcm").click()
        page.get_by_label("This image").check()
        expect(report).to_be_enabled()
        page.get_by_label("All images").check()
        expect(report).to_be_disabled()


def test_an_image_that_cannot_be_shown_has_no_scale(chromium, model, tmp_path):
    names = write_images(tmp_path / "images", 2, SIZE)
    (tmp_path / "images" / names[1]).write_bytes(b"no picture")
    with opened(chromium, "label", tmp_path / "images", "--model", model) as window:
        window.expected = ("422",)
        window.image(names[0])
        expect(window.page.locator("#stage-status")).to_contain_text("%")
        window.key("d")
        window.page.locator("#stage-problem").wait_for()
        expect(window.page.locator("#stage-status")).to_have_text("")


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_narrow_list_closes_and_colours_follow_the_system(chromium, model, tmp_path, scheme):
    (name,) = write_images(tmp_path / "images", 1, SIZE)
    other = {"dark": "light", "light": "dark"}[scheme]
    with opened(chromium, "label", tmp_path / "images", "--model", model, size=(400, 800), scheme=scheme) as window:
        page = window.page
        window.image(name)
        images, toggle = page.locator("#images"), page.locator(".list-toggle")
        toggle.click()
        images.wait_for()
        page.locator("#image-order").focus()
        window.key("Escape")
        images.wait_for(state="hidden")
        expect(toggle).to_be_focused()
        toggle.click()
        images.wait_for()
        page.mouse.click(390, 300)
        images.wait_for(state="hidden")
        # a choice wins over the system
        root = page.locator("html")
        expect(root).to_have_attribute("data-theme", scheme)
        page.locator("#theme").click()
        page.reload()
        expect(root).to_have_attribute("data-theme", other)


def test_fingers_draw_and_zoom_on_a_narrow_screen(chromium, model, tmp_path):
    size = (300, 240)
    (name,) = write_images(tmp_path / "images", 1, size)
    with opened(chromium, "label", tmp_path / "images", "--model", model, size=(400, 800), touch=True) as window:
        window.image(name)
        scale = window.page.locator("#stage-status")
        expect(scale).to_contain_text("125%")
        window.page.locator('#toolbar [data-action="draw"]').tap()
        start, end = window.at(60, 150, size), window.at(120, 200, size)
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        window.touch([start, middle, end])
        window.saved()
        (box,) = read_voc_file(tmp_path / "images" / "image_00.xml").objects
        assert box.corners == pytest.approx((60, 150, 120, 200), abs=1)
        # two fingers, twice as far apart at the end: the image moves with them, and no box is drawn or moved
        left, right = window.at(100, 60, size), window.at(180, 60, size)
        away = (right[0] - left[0]) / 2
        window.touch(
            [left, (left[0] - away / 2, left[1]), (left[0] - away, left[1])],
            [right, (right[0] + away / 2, right[1]), (right[0] + away, right[1])],
        )
        expect(scale).to_contain_text(re.compile(r"25\d%"))
        assert read_voc_file(tmp_path / "images" / "image_00.xml").objects == (box,)


def test_the_place_of_a_box_is_read_out_when_the_arrow_keys_rest(chromium, model, tmp_path):
    (name,) = write_images(tmp_path / "images", 1, SIZE)
    with opened(chromium, "label", tmp_path / "images", "--model", model) as window:
        window.image(name)
        window.draw((10, 10, 30, 20), SIZE)
        for key in ("Shift+ArrowRight", "ArrowDown", "Alt+ArrowRight"):
            window.key(key)
        expect(window.page.locator("#spoken")).to_have_text("21 × 10 px, x 20, y 11")


def test_an_image_removed_while_the_model_runs_on_it_does_not_come_back(chromium, model, tmp_path):
    (name,) = write_images(tmp_path, 1, SIZE)
    with opened(chromium, "serve", "--model", model) as window:
        page, held = window.page, []
        page.route("**/api/detect*", lambda route: held.append(route))
        with page.expect_request("**/api/detect*"):
            page.locator("#chooser").set_input_files(tmp_path / name)
        page.locator("#clear").click()
        with page.expect_request(lambda request: request.method == "DELETE"):
            held[0].continue_()
        expect(page.locator("#detect-name")).to_have_text("")
        page.locator(".drop-here").wait_for()
