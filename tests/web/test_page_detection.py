"""Suggestions and dropped images in a real browser, with a tiny real model."""

import base64
import io
import json
import re
import zipfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from support.dicom_images import dicom
from support.page_driver import opened, write_images
from support.tiny_models import CARD, write_tiny_onnx

import fractura
from fractura import load_model
from fractura.evaluation import MAIN_CRITERION
from fractura.formats.voc import VocAnnotation, labelimg_object, read_voc_file, write_voc_file

SIZE = (300, 240)
PAGE = Path(fractura.__file__).parent / "web" / "page"
# what tiny_models says, as shares of the image: scores 0.9, 0.5 and 0.3; its threshold is 0.4
BEST = (30, 48, 150, 144)


@pytest.fixture(name="window")
def window_fixture(chromium):
    """A function that starts a server and opens a window on it."""
    with ExitStack() as stack:
        yield lambda *arguments, **how: stack.enter_context(opened(chromium, *arguments, **how))


@pytest.fixture(name="model")
def model_fixture(tmp_path):
    return write_tiny_onnx(tmp_path / "tiny.onnx")


def drop(page, files):
    """Drop files on the page, as from a file manager."""
    contents = [(name, base64.b64encode(data).decode()) for name, data in files.items()]
    transfer = page.evaluate_handle(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, text] of files) {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            return transfer;
        }""",
        contents,
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def png():
    data = io.BytesIO()
    Image.fromarray(np.full((SIZE[1], SIZE[0]), 60, np.uint8)).save(data, "PNG")
    return data.getvalue()


def layer_is_painted(window, x, y):
    """Whether the layer above the image has colour at this place of the window."""
    return window.page.evaluate(
        """([x, y]) => {
            const layer = document.querySelector('#detect-stage .layer');
            const place = layer.getBoundingClientRect();
            const at = [Math.round(x - place.x), Math.round(y - place.y)];
            return layer.getContext('2d').getImageData(...at, 1, 1).data[3] > 0;
        }""",
        [x, y],
    )


def test_dropped_images_show_boxes_and_are_exported(window, model, tmp_path):
    grey = np.tile(np.linspace(0, 4095, SIZE[0]).astype(np.uint16), (SIZE[1], 1))
    ground_truth = tmp_path / "image.xml"
    box = labelimg_object("fracture", (60, 60, 90, 100), *SIZE)
    write_voc_file(VocAnnotation("image.png", *SIZE, objects=(box,)), ground_truth)
    view = window("serve", "--model", model)
    page = view.page
    page.get_by_text("Drop images here").wait_for()
    drop(
        page,
        {"image.png": png(), "image.xml": ground_truth.read_bytes(), "x.dcm": dicom(grey, bits=12), "notes.txt": b"no"},
    )
    page.get_by_text("3 of 3 images").wait_for()
    expect(page.locator(".drop")).to_have_count(3)
    page.get_by_text(re.compile("The image cannot be read")).first.wait_for()
    # the DICOM: two detections above the model's threshold, drawn where the model says
    page.get_by_role("button", name=re.compile(r"^x\.dcm")).click()
    page.get_by_text("DICOM", exact=False).first.wait_for()
    detections = page.locator("#detections .detection-row")
    expect(detections).to_have_count(2)
    corner = view.at(BEST[0], (BEST[1] + BEST[3]) / 2, SIZE, "#detect-stage")
    view.eventually(lambda: layer_is_painted(view, *corner))
    assert not layer_is_painted(view, *view.at(270, 30, SIZE, "#detect-stage"))
    # the window is drawn by the server for an image of more than 8 bits
    with page.expect_request(re.compile(r"/picture\?centre=.*width=")):
        view.drag(view.at(200, 200, SIZE, "#detect-stage"), view.at(240, 210, SIZE, "#detect-stage"), button="right")
    # the threshold, by keys: 0.4 -> 0.3 shows the third, -> 0.55 only the best
    for key, count in (("[", 2), ("[", 3), ("]", 2), ("]", 2), ("]", 2), ("]", 2), ("]", 1)):
        view.key(key)
        expect(detections, key).to_have_count(count)
    with page.expect_download() as saved:
        page.get_by_role("button", name="JSON").click()
    images = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))["images"]
    assert [len(image["detections"]) for image in images] == [1, 0, 1]
    assert [image["error"] and image["error"]["code"] for image in images] == [None, "image_unreadable", None]
    with page.expect_download() as saved:
        page.get_by_role("button", name="VOC").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.namelist() == ["image.xml", "x.xml", "unread.csv"]
    # side by side with the ground truth
    page.get_by_role("button", name=re.compile(r"^image\.png")).click()
    page.locator("#detect-stage").focus()
    view.key("g")
    page.locator("#ground-truth-stage").wait_for()
    page.locator("#detect-stage").focus()
    view.key("Delete")
    page.get_by_text("2 of 2 images").wait_for()


def test_an_image_of_another_kind_is_warned_about_in_both_languages(window, tmp_path):
    card = CARD.model_copy(update={"domain": load_model("built-in").card.domain})
    folder = tmp_path / "images"
    names = write_images(folder, 1, SIZE, classes=("fracture", "cast"))
    view = window("label", folder, "--model", write_tiny_onnx(tmp_path / "knowing.onnx", card=card))
    view.image(names[0])
    warning = "outside what this model was trained on: it does not resemble the training images"
    view.page.locator("#notes").get_by_text(warning).wait_for()
    view.page.get_by_role("button", name="Detect").click()
    drop(view.page, {"x.png": png()})
    place = view.page.locator("#detect-warning")
    expect(place).to_have_text(warning)
    view.page.locator("#language").click()
    expect(place).to_have_text("fuera de lo que este modelo ha aprendido: no se parece a las imágenes de entrenamiento")


def test_suggestions_are_accepted_changed_and_dismissed(window, model, tmp_path):
    folder = tmp_path / "images"
    names = write_images(folder, 2, SIZE, classes=("fracture", "cast"))
    view = window("label", folder, "--model", model)
    view.image(names[0])
    rows = view.page.locator("#suggestions .suggested")
    rows.nth(1).wait_for()
    view.key("Enter")  # the best
    view.saved()
    path = (folder / names[0]).with_suffix(".xml")
    (only,) = read_voc_file(path).objects
    assert (only.name, only.corners, only.score) == ("fracture", BEST, None)
    view.page.locator("#suggestions .suggested").first.wait_for()
    view.key("Delete")  # the other was selected next
    rows.first.wait_for(state="detached")
    assert len(read_voc_file(path).objects) == 1
    view.key("d")
    view.image(names[1])
    rows.nth(1).wait_for()
    # the right edge of the best, dragged: changed, and so accepted
    view.drag(view.at(150, 100, SIZE), view.at(170, 100, SIZE))
    view.saved()
    (changed,) = read_voc_file((folder / names[1]).with_suffix(".xml")).objects
    assert changed.corners == (30, 48, 170, 144)


CURVES = {"detection": {"x": [0, 1], "y": [0, 0.5]}, "image": {"x": [0, 1], "y": [0, 0.9]}}
MEASURED = {"value": 0.75, "low": 0.5, "high": 0.9, "count": 40, "part": 30}
ANSWERS = {
    "calibrated": (
        "Fracture likely: probability 0.81",
        "Threshold 0.40: sensitivity 75% (50–90%), measured on 40 fractured images.",
        ["probability 0.45", "probability 0.25"],
    ),
    "raw scores": (
        "Fracture suspected: score 0.90, not calibrated",
        "Threshold 0.40: its sensitivity for whole images was not measured.",
        ["score 0.90", "score 0.50"],
    ),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_the_whole_image_comes_first_and_scores_are_called_scores(window, tmp_path, kind):
    """In both views; a probability stands only where the model is calibrated."""
    card = CARD
    if kind == "calibrated":
        measured = {"threshold": CARD.threshold, "metrics": {"image_sensitivity": MEASURED}}
        update = {"calibration": {"method": "isotonic", **CURVES}, "metrics": {"validation": measured}}
        card = CARD.model_copy(update=update)
    model, folder = write_tiny_onnx(tmp_path / "tiny.onnx", card=card), tmp_path / "images"
    names = write_images(folder, 1, SIZE, classes=("fracture", "cast"))
    answer, threshold, numbers = ANSWERS[kind]
    view = window("label", folder, "--model", model)
    view.image(names[0])
    expect(view.page.locator("#suggest-answer")).to_have_text(answer)
    expect(view.page.locator("#suggest-answer-threshold")).to_have_text(threshold)
    expect(view.page.locator("#suggestions .score")).to_have_text(numbers)
    view.page.locator("#tab-detect").click()
    drop(view.page, {"image.png": png()})
    expect(view.page.locator("#detect-answer")).to_have_text(answer)
    expect(view.page.locator("#detect-answer-threshold")).to_have_text(threshold)
    expect(view.page.locator("#detections .score")).to_have_text(numbers)
    expect(view.page.locator("#dropped")).to_contain_text(answer)
    expect(view.page.locator("#detect-run")).to_contain_text("views: whole; 20")
    view.page.locator("#detect-stage").focus()
    for _ in range(11):
        view.key("]")
    expect(view.page.locator("#detect-answer")).to_contain_text("possible" if kind == "calibrated" else "not detected")
    expect(view.page.locator("#detect-answer-threshold")).to_contain_text("was not measured")


def test_identifiers_are_exported_by_a_switch_of_the_page(window, model):
    grey = np.tile(np.linspace(0, 4095, SIZE[0]).astype(np.uint16), (SIZE[1], 1))
    view = window("serve", "--model", model)
    drop(view.page, {"x.dcm": dicom(grey, bits=12, AccessionNumber="A7")})
    view.page.get_by_text("1 of 1 images").wait_for()

    def exported():
        with view.page.expect_download() as saved:
            view.page.get_by_role("button", name="JSON").click()
        return json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))["images"][0]["identifiers"]

    assert exported() is None
    view.page.locator("#export-identifiers").check()
    assert exported()["accession_number"] == "A7"


def test_a_verified_image_is_never_amber(window, model, tmp_path):
    """The model contradicts the box; once a reviewer has confirmed it, that is no longer shown."""
    folder = tmp_path / "images"
    (name,) = write_images(folder, 1, SIZE, classes=("fracture",))
    box = labelimg_object("fracture", (250, 10, 290, 40), *SIZE)
    write_voc_file(VocAnnotation(name, *SIZE, objects=(box,)), (folder / name).with_suffix(".xml"))
    view = window("label", folder, "--model", model)
    view.image(name)
    view.page.locator("#images .dot.disagreeing").wait_for()
    expect(view.page.locator("#notes .note")).not_to_have_count(0)
    view.key("Space")
    view.page.locator("#images .dot.verified").wait_for()
    expect(view.page.locator("#notes .note")).to_have_count(0)
    expect(view.page.locator("#images .dot.disagreeing")).to_have_count(0)
    view.page.locator("#suggest-run").click()  # the model runs again
    view.page.wait_for_timeout(300)
    expect(view.page.locator("#images .dot.disagreeing")).to_have_count(0)
    row = view.page.evaluate("async () => (await (await fetch('/api/images')).json()).images[0]")
    assert (row["state"], row["disagreeing"]) == ("verified", False)
    view.page.locator("#stage").focus()
    view.key("Space")
    view.page.locator("#images .dot.disagreeing").wait_for()


TRAINED = {
    "state": "done", "step": 300, "num_steps": 300, "loss": 0.2, "seconds_left": None, "message": None, "lines": [],
    "history": [], "validations": [{"step": 300, "AP50": 0.55}], "model": "trained-0001", "kept_step": 200,
    "result": {
        "images": 7, "negatives": 3, "boxes": 9, "AP50": {"value": 0.6, "low": 0.4, "high": 0.8}, "in_use_ap50": 0.5,
        "difference": {"value": 0.1, "low": -0.1, "high": 0.3}, "seen": 2,
    },
    "in_use": "given", "asks": True,
}  # fmt: skip


@pytest.mark.parametrize("use", [True, False])
def test_a_new_model_is_reported_and_waits_for_a_decision(window, model, tmp_path, use):
    folder = tmp_path / "images"
    (name,) = write_images(folder, 1, SIZE)
    view = window("label", folder, "--model", model)
    decisions = []

    def answer(route):
        if route.request.method == "POST":
            decisions.append(route.request.post_data_json)
        route.fulfill(json={**TRAINED, "asks": not decisions})

    view.page.route(re.compile(r"/api/training"), answer)
    view.page.reload()
    view.image(name)
    view.page.locator("summary", has_text="Training").click()
    expect(view.page.locator("#train-kept")).to_have_text(
        "Kept: trained-0001, from step 200. AP50 0.60 (95 %: 0.40 to 0.80), on 7 validation images with 9 boxes, "
        "3 of them without a box."
    )
    expect(view.page.locator("#train-compared")).to_have_text(
        "The model in use, tiny, has 0.50 on the same images; difference 0.10 (95 %: -0.10 to 0.30). It was "
        "trained on 2 of them and seems better here than it is."
    )
    view.page.locator("#train-use" if use else "#train-keep").click()
    view.page.locator("#train-result").wait_for(state="hidden")
    assert decisions == [{"use": use}]


def test_the_spanish_page_gives_the_reasons_in_spanish(window, model, tmp_path):
    folder = tmp_path / "images"
    (name,) = write_images(folder, 1, SIZE)
    write_voc_file(VocAnnotation(name, SIZE[0] + 1, SIZE[1]), (folder / name).with_suffix(".xml"))
    view = window("label", folder, "--model", model)
    view.page.locator("#language").click()
    view.image(name)
    expect(view.page.locator("#notes .note").first).to_have_text(
        "las etiquetas dicen 301x240, pero la imagen es de 300x240; compruebe que las etiquetas son de esta imagen"
    )
    expect(view.page.locator("#suggest-answer")).to_have_text("Sospecha de fractura: puntuación 0,90, sin calibrar")
    names = view.page.locator("#suggestions .name")
    assert names.count()
    assert not names.evaluate_all("all => all.filter(each => each.scrollWidth > each.clientWidth).length")
    view.page.locator("#tab-detect").click()
    drop(view.page, {"x.png": b"nothing"})
    expect(view.page.locator("#dropped")).to_contain_text(
        "La radiografía no se puede leer (no es una imagen JPEG, PNG, TIFF, BMP, WebP, HEIC o DICOM que se pueda leer)"
    )


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_narrow_screen_scrolls_only_down_and_all_controls_have_names(window, model, tmp_path, language):
    folder = tmp_path / "images"
    names = write_images(folder, 2, SIZE, classes=("fracture", "cast"))
    view = window("label", folder, "--model", model, size=(400, 800))
    if language == "es":
        view.page.locator("#language").click()
        view.page.get_by_text("Etiquetar", exact=True).wait_for()
    view.image(names[0])
    for tab in ("#tab-label", "#tab-detect"):
        view.page.locator(tab).click()
        assert view.page.evaluate("document.documentElement.scrollWidth") <= 400
        nameless = view.page.evaluate(
            """() => [...document.querySelectorAll('button, input, select, textarea, [role=listbox], [role=toolbar]')]
                .filter((each) => each.checkVisibility())
                .filter((each) => !(each.ariaLabel || each.labels?.length || each.textContent.trim()))
                .map((each) => each.outerHTML)"""
        )
        assert nameless == []
    view.page.locator("#tab-label").click()
    view.page.locator(".list-toggle").first.click()
    view.page.locator("#images .row").nth(1).click()
    view.image(names[1])


def test_only_measured_points_are_shown(window, tmp_path):
    curve = {
        "threshold": [0.2, 0.42, 0.6],
        "sensitivity": [0.9, 0.75, 0.5],
        "false_positives_per_image": [2.5, 0.8, 0.1],
    }
    metrics = {"validation": {"images": 240, "curves": {"froc": {MAIN_CRITERION: curve}}}}
    model = write_tiny_onnx(tmp_path / "tiny.onnx", card=CARD.model_copy(update={"metrics": metrics}))
    view = window("serve", "--model", model)
    said = view.page.locator("#measured")
    text = "Measured at 0.42 on 240 images: sensitivity 75%; 0.80 false positives per image (IoU 0.3)."
    view.page.get_by_text(text).wait_for()
    drop(view.page, {"image.png": png()})
    view.page.locator("#detections .detection-row").first.wait_for()
    for key, text in (("]", "Measured at 0.42"), ("]", "No measurement near 0.50"), ("]", "Measured at 0.60")):
        view.key(key)
        expect(said).to_contain_text(text)


@pytest.mark.parametrize("question", ["session", "models"])
def test_images_that_come_before_the_server_has_answered_are_not_lost(window, model, question):
    page = window("serve", "--model", model).page
    kept = []
    answered = False
    page.route(f"**/api/{question}", lambda route: route.continue_() if answered else kept.append(route))
    with page.expect_request(f"**/api/{question}"):
        page.reload()
    drop(page, {"early.png": png()})
    answered = True
    for route in kept:
        route.continue_()
    page.locator("#dropped .dot.done").wait_for()


def test_a_token_is_asked_for(window, model):
    view = window("serve", "--model", model, "--token", "reading-room-0123456789")
    view.expected = ("401",)
    dialog = view.page.get_by_role("dialog")
    dialog.get_by_label("Token").fill("another-token-0123456789")
    dialog.get_by_role("button", name="Log in").click()
    dialog.get_by_text("Wrong token.").wait_for()
    dialog.get_by_label("Token").fill("reading-room-0123456789")
    view.key("Enter")
    view.page.get_by_text("Drop images here").wait_for()


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["dark", "light"])
def test_contrast_is_aa(theme):
    """WCAG 2.1: 4.5 to 1 for text, 3 to 1 for the borders of fields."""
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", (PAGE / "theme.css").read_text(encoding="utf-8"))
    colours = {}
    for block in blocks[: theme + 1]:
        for name, short, value in re.findall(r"--([\w-]+): #((\w{3,6}));", block):
            colours[name] = "#" + (value if len(short) == 6 else "".join(each * 2 for each in value))

    def contrast(one, other):
        high, low = sorted((luminance(colours[one]), luminance(colours[other])), reverse=True)
        return (high + 0.05) / (low + 0.05)

    texts = ("text", "quiet", "accent", "good", "warn", "bad")
    wanted = {(text, back): 4.5 for text in texts for back in ("panel", "raised", "back")}
    wanted |= {("on-accent", "accent"): 4.5, ("edge", "field"): 3, ("edge", "panel"): 3}
    poor = {pair: round(contrast(*pair), 2) for pair, least in wanted.items() if contrast(*pair) < least}
    assert poor == {}


def test_no_file_of_the_page_is_long_or_names_another_host():
    for path in sorted(PAGE.iterdir()):
        text = path.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://[^\"' )]+", text)) - {"http://www.w3.org/2000/svg"}
        assert hosts == set(), path.name
        if path.suffix == ".js" and not path.name.startswith("words_"):
            assert len(text.splitlines()) <= 350, path.name
