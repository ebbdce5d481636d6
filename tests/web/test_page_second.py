"""Two images side by side: those of one patient by themselves, any by choice; the second one is read-only."""

import shutil

import numpy as np
import pytest
from playwright.sync_api import expect
from support.dicom_images import dicom
from support.page_driver import opened, write_images
from support.tiny_models import CARD, write_tiny_onnx

from fractura.formats.voc import VocAnnotation, labelimg_object, read_voc_file, write_voc_file

SIZE = (300, 240)
FILES = {
    "a_ap.dcm": {"PatientID": "1", "StudyInstanceUID": "1.2.3.1"},
    "a_lateral.dcm": {"PatientID": "1", "StudyInstanceUID": "1.2.3.1"},
    "a_later.dcm": {"PatientID": "1", "StudyInstanceUID": "1.2.3.2"},
    "b_alone.dcm": {"PatientID": "2", "StudyInstanceUID": "1.2.3.3"},
}
CHOICE, NOTE = "#second-image", "#second-note"


@pytest.fixture(name="view")
def view_fixture(chromium, tmp_path):
    """A window on four DICOM images, of which one has a box, and three without a patient; no suggestions."""
    folder = tmp_path / "images"
    write_images(folder, 3, SIZE)
    for name, elements in FILES.items():
        values = np.full(SIZE[::-1], 900, np.uint16)
        (folder / name).write_bytes(dicom(values, bits=12, WindowCenter=1000, WindowWidth=900, **elements))
    box = labelimg_object("Fractura", (20, 20, 90, 80), *SIZE)
    write_voc_file(VocAnnotation("a_lateral.dcm", *SIZE, objects=(box,)), folder / "a_lateral.xml")
    card = CARD.model_copy(update={"class_names": ("Fractura",)})
    quiet = write_tiny_onnx(tmp_path / "quiet.onnx", card=card, shares=((0, 0, 0.1, 0.1),), scores=(0.06,), labels=(0,))
    with opened(chromium, "label", folder, "--model", quiet) as window:
        window.folder = folder
        window.image("a_ap.dcm")
        yield window


def show(view, name):
    view.page.locator("#images").get_by_text(name, exact=True).click()
    view.image(name)


def second(view, name):
    """Wait until this image is shown beside the first one."""
    chosen = view.page.locator(f"{CHOICE} option:checked")
    expect(chosen).to_have_text(name)
    expect(view.page.locator("#second-status")).to_contain_text("%")


def groups(view):
    return view.page.locator(CHOICE).evaluate(
        "list => [...list.querySelectorAll('optgroup')].map((group) => "
        "[group.label, ...[...group.children].map((option) => option.textContent)])"
    )


def test_of_a_dicom_image_it_is_another_one_of_the_patient(view):
    view.page.get_by_role("button", name="More tools").click()
    view.page.get_by_role("button", name="Second image at its side").click()
    second(view, "a_lateral.dcm")
    assert groups(view) == [
        ["Same study", "a_lateral.dcm"],
        ["Same patient", "a_later.dcm"],
        ["Other images", "b_alone.dcm", "image_00.png", "image_01.png", "image_02.png"],
    ]
    # what is chosen stays as long as it belongs to the patient
    view.page.locator(CHOICE).select_option(label="a_later.dcm")
    second(view, "a_later.dcm")
    show(view, "a_lateral.dcm")
    second(view, "a_later.dcm")
    show(view, "a_later.dcm")
    second(view, "a_ap.dcm")
    # never the image of another patient, unasked
    show(view, "b_alone.dcm")
    expect(view.page.locator(NOTE)).to_have_text("There is no other image of this patient: choose one above.")
    expect(view.page.locator("#second-status")).to_have_text("")
    show(view, "a_ap.dcm")
    second(view, "a_lateral.dcm")
    view.page.locator(CHOICE).select_option(label="a_later.dcm")
    second(view, "a_later.dcm")
    show(view, "image_00.png")
    expect(view.page.locator(NOTE)).to_contain_text("does not say whose image it is")
    expect(view.page.locator("#second-status")).to_have_text("")
    view.key("b")
    expect(view.page.locator("#second")).to_be_hidden()


def test_without_a_patient_the_user_chooses_and_the_choice_stays(view):
    show(view, "image_00.png")
    view.key("b")
    expect(view.page.locator(NOTE)).to_contain_text("does not say whose image it is")
    view.page.locator("#second-search").fill("_02")
    expect(view.page.locator(f"{CHOICE} option")).to_have_text(["No image chosen", "image_02.png"])
    view.page.locator(CHOICE).select_option(label="image_02.png")
    second(view, "image_02.png")
    show(view, "image_01.png")
    second(view, "image_02.png")
    # the two change places, rather than one being shown twice
    show(view, "image_02.png")
    second(view, "image_01.png")
    view.page.get_by_role("button", name="Close the second image").click()
    expect(view.page.locator("#second")).to_be_hidden()


def test_it_is_moved_by_itself_and_changes_nothing(view):
    view.key("b")
    second(view, "a_lateral.dcm")
    before = (view.folder / "a_lateral.xml").read_bytes()
    box = view.page.locator("#second-stage").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    first_scale = view.page.locator("#stage-status").inner_text()
    scale = view.page.locator("#second-status").inner_text()
    view.page.mouse.move(*middle)
    view.page.mouse.wheel(0, -300)
    expect(view.page.locator("#second-status")).not_to_contain_text(scale)
    # the box of the second image can be neither drawn nor moved
    view.drag(view.at(55, 50, SIZE, "#second-stage"), middle)
    view.page.keyboard.press("f")
    view.page.keyboard.press("t")
    expect(view.page.locator("#second-status")).to_contain_text("rotated by 90°")
    assert view.page.locator("#stage-status").inner_text() == first_scale
    # boxes are drawn on the first one, with its own pixels
    view.draw((40, 60, 110, 200), SIZE)
    view.saved()
    (only,) = read_voc_file(view.folder / "a_ap.xml").objects
    assert tuple(map(int, only.corners)) == (40, 60, 110, 200)
    assert (view.folder / "a_lateral.xml").read_bytes() == before
    assert sorted(path.name for path in view.folder.glob("*.xml")) == ["a_ap.xml", "a_lateral.xml"]


def test_on_a_phone_the_second_image_is_below_the_first(chromium, view, tmp_path):
    folder = shutil.copytree(view.folder, tmp_path / "phone")  # the other one is in use
    with opened(chromium, "label", folder, "--model", "built-in", size=(390, 844), phone=True) as window:
        window.image("a_ap.dcm")
        window.page.get_by_role("button", name="More tools").click()
        window.page.get_by_role("button", name="Second image at its side").click()
        second(window, "a_lateral.dcm")
        first, other = (window.page.locator(name).bounding_box() for name in ("#stage", "#second-stage"))
        assert other["y"] >= first["y"] + first["height"]
        assert min(first["width"], other["width"]) > 380
        for control in window.page.locator("#second select, #second input, #second button").all():
            size = control.bounding_box()
            assert min(size["width"], size["height"]) >= 44
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
