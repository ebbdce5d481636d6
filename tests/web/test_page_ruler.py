"""The ruler: pixels, and millimetres where a DICOM says how large its pixels are."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from support.dicom_images import dicom
from support.page_driver import opened, write_images
from support.tiny_models import CARD, write_tiny_onnx

SIZE = (300, 240)
ROWS_FIRST = ["0.2", "0.1"]
DICOMS = {
    "calibrated.dcm": {"PixelSpacing": ROWS_FIRST, "PixelSpacingCalibrationType": "FIDUCIAL"},
    "detector.dcm": {"ImagerPixelSpacing": ROWS_FIRST},
    "unknown.dcm": {"PixelSpacing": ROWS_FIRST},
}


@pytest.fixture(name="view")
def view_fixture(chromium, tmp_path):
    """A window on an image without a scale and on three DICOM images; a model that suggests nothing."""
    folder = tmp_path / "images"
    write_images(folder, 1, SIZE)
    for name, elements in DICOMS.items():
        values = np.full(SIZE[::-1], 900, np.uint16)
        (folder / name).write_bytes(dicom(values, bits=12, WindowCenter=1000, WindowWidth=900, **elements))
    card = CARD.model_copy(update={"class_names": ("Fractura",)})
    quiet = write_tiny_onnx(tmp_path / "quiet.onnx", card=card, shares=((0, 0, 0.1, 0.1),), scores=(0.06,), labels=(0,))
    with opened(chromium, "label", folder, "--model", quiet) as window:
        window.folder = folder
        window.image("calibrated.dcm")
        yield window


def measure(view, start, end):
    view.drag(view.at(*start, SIZE), view.at(*end, SIZE))


def show(view, name):
    view.page.locator("#images").get_by_text(name).click()
    view.image(name)


def lengths(view, words):
    """The numbers that the status gives in these words; a pointer lies on whole points of the screen."""
    expect(view.page.locator("#stage-status")).to_contain_text(words.split("%")[-1])
    (said,) = (part for part in view.page.locator("#stage-status").inner_text().split("  ·  ") if " px" in part)
    found = re.fullmatch(re.escape(words).replace("%", r"(\d+[.,]\d)"), said)
    assert found, said
    return [float(number.replace(",", ".")) for number in found.groups()]


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        # 60 pixels across of 0.1 mm, 80 down of 0.2 mm
        ("calibrated.dcm", "% px = % mm (Pixel Spacing, calibrated)", [100, 17.1]),
        ("detector.dcm", "% px = % mm at the detector (Imager Pixel Spacing), less in the body", [100, 17.1]),
        ("unknown.dcm", "% px = % mm (Pixel Spacing; not known whether calibrated)", [100, 17.1]),
        ("image_00.png", "% px", [100]),
    ],
)
def test_a_distance(view, name, words, expected):
    show(view, name)
    view.key("u")
    measure(view, (50, 40), (110, 120))
    assert lengths(view, words) == pytest.approx(expected, abs=0.5)
    assert view.page.locator("#spoken").inner_text() in view.page.locator("#stage-status").inner_text()
    # a line ends at the edge of the image
    measure(view, (50, 200), (320, 200))
    assert lengths(view, words)[0] == pytest.approx(250, abs=0.5)
    view.key("Escape")
    expect(view.page.locator("#stage-status")).not_to_contain_text("px")


def test_rotated_and_in_spanish_it_is_the_same_distance(view):
    view.page.locator("#language").click()
    view.page.locator("#stage").focus()
    view.key("t")
    view.key("u")
    # (50, 40) and (110, 120) of the image, a quarter turn clockwise
    view.drag(*(view.at(SIZE[1] - y, x, SIZE[::-1]) for x, y in ((50, 40), (110, 120))))
    assert lengths(view, "% px = % mm (Pixel Spacing, calibrado)") == pytest.approx([100, 17.1], abs=0.5)


def test_measuring_draws_no_box_and_the_next_image_has_no_line(view):
    view.page.get_by_role("button", name="More tools").click()
    view.page.get_by_role("button", name="Ruler").click()
    measure(view, (50, 40), (110, 120))
    view.key("d")
    view.image("detector.dcm")
    expect(view.page.locator("#stage-status")).not_to_contain_text("px")
    measure(view, (10, 10), (40, 50))
    expect(view.page.locator("#stage-status")).to_contain_text(" px")
    # drawing takes over from measuring
    view.draw((40, 60, 110, 200), SIZE)
    view.saved()
    expect(view.page.locator("#stage-status")).not_to_contain_text("px")
    assert [path.name for path in view.folder.glob("*.xml")] == ["detector.xml"]
