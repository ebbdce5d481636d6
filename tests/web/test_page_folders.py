"""Folders in a real browser: images in subfolders."""

from playwright.sync_api import expect
from support.page_driver import opened, write_images
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
        cut = rows.first.locator("span").evaluate_all("all => all.map((each) => each.scrollWidth > each.clientWidth)")
        assert cut == [True, False]
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
