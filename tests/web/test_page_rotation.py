"""The view is rotated by quarters; the file, its boxes and their coordinates are those of the image."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.page_driver import opened, write_images
from support.tiny_models import CARD, write_tiny_onnx

from fractura.formats.voc import read_voc_file

SIZE = (300, 240)
BOX = (40, 60, 110, 200)


@pytest.fixture(name="view")
def view_fixture(chromium, tmp_path):
    """A window on two images, of which the second is white in its upper left quarter; a model that suggests nothing."""
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE)
    grey = np.zeros(SIZE[::-1], np.uint8)
    grey[: SIZE[1] // 2, : SIZE[0] // 2] = 255
    Image.fromarray(grey).save(folder / "image_01.png")
    card = CARD.model_copy(update={"class_names": ("Fractura",)})
    quiet = write_tiny_onnx(tmp_path / "quiet.onnx", card=card, shares=((0, 0, 0.1, 0.1),), scores=(0.06,), labels=(0,))
    with opened(chromium, "label", folder, "--model", quiet) as window:
        window.folder = folder
        window.image("image_00.png")
        yield window


def turned_place(view, x, y, turn):
    """Where a pixel of the image lies in the window after this many quarter turns clockwise."""
    width, height = SIZE
    places = {0: (x, y), 1: (height - y, x), 2: (width - x, height - y), 3: (y, width - x)}
    return view.at(*places[turn], SIZE if turn % 2 == 0 else SIZE[::-1])


def rotate(view, turn):
    for _ in range(turn):
        view.key("t")


def corners_of(view):
    (only,) = read_voc_file(view.folder / "image_00.xml").objects
    return tuple(int(value) for value in only.corners)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_a_box_drawn_in_a_rotated_view_has_the_pixels_of_the_image(view, turn):
    before = (view.folder / "image_00.png").read_bytes()
    rotate(view, turn)
    expect(view.page.locator("#stage-status")).to_contain_text(f"rotated by {90 * turn}°")
    view.key("w")
    view.drag(turned_place(view, *BOX[:2], turn), turned_place(view, *BOX[2:], turn))
    view.saved()
    assert corners_of(view) == BOX
    annotation = read_voc_file(view.folder / "image_00.xml")
    assert (annotation.width, annotation.height) == SIZE
    # an edge and the middle, as they are seen
    view.drag(turned_place(view, BOX[2], 130, turn), turned_place(view, 150, 130, turn))
    view.drag(turned_place(view, 90, 130, turn), turned_place(view, 100, 110, turn))
    view.eventually(lambda: corners_of(view) == (50, 40, 160, 180))
    assert (view.folder / "image_00.png").read_bytes() == before


@pytest.mark.parametrize(
    ("turn", "moved", "grown"),
    [
        (0, (43, 60, 113, 200), (43, 60, 115, 200)),
        (1, (40, 57, 110, 197), (40, 55, 110, 197)),
        (2, (37, 60, 107, 200), (35, 60, 107, 200)),
        (3, (40, 63, 110, 203), (40, 63, 110, 205)),
    ],
)
def test_arrow_keys_follow_what_is_seen(view, turn, moved, grown):
    """Three times to the right, then twice wider."""
    view.draw(BOX, SIZE)
    view.saved()
    rotate(view, turn)
    for _ in range(3):
        view.key("ArrowRight")
    view.eventually(lambda: corners_of(view) == moved)
    for _ in range(2):
        view.key("Alt+ArrowRight")
    view.eventually(lambda: corners_of(view) == grown)


def test_a_zoomed_view_is_rotated_about_its_middle(view):
    place = view.at(100.5, 80.5, SIZE)
    view.page.mouse.move(*place)
    for _ in range(4):
        view.page.mouse.wheel(0, -400)
    stage = view.page.locator("#stage").bounding_box()
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    view.drag(place, middle)
    for _ in range(4):
        expect(view.page.locator("#stage-status")).to_contain_text("100, 80")
        view.key("t")
        view.page.mouse.move(middle[0] + 1, middle[1])
        view.page.mouse.move(*middle)


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_the_picture_is_rotated_as_its_boxes_are(view, turn):
    """The white quarter is seen where a box on it is."""
    view.key("d")
    view.image("image_01.png")
    rotate(view, turn)
    view.page.wait_for_timeout(100)
    seen = np.asarray(Image.open(io.BytesIO(view.page.screenshot())).convert("L"))
    for x, y in ((75, 60), (225, 60), (75, 180), (225, 180)):
        across, down = (round(value) for value in turned_place(view, x, y, turn))
        assert seen[down, across] == (255 if (x, y) == (75, 60) else 0)


def test_each_image_keeps_its_rotation_and_the_menu_rotates_too(view):
    view.page.get_by_role("button", name="More tools").click()
    view.page.get_by_role("button", name="Rotate the view by 90°").click()
    status = view.page.locator("#stage-status")
    expect(status).to_contain_text("rotated by 90°")
    view.key("d")
    view.image("image_01.png")
    expect(status).not_to_contain_text("rotated")
    view.key("a")
    view.image("image_00.png")
    expect(status).to_contain_text("rotated by 90°")
    view.key("Shift+T")
    expect(status).not_to_contain_text("rotated")
    assert list(view.folder.glob("*.xml")) == []
