"""Folders in a real browser: images in subfolders, opening another folder, an empty one."""

import shutil

import pytest
from playwright.sync_api import expect
from support.page_driver import Server, WatchedPage, opened, write_images
from support.tiny_models import write_tiny_onnx

from fractura.formats.voc import read_voc_file

SIZE = (300, 240)


def test_images_in_subfolders_are_listed_with_their_path_and_labelled_beside_themselves(chromium, tmp_path):
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE)
    for patient in ("patient 7", "a very long name of a folder with the name of a patient"):
        write_images(folder / patient, 1, SIZE, classes=())
    with opened(chromium, "label", folder, "--model", write_tiny_onnx(tmp_path / "tiny.onnx")) as window:
        page = window.page
        rows = page.locator("#images .row .name")
        expect(rows).to_have_text(
            [
                "a very long name of a folder with the name of a patient/image_00.png",
                "image_00.png",
                "patient 7/image_00.png",
            ]
        )
        # the folder is cut, not the name of the file
        page.wait_for_function(
            "() => [...document.querySelector('#images .row .name').querySelectorAll('span')]"
            ".map((each) => each.scrollWidth > each.clientWidth).join() === 'true,false'"
        )
        rows.nth(2).click()
        window.image("patient 7/image_00.png")
        window.draw((180, 150, 240, 220), SIZE)
        window.saved()
        (box,) = read_voc_file(folder / "patient 7" / "image_00.xml").objects
        assert box.corners == (180, 150, 240, 220)
        assert sorted(path.name for path in folder.rglob("*.xml")) == ["image_00.xml"]
        page.reload()
        window.image("patient 7/image_00.png")
        expect(page.locator("#boxes .box")).to_have_count(1)


@pytest.fixture(name="two")
def two_fixture(tmp_path):
    """Two folders with an image of the same name, and the arguments of a server on the first."""
    for name in ("first", "second"):
        write_images(tmp_path / "root" / name, 1, SIZE)
    write_images(tmp_path / "root" / "second" / "deeper", 1, SIZE, classes=())
    (tmp_path / "root" / "empty").mkdir()
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    return tmp_path / "root", (
        "label",
        tmp_path / "root" / "first",
        "--model",
        model,
        "--open-below",
        tmp_path / "root",
    )


def go_to(window, *names, words=("Open folder", "Open")):
    """Open the folder reached from the one around the present one."""
    window.page.get_by_role("button", name=words[0]).click()
    dialog = window.page.get_by_role("dialog")
    for name in names:
        dialog.locator(".folders").get_by_role("button", name=name, exact=True).click()
    with window.page.expect_navigation():
        dialog.get_by_role("button", name=f"{words[1]} {'“' if words[1] == 'Open' else '«'}{names[-1]}").click()


def corners(path):
    return [each.corners for each in read_voc_file(path).objects]


def test_another_folder_is_opened_and_nothing_drawn_in_the_first_is_lost(chromium, two):
    root, arguments = two
    with opened(chromium, *arguments) as window:
        page = window.page
        window.image("image_00.png")
        window.draw((180, 150, 240, 220), SIZE)
        go_to(window, "second")  # before the box is saved by itself
        expect(page.locator("#folder")).to_have_text("second")
        window.image("deeper/image_00.png")
        assert corners(root / "first" / "image_00.xml") == [(180, 150, 240, 220)]
        assert not list((root / "second").rglob("*.xml"))
        window.draw((20, 30, 80, 90), SIZE)
        window.saved()
        assert corners(root / "second" / "deeper" / "image_00.xml") == [(20, 30, 80, 90)]
        # with LabelImg's key; down and up the trail, and away again
        window.key("Control+u")
        dialog = page.get_by_role("dialog")
        dialog.locator(".folders").get_by_role("button", name="second").click()
        expect(dialog.locator(".folders button")).to_have_text(["deeper"])
        expect(dialog.get_by_text("Images right in this folder: 1")).to_be_visible()
        dialog.locator(".trail").get_by_role("button", name="root").click()
        expect(dialog.locator(".folders button")).to_have_text(["empty", "first", "second"])
        window.key("Escape")
        expect(dialog).to_have_count(0)
        go_to(window, "first")
        window.image("image_00.png")
        expect(page.locator("#boxes .box")).to_have_count(1)


def test_the_other_window_follows_and_its_unsaved_box_is_kept_for_its_folder(chromium, two):
    root, arguments = two
    server = Server(*arguments)
    context = chromium.new_context(viewport={"width": 1200, "height": 800}, locale="en-US")
    try:
        first, second = WatchedPage(context, server), WatchedPage(context, server)
        for window in (first, second):
            window.expected = ("404", "409", "ERR_ABORTED")
            window.image("image_00.png")
        # its requests to save do not arrive: the box stays in the browser
        first.page.route(
            "**/api/annotations/*",
            lambda route: route.abort() if route.request.method == "PUT" else route.continue_(),
        )
        first.expected += ("ERR_FAILED",)
        first.draw((180, 150, 240, 220), SIZE)
        first.page.locator("#save-state.unreachable").wait_for()
        with first.page.expect_navigation():
            go_to(second, "second")
        for window in (first, second):
            window.image("deeper/image_00.png")
            expect(window.page.locator("#boxes .box")).to_have_count(0)
        assert not list(root.rglob("*.xml"))
        first.page.unroute_all()
        with second.page.expect_navigation():
            go_to(first, "first")
        first.image("image_00.png")
        first.saved()
        assert corners(root / "first" / "image_00.xml") == [(180, 150, 240, 220)]
        first.check()
        second.check()
    finally:
        context.close()
        server.stop()


def test_an_empty_folder_shows_a_way_on(chromium, two):
    root, arguments = two
    with opened(chromium, *arguments) as window:
        page = window.page
        window.image("image_00.png")
        way = page.locator("#no-images")
        expect(way).to_be_hidden()
        page.locator("#image-search").fill("nothing is called this")
        page.get_by_text("No matching images").wait_for()
        expect(way).to_be_hidden()
        page.locator("#image-search").fill("")
        go_to(window, "empty")
        expect(way).to_contain_text("No images in “empty”")
        expect(way).to_contain_text("JPEG, PNG, TIFF, BMP, WebP, HEIC and DICOM")
        expect(way).to_contain_text("they appear here by themselves")
        page.locator("#language").click()
        expect(way).to_contain_text("No hay radiografías en «empty»")
        way.get_by_role("button", name="Abrir carpeta").click()
        page.get_by_role("dialog", name="Abrir una carpeta").wait_for()
        window.key("Escape")
        shutil.copy(root / "first" / "image_00.png", root / "empty" / "x-ray.png")
        window.image("x-ray.png")
        expect(way).to_be_hidden()


def test_a_server_for_others_offers_no_folders(chromium, two, monkeypatch):
    root, arguments = two
    monkeypatch.setenv("FRACTURA_TOKEN", "a-long-and-secret-token")
    (root / "first" / "image_00.png").unlink()
    with opened(chromium, *arguments[:-2], "--host", "0.0.0.0", path="?token=a-long-and-secret-token") as window:
        way = window.page.locator("#no-images")
        expect(way).to_contain_text("No images in “first”")
        expect(window.page.get_by_role("button", name="Open folder")).to_have_count(0)
        window.key("Control+u")
        window.page.get_by_text("only on the machine that has them").wait_for()
