"""What the tests of the web app share: folders of small films, a tiny model, clients."""

import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from fractura.formats.voc import VocAnnotation, VocObject, write_voc_file
from fractura.web import WebSettings, create_app
from support.tiny_models import write_tiny_onnx

WRITE = {"X-Fractura": "1"}
ADDRESS = "http://127.0.0.1:8000"
BOX = VocObject("Fractura", 20, 20, 100, 60)


def film(path: Path, *, width=200, height=100, grey=None) -> Path:
    """A small film; every one has pixels of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    value = sum(path.name.encode()) % 200 if grey is None else grey
    pixels = np.full((height, width), value, np.uint8)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = 250
    Image.fromarray(pixels).save(path)
    return path


def annotation(path: Path, filename: str, *objects: VocObject, width=200, height=100, verified=False) -> Path:
    write_voc_file(
        VocAnnotation(filename, width, height, 1, objects, folder="images", verified=verified), path
    )  # fmt: skip
    return path


def folder(place: Path) -> Path:
    """film1 unlabelled, film2 with a box, film3 negative, film10 verified, film11 malformed."""
    for name in ("film1", "film2", "film3", "film10", "film11"):
        film(place / "images" / f"{name}.png")
    annotation(place / "annotations" / "film2.xml", "film2.png", BOX)
    annotation(place / "annotations" / "film3.xml", "film3.png")
    annotation(place / "annotations" / "film10.xml", "film10.png", BOX, verified=True)
    (place / "annotations" / "film11.xml").write_bytes(b"<annotation><object><name>Fractura</name>")
    return place


def model(place: Path) -> str:
    return str(write_tiny_onnx(place / "tiny.onnx"))


@contextmanager
def client(**settings):
    """A client of a running app; the folder's states have been read."""
    app = create_app(WebSettings(**settings))
    with TestClient(app, base_url=ADDRESS) as found:
        if settings["mode"] == "label":
            app.state.workplace.index.refresh()
        yield found


def film_ids(web) -> dict[str, str]:
    """Ids by file name."""
    return {each["name"]: each["id"] for each in web.get("/api/films", params={"limit": 1000}).json()["films"]}


def wait_for(question, *, seconds=60.0):
    """The first answer that is true; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise AssertionError("this did not come about in time")
