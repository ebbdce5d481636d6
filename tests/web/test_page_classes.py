"""The list of classes in a real browser: read from the file, written only where somebody wants it kept."""

from playwright.sync_api import expect
from support.page_driver import opened, write_images
from support.tiny_models import write_tiny_onnx

from fractura.formats.voc import read_voc_file

SIZE = (300, 240)


def test_a_new_class_is_kept_in_the_list_by_a_decision(chromium, tmp_path):
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE, classes=())
    named = tmp_path / "ours.txt"
    named.write_text("Yeso\nFractura\n", encoding="utf-8")
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    with opened(chromium, "label", folder, "--model", model, "--classes", named) as window:
        page = window.page
        window.image("image_00.png")
        palette = page.locator("#classes .class .name")
        expect(palette).to_have_text(["Yeso", "Fractura", "fracture", "cast"])

        def new_class(name, *, keep):
            page.get_by_role("button", name="New class").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_role("textbox").fill(name)
            if keep:
                dialog.get_by_label("Keep it in the list of classes (ours.txt)").check()
            dialog.get_by_role("button", name="Add").click()
            expect(page.locator("#classes .class[aria-pressed=true]")).to_contain_text(name)

        new_class("Callo", keep=False)
        window.draw((20, 150, 90, 220), SIZE)
        window.saved()
        window.key("Escape")  # or the new class would be that of the box just drawn
        assert named.read_text(encoding="utf-8") == "Yeso\nFractura\n"
        with page.expect_response(lambda answer: answer.request.method == "POST" and "classes" in answer.url):
            new_class("Luxación", keep=True)
        expect(palette).to_have_text(["Yeso", "Fractura", "Luxación", "Callo", "fracture", "cast"])
        assert named.read_text(encoding="utf-8") == "Yeso\nFractura\nLuxación\n"
        assert not (folder / "predefined_classes.txt").exists()
        window.key("3")
        window.draw((180, 150, 240, 220), SIZE)
        window.saved()
    drawn = [each.name for each in read_voc_file(folder / "image_00.xml").objects]
    assert drawn == ["Callo", "Luxación"]


def test_the_question_is_asked_in_spanish_and_a_refusal_is_said(chromium, tmp_path):
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE, classes=())
    (folder / "predefined_classes.txt").write_bytes("Fractura\n".encode("utf-16"))
    with opened(chromium, "label", folder, "--model", write_tiny_onnx(tmp_path / "tiny.onnx")) as window:
        page = window.page
        window.expected = ("409",)
        window.image("image_00.png")
        page.locator("#language").click()
        page.get_by_role("button", name="Clase nueva").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("textbox").fill("Callo")
        dialog.get_by_label("Conservarla en la lista de clases (predefined_classes.txt)").check()
        dialog.get_by_role("button", name="Añadir").click()
        page.get_by_text("La lista de clases no está en UTF-8").wait_for()
        expect(page.locator("#classes .class[aria-pressed=true]")).to_contain_text("Callo")
