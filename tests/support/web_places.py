"""Helpers for tests of the web app: folders of small images, a tiny model, clients."""

import subprocess
import sys
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


def image(path: Path, *, width=200, height=100, grey=None) -> Path:
    """A small image; each has different pixels."""
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
    """image1 unlabelled, image2 with a box, image3 negative, image10 verified, image11 malformed."""
    for name in ("image1", "image2", "image3", "image10", "image11"):
        image(place / "images" / f"{name}.png")
    annotation(place / "annotations" / "image2.xml", "image2.png", BOX)
    annotation(place / "annotations" / "image3.xml", "image3.png")
    annotation(place / "annotations" / "image10.xml", "image10.png", BOX, verified=True)
    (place / "annotations" / "image11.xml").write_bytes(b"<annotation><object><name>Fractura</name>")
    return place


def model(place: Path) -> str:
    return str(write_tiny_onnx(place / "tiny.onnx"))


@contextmanager
def client(**settings):
    """A client of a running app whose folder has been read."""
    app = create_app(WebSettings(**settings))
    with TestClient(app, base_url=ADDRESS) as found:
        if settings["mode"] == "label":
            app.state.shared.folder.index.refresh()
        yield found


@contextmanager
def running(*words, environment=None):
    """The address of a server in a process of its own: ``fractura label`` or ``serve`` with these words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fractura", *map(str, words), "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process.stdout.readline().strip().rstrip("/")
    finally:
        process.terminate()
        said = process.communicate(timeout=20)[1]
    assert process.returncode in (0, -15), said
    assert "Traceback" not in said


def image_ids(web) -> dict[str, str]:
    """Ids by file name."""
    return {each["name"]: each["id"] for each in web.get("/api/images", params={"limit": 1000}).json()["images"]}


def wait_for(question, *, seconds=60.0):
    """The first answer that is true; fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.02)
    raise AssertionError("this did not happen in time")
