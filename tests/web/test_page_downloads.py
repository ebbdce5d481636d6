"""The picture with its boxes, and the heat map, downloaded from the labelling page."""

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.page_driver import opened, write_images
from support.tiny_models import CARD, write_tiny_onnx

from fractura.core.boxes import Boxes
from fractura.imaging.reader import read_radiograph
from fractura.inference.render import draw_boxes, with_caption

SIZE = (300, 240)
BOX = (180, 150, 240, 220)


@pytest.fixture(name="view")
def view_fixture(chromium, tmp_path):
    """A window on an image and a model that detects a fracture and a cast on it."""
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE, classes=("fracture",))
    with opened(chromium, "label", folder, "--model", write_tiny_onnx(tmp_path / "tiny.onnx")) as window:
        window.folder = folder
        window.image("image_00.png")
        window.page.locator("#suggestions .suggested").nth(1).wait_for()
        yield window


def downloaded(view, do):
    """What an action downloads: its name, and its pixels."""
    with view.page.expect_download() as coming:
        do()
    return coming.value.suggested_filename, np.asarray(Image.open(coming.value.path()).convert("RGB"))


def choose(view, name):
    view.page.get_by_role("button", name="More tools").click()
    view.page.get_by_role("button", name=name).click()


def test_the_picture_has_the_boxes_and_suggestions_that_are_shown(view):
    pixels = read_radiograph(view.folder / "image_00.png").pixels
    view.draw(BOX, SIZE)
    view.saved()
    for _ in range(2):  # what is dismissed is not shown
        view.page.locator("#suggestions button", has_text="×").first.click()
    name, picture = downloaded(view, lambda: choose(view, "Download the picture with its boxes"))
    assert name == "image_00-boxes.png"
    expected = draw_boxes(pixels, Boxes((BOX,), [0]), ("fracture",))
    assert np.array_equal(picture, np.asarray(expected))
    view.key("Control+z")
    expect(view.page.locator("#suggestions .suggested")).to_have_count(1)
    _, picture = downloaded(view, lambda: view.key("p"))
    both = Boxes((BOX, (1, 1, 60, 24)), [0, 1])
    expected = with_caption(
        draw_boxes(pixels, both, (), texts=("fracture", "cast score 0.50")),
        "Fracture suspected: score 0.90, not calibrated",
        "Threshold 0.40: its sensitivity for whole images was not measured.",
    )
    assert np.array_equal(picture, np.asarray(expected))


def test_the_heat_map_speaks_the_language_of_the_page(view):
    name, english = downloaded(view, lambda: choose(view, "Download the heat map"))
    assert name == "image_00-heat.png"
    view.page.locator("#language").click()
    view.page.locator("#stage").focus()
    _, spanish = downloaded(view, lambda: view.key("Shift+P"))
    assert english.shape[1] == spanish.shape[1] == SIZE[0]
    assert np.array_equal(english[: SIZE[1]], spanish[: SIZE[1]])
    assert not np.array_equal(english[SIZE[1] :], spanish[SIZE[1] : english.shape[0]])


def test_without_detections_there_is_no_heat_map(chromium, tmp_path):
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE)
    card = CARD.model_copy(update={"class_names": ("Fractura",)})
    quiet = write_tiny_onnx(tmp_path / "quiet.onnx", card=card, shares=((0, 0, 0.1, 0.1),), scores=(0.06,), labels=(0,))
    with opened(chromium, "label", folder, "--model", quiet) as window:
        window.image("image_00.png")
        window.page.get_by_role("button", name="More tools").click()
        expect(window.page.get_by_role("button", name="Download the heat map")).to_be_disabled()
        expect(window.page.get_by_role("button", name="Download the picture")).to_be_enabled()


def test_that_an_image_is_outside_the_training_stands_below_it(view):
    warning = "outside what this model was trained on: it does not resemble the training images"

    def warned(route):
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"warning": warning})

    view.page.route("**/suggestions", warned)
    view.page.reload()
    view.image("image_00.png")
    view.page.locator("#suggestions .suggested").nth(1).wait_for()
    for key, kind in (("p", "drawing"), ("Shift+P", "heat")):
        with view.page.expect_request(f"**/{kind}") as sent, view.page.expect_download():
            view.key(key)
        assert warning in str(sent.value.post_data_json)
