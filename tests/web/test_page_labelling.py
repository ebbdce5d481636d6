"""Labelling in a real browser: LabelImg's keys, exact pixels, and boxes that survive a killed server."""

import importlib
import random
import sys
import types

import pytest
from playwright.sync_api import expect
from support.page_driver import Server, WatchedPage, opened, write_images
from support.tiny_models import CARD, write_tiny_onnx

from fractura.formats.voc import VocAnnotation, labelimg_object, read_voc_file, write_voc_file

SIZE = (300, 240)
UNREACHABLE = ("Failed to load resource", "ERR_CONNECTION_REFUSED")


@pytest.fixture(name="images")
def images_fixture(tmp_path):
    folder = tmp_path / "images"
    return folder, write_images(folder, 3, SIZE)


@pytest.fixture(name="quiet")
def quiet_fixture(tmp_path):
    """A model that suggests nothing, in the place of the built-in one."""
    card = CARD.model_copy(update={"class_names": ("Fractura",)})
    return write_tiny_onnx(tmp_path / "quiet.onnx", card=card, shares=((0, 0, 0.1, 0.1),), scores=(0.06,), labels=(0,))


@pytest.fixture(name="label")
def label_fixture(chromium, images, quiet):
    """A server on the images and a function that opens windows of one browser on it."""
    server = Server("label", images[0], "--model", quiet)
    context = chromium.new_context(viewport={"width": 1200, "height": 800}, color_scheme="dark", locale="en-US")
    windows = []

    def window(path=""):
        windows.append(WatchedPage(context, server, path=path))
        return windows[-1]

    window.server = server
    window.context = context
    yield window
    context.close()
    server.stop()
    for each in windows:
        each.check()


def boxes_of(path):
    return [(each.name, *(int(value) for value in each.corners)) for each in read_voc_file(path).objects]


def labelimg_shapes(path):
    """What LabelImg's own reader reads; its helper module wants Qt, of which the reader uses nothing."""
    for name in ("PyQt5", "PyQt5.QtGui", "PyQt5.QtCore", "PyQt5.QtWidgets"):
        sys.modules.setdefault(name, types.ModuleType(name))
    reader = importlib.import_module("libs.pascal_voc_io").PascalVocReader(str(path))
    return [
        (name, *map(int, corners[0]), *map(int, corners[2])) for name, corners, *_ in reader.get_shapes()
    ], reader.verified


def label_ten_images(window, names):
    """Draw, copy, move, delete, verify, save. Returns the boxes that each image must have; None: a copy, anywhere."""
    generator = random.Random(5)
    expected = {}
    for number, name in enumerate(names):
        window.image(name)
        left, top = generator.randint(20, 120), generator.randint(20, 90)
        box = (left, top, left + generator.randint(20, 90), top + generator.randint(20, 90))
        expected[name] = []
        if number != 3:  # an image without finding: saved empty
            window.draw(box, SIZE)
            expected[name] = [("Fractura", *box)]
        if number == 1:  # a copy, moved by arrows
            for key in ("Control+d", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowLeft"):
                window.key(key)
            expected[name].append(None)
        if number == 2:  # drawn by mistake
            window.draw((10, 10, 60, 50), SIZE)
            window.key("Delete")
        if number == 4:
            window.key("Space")
        if number == 5:  # zooming changes nothing of the boxes
            for key in ("Control++", "Control++", "Control+-", "Control+0"):
                window.key(key)
        if number == 6:
            for _ in range(5):
                window.key("ArrowUp")
            expected[name] = [("Fractura", box[0], box[1] - 5, box[2], box[3] - 5)]
        window.key("Control+s")
        window.saved()
        window.key("d")
    window.key("a")
    window.image(names[-2])
    return expected


def test_a_session_with_labelimgs_keys(chromium, tmp_path, quiet):
    """Ten images, nothing but LabelImg's keys and the drag after W; LabelImg reads the same boxes."""
    pytest.importorskip("libs.pascal_voc_io")
    folder = tmp_path / "images"
    names = write_images(folder, 10, SIZE)
    with opened(chromium, "label", folder, "--model", quiet) as window:
        expected = label_ten_images(window, names)
    for number, name in enumerate(names):
        shapes, verified = labelimg_shapes((folder / name).with_suffix(".xml"))
        if number == 1:
            first, copy = shapes
            assert [first, None] == expected[name]
            # the same shift across and down, then one pixel more each way
            assert len({copy[place] - first[place] for place in range(1, 5)}) == 1
        else:
            assert shapes == expected[name], name
        assert verified == (number == 4)


def test_keys_pressed_before_the_image_is_there_wait_for_it(label, images):
    folder, names = images
    window = label()
    window.image(names[0])
    for key in ("Control+s", "d", "Control+s", "d", "Control+s", "Space", "a"):
        window.key(key)
    window.image(names[1])
    window.saved()
    paths = [(folder / name).with_suffix(".xml") for name in names]
    window.eventually(lambda: all(path.exists() for path in paths))
    found = [read_voc_file(path) for path in paths]
    assert [(each.objects, each.verified) for each in found] == [((), False), ((), False), ((), True)]


@pytest.mark.parametrize("delay", [0, 190, 230])
def test_a_killed_server_costs_no_box(label, images, delay):
    """Killed about when the request goes out: the open window saves later, a closed one when the image is opened."""
    folder, names = images
    window = label()
    window.expected = UNREACHABLE
    window.image(names[0])
    window.draw((20, 30, 80, 90), SIZE)
    window.saved()
    window.draw((100, 50, 160, 120), SIZE)
    window.page.wait_for_timeout(delay)
    label.server.kill()
    window.draw((200, 100, 260, 200), SIZE)
    if delay != 190:  # closed while the server is away
        window.page.wait_for_timeout(50)
        window.page.close()
    label.server.start()
    if delay != 190:
        window = label()
        window.expected = UNREACHABLE
        window.image(names[0])
    window.saved()
    path = (folder / names[0]).with_suffix(".xml")
    wanted = [("Fractura", 20, 30, 80, 90), ("Fractura", 100, 50, 160, 120), ("Fractura", 200, 100, 260, 200)]
    assert boxes_of(path) == wanted
    window.page.reload()
    window.image(names[0])
    expect(window.page.locator("#boxes .box")).to_have_count(3)


def test_undo_redo_resize_class_difficult_and_comment(label, images):
    folder, names = images
    path = (folder / names[0]).with_suffix(".xml")
    (folder / "predefined_classes.txt").write_text("Fractura\nYeso\n", encoding="utf-8")
    window = label()
    window.image(names[0])
    window.draw((50, 40, 120, 100), SIZE)
    window.drag(window.at(120, 100, SIZE), window.at(140, 130, SIZE))  # the lower right corner
    window.drag(window.at(90, 60, SIZE), window.at(100, 80, SIZE))  # its middle
    window.saved()
    assert boxes_of(path) == [("Fractura", 60, 60, 150, 150)]
    window.key("2")
    window.key("q")
    window.page.locator("#comment").fill("Zweifel: línea fina")
    window.saved()
    (only,) = read_voc_file(path).objects
    assert (only.name, only.difficult) == ("Yeso", True)
    window.page.reload()
    window.image(names[0])
    assert window.page.locator("#comment").input_value() == "Zweifel: línea fina"
    window.page.locator("#stage").focus()
    window.key("n")
    window.key("Delete")
    window.page.wait_for_selector("#boxes .box", state="detached")
    window.key("Control+z")
    window.page.wait_for_selector("#boxes .box")
    window.key("Control+y")
    window.page.wait_for_selector("#boxes .box", state="detached")
    window.key("Control+z")
    window.saved()
    assert boxes_of(path) == [("Yeso", 60, 60, 150, 150)]


@pytest.mark.parametrize("ratio", [1, 2])
def test_boxes_do_not_depend_on_zoom_or_screen(chromium, tmp_path, quiet, ratio):
    """Zoomed and moved, on screens of 1 and 2 pixels a point: the same image pixels."""
    folder, size = tmp_path / "images", (1500, 1200)
    (name,) = write_images(folder, 1, size)
    with opened(chromium, "label", folder, "--model", quiet, size=(900, 700), ratio=ratio) as window:
        window.image(name)
        middle, left = window.at(750, 600, size), window.at(0, 600, size)
        for key in ("Control++",) * 9 + ("Control+-",) * 2:
            window.key(key)
        scale = (middle[0] - left[0]) / 750 * 1.25**9 * 0.8**2
        window.drag(middle, (middle[0] - 30 * scale, middle[1] - 24 * scale))  # the image follows the hand
        corners = [(middle[0] + (x - 780) * scale, middle[1] + (y - 624) * scale) for x, y in ((730, 590), (765, 612))]
        window.key("w")
        window.drag(*corners)
        window.saved()
    assert boxes_of((folder / name).with_suffix(".xml")) == [("Fractura", 730, 590, 765, 612)]


def test_two_windows_on_one_image(label, images):
    """Each learns of the other; the second to save decides, and nothing is overwritten unasked."""
    folder, names = images
    path = (folder / names[0]).with_suffix(".xml")
    first, second = label(), label()
    for window in (first, second):
        window.expected = ("409",)
        window.image(names[0])
    first.page.get_by_text("open in another window").wait_for()
    # the second has not heard of the first's save when it saves itself
    second.page.route("**/api/events", lambda route: route.abort())
    second.expected = ("409", "ERR_FAILED")
    second.page.reload()
    second.image(names[0])
    first.draw((20, 20, 90, 80), SIZE)
    first.saved()
    second.draw((150, 100, 220, 190), SIZE)
    dialog = second.page.get_by_role("dialog")
    dialog.wait_for()
    assert boxes_of(path) == [("Fractura", 20, 20, 90, 80)]
    dialog.get_by_role("button", name="Keep the boxes of both").click()
    second.saved()
    assert sorted(boxes_of(path)) == [("Fractura", 20, 20, 90, 80), ("Fractura", 150, 100, 220, 190)]
    # the first hears of it and shows both
    first.page.locator("#boxes .box").nth(1).wait_for()


def test_a_draft_of_an_image_that_was_changed_meanwhile_asks(label, images):
    """Drawn while the server was dead, the window closed, the file then changed by another program."""
    folder, names = images
    path = (folder / names[0]).with_suffix(".xml")
    window = label()
    window.expected = UNREACHABLE
    window.image(names[0])
    label.server.kill()
    window.draw((20, 30, 80, 90), SIZE)
    window.page.close()
    box = labelimg_object("Fractura", (100, 100, 150, 140), *SIZE)
    write_voc_file(VocAnnotation(names[0], *SIZE, objects=(box,)), path)
    label.server.start()
    window = label()
    window.expected = ("409",)
    dialog = window.page.get_by_role("dialog")
    dialog.wait_for()
    window.page.locator("#save-state.conflict").wait_for()
    assert boxes_of(path) == [("Fractura", 100, 100, 150, 140)]
    dialog.get_by_role("button", name="Keep my version").click()
    window.saved()
    assert boxes_of(path) == [("Fractura", 20, 30, 80, 90)]
    # taken away and brought back, each with a backup
    window.page.get_by_text("Image", exact=True).click()
    window.page.get_by_role("button", name="Delete the labels").click()
    window.page.locator("#save-state.new").wait_for()
    assert not path.exists()
    window.page.get_by_role("button", name="Restore the previous version").click()
    window.saved()
    assert boxes_of(path) == [("Fractura", 20, 30, 80, 90)]


def test_a_malformed_file_is_shown_and_never_touched(label, images):
    folder, names = images
    path = (folder / names[1]).with_suffix(".xml")
    damaged = b"<annotation><object><name>Fractura</name>"
    path.write_bytes(damaged)
    window = label()
    window.expected = ("409",)
    window.image(names[0])
    window.key("d")
    window.page.get_by_text("is damaged and is left untouched").wait_for()
    window.key("w")
    window.drag(window.at(40, 40, SIZE), window.at(90, 90, SIZE))
    for key in ("Space", "Control+s", "Delete"):
        window.key(key)
    window.page.wait_for_timeout(400)
    assert path.read_bytes() == damaged
    assert "<object>" in window.page.locator("#stage-problem pre").inner_text()
    # put right by hand, it is read again by itself
    path.write_text("<annotation><size><width>300</width><height>240</height></size></annotation>", encoding="utf-8")
    window.page.locator("#stage-problem").wait_for(state="hidden")


def test_keyboard_alone_makes_and_moves_a_box(label, images):
    folder, names = images
    window = label()
    window.image(names[0])
    window.key("Shift+w")
    for key in ("Shift+ArrowRight", "ArrowUp", "Alt+ArrowRight"):
        window.key(key)
    window.saved()
    ((_, left, top, right, bottom),) = boxes_of((folder / names[0]).with_suffix(".xml"))
    assert (right - left) - (bottom - top) == 1
    assert abs((left + right) / 2 - (SIZE[0] / 2 + 10)) <= 1
    assert abs((top + bottom) / 2 - (SIZE[1] / 2 - 1)) <= 1


BREAKS_OFF = """() => {
  const read = Response.prototype.json;
  Response.prototype.json = async function () {
    if (!window.brokenOff && this.url.includes("/api/annotations/")) {
      window.brokenOff = true;
      throw new TypeError("Failed to fetch");
    }
    return read.call(this);
  };
}"""
"""The first answer to a save ends in its middle, as when the server dies while it speaks."""


def test_an_answer_that_breaks_off_is_asked_for_again(label, images):
    folder, names = images
    window = label()
    window.image(names[0])
    window.expected = ("409",)  # the retry finds the file that it wrote itself
    window.page.evaluate(BREAKS_OFF)
    window.draw((20, 30, 80, 90), SIZE)
    window.saved()
    assert window.page.evaluate("window.brokenOff")
    assert boxes_of((folder / names[0]).with_suffix(".xml")) == [("Fractura", 20, 30, 80, 90)]
    window.key("d")
    window.image(names[1])


def test_a_list_that_was_not_answered_is_asked_for_again(chromium, tmp_path, quiet):
    """The second page of the list fails once; the keys keep working and the next request brings the rows."""
    folder = tmp_path / "many"
    names = write_images(folder, 1, (40, 30))
    first = (folder / names[0]).read_bytes()
    for number in range(1, 450):
        (folder / f"image_{number:03}.png").write_bytes(first)
    with opened(chromium, "label", folder, "--model", quiet) as window:
        window.expected = ("ERR_FAILED",)
        refused = []

        def refuse_once(route):
            refused.append(route.request.url)
            route.abort() if len(refused) == 1 else route.continue_()

        window.page.locator('#stage[aria-busy="false"]').wait_for()
        window.page.route("**/api/images?*offset=400*", refuse_once)
        images = window.page.locator("#images")
        images.evaluate("list => { list.scrollTop = list.scrollHeight; }")
        window.page.get_by_text("the server does not respond").first.wait_for()
        images.evaluate("list => { list.scrollTop -= 60; }")
        window.page.get_by_text("image_449.png").wait_for()
        assert len(refused) == 2
