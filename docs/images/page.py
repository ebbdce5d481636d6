"""Takes the pictures of docs/guide/page.md: phantoms in the page, with the model of `make demo`.

Usage: python docs/images/page.py DEMO_FOLDER
"""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).parent
FILMS = ("00000", "00002", "00003", "00006", "00007", "00008", "00015", "00023")
LABELLED = ("00000", "00003", "00007")
SIZE = {"width": 1280, "height": 760}
MARGIN = 12
"""Pixels between a film that is shown whole and the edge of its stage."""


@contextlib.contextmanager
def served(*words: str | Path) -> Iterator[str]:
    """The address of a running `fractura label` or `fractura serve`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "fractura", *map(str, words), "--no-browser", "--port", str(port)]
    address = f"http://127.0.0.1:{port}/"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(address + "healthz"):
                yield address
                break
            time.sleep(0.1)
        process.terminate()


def take(page: Page, name: str) -> None:
    """One picture, once nothing moves."""
    page.locator('#stage[aria-busy="false"]').or_(page.locator("#detect:not([hidden])")).first.wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(500)
    page.screenshot(path=HERE / f"page-{name}.png")


def open_film(page: Page, film: str) -> None:
    """Show one film of the list."""
    page.locator("#images").get_by_text(f"phantom_{film}.jpg").click()
    page.locator("#image-name").get_by_text(f"phantom_{film}.jpg").wait_for()
    page.locator('#stage[aria-busy="false"]').wait_for()


def draw(page: Page, annotation: Path) -> None:
    """The first box of a Pascal VOC file, with W and the mouse."""
    root = ElementTree.parse(annotation).getroot()
    width, height = (float(root.findtext(f"size/{side}", "")) for side in ("width", "height"))
    corners = [float(root.findtext(f"object/bndbox/{tag}", "")) for tag in ("xmin", "ymin", "xmax", "ymax")]
    stage = page.locator("#stage").bounding_box() or {}
    scale = min((stage["width"] - 2 * MARGIN) / width, (stage["height"] - 2 * MARGIN) / height)
    left = stage["x"] + (stage["width"] - width * scale) / 2
    top = stage["y"] + (stage["height"] - height * scale) / 2
    page.keyboard.press("w")
    page.mouse.move(left + corners[0] * scale, top + corners[1] * scale)
    page.mouse.down()
    page.mouse.move(left + corners[2] * scale, top + corners[3] * scale, steps=3)
    page.mouse.up()
    page.locator("#save-state.saved").wait_for()


def compare(page: Page) -> None:
    """A second film beside the first, and a distance that is measured on the first."""
    page.keyboard.press("b")
    page.locator("#second-image").select_option(label="phantom_00007.jpg")
    page.locator("#second-status").get_by_text("%").wait_for()
    page.locator("#stage").focus()
    page.keyboard.press("u")
    stage = page.locator("#stage").bounding_box() or {}
    page.mouse.move(stage["x"] + 0.35 * stage["width"], stage["y"] + 0.35 * stage["height"])
    page.mouse.down()
    page.mouse.move(stage["x"] + 0.65 * stage["width"], stage["y"] + 0.45 * stage["height"], steps=3)
    page.mouse.up()
    take(page, "compare")
    page.keyboard.press("u")
    page.keyboard.press("b")


def label(page: Page, annotations: Path) -> None:
    """Draw a box, let the model look at all films, then the same in Spanish and on a telephone."""
    open_film(page, "00006")
    draw(page, annotations / "phantom_00006.xml")
    take(page, "label")
    compare(page)
    page.locator("#suggest-run").click()
    page.locator("#images .dot.suggested").nth(len(FILMS) - len(LABELLED) - 2).wait_for(timeout=120_000)
    page.locator("#image-order").select_option(index=1)
    open_film(page, "00015")
    page.locator("#suggestions button").first.wait_for()
    take(page, "suggest")
    page.locator("#image-order").select_option(index=0)
    page.locator("#language").click()
    page.locator("#theme").click()
    open_film(page, "00000")
    take(page, "light-es")
    page.locator("#language").click()
    page.locator("#theme").click()
    page.set_viewport_size({"width": 400, "height": 760})
    take(page, "narrow")


def detect(page: Page, films: list[Path], annotations: Path) -> None:
    """Films dropped with their labels; the model beside the ground truth."""
    page.locator("#chooser").set_input_files([*films, *(annotations / f"{film.stem}.xml" for film in films)])
    page.locator("#dropped .dot.done").nth(len(films) - 1).wait_for(timeout=120_000)
    page.locator("#dropped").get_by_text("phantom_00006.jpg").click()
    page.keyboard.press("g")
    take(page, "detect")


def main(demo: Path) -> None:
    """Write the pictures beside this file; only phantoms may be seen on them."""
    images, annotations = demo / "data" / "val" / "images", demo / "data" / "val" / "annotations"
    model = demo / "model" / "model.onnx"
    with tempfile.TemporaryDirectory() as work, sync_playwright() as playwright:
        folder = Path(work) / "phantoms"
        folder.mkdir()
        films = [Path(shutil.copy(images / f"phantom_{number}.jpg", folder)) for number in FILMS]
        for number in LABELLED:
            shutil.copy(annotations / f"phantom_{number}.xml", folder)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        with served("label", folder, "--model", model) as address:
            page = browser.new_page(viewport=SIZE, color_scheme="dark", locale="en-US")
            page.goto(address)
            label(page, annotations)
        with served("serve", "--model", model) as address:
            page = browser.new_page(viewport=SIZE, color_scheme="dark", locale="en-US")
            page.goto(address)
            detect(page, films[:5], annotations)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
