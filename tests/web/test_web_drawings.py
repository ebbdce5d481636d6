"""Pictures to download: what the CLI's drawing code draws, and nothing else of the file."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import NAMES, dicom
from support.tiny_models import write_tiny_onnx
from support.web_places import WRITE, client, image, image_ids

from fractura.core.boxes import Boxes
from fractura.imaging.reader import read_radiograph
from fractura.inference import load_model
from fractura.inference.explanation import explain
from fractura.inference.render import draw_boxes, draw_heat, with_caption

BOX = {"text": "Fractura", "colour": 1, "xmin": 20, "ymin": 20, "xmax": 100, "ymax": 60}
CORNERS = ((20, 20, 100, 60),)


@pytest.fixture(name="place")
def place_fixture(tmp_path):
    """An image, a DICOM with a name in every field that can hold one, and a model."""
    image(tmp_path / "data" / "wrist.png")
    values = np.add.outer(np.arange(90), np.arange(120)).astype(np.uint16) * 15
    (tmp_path / "data" / "hand.dcm").write_bytes(dicom(values, bits=12))
    write_tiny_onnx(tmp_path / "tiny.onnx")
    return tmp_path


@pytest.fixture(name="web")
def web_fixture(place):
    with client(mode="label", folder=place / "data", model=str(place / "tiny.onnx")) as web:
        yield web


def chunks(data: bytes) -> set[bytes]:
    """The kinds of a PNG's chunks."""
    found, position = set(), 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        found.add(data[position + 4 : position + 8])
        position += 12 + length
    return found


def post(web, name, kind, **body):
    return web.post(f"/api/images/{image_ids(web)[name]}/{kind}", headers=WRITE, json=body)


def picture(answer) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))


def test_boxes_are_drawn_as_everywhere_else(web, place):
    pixels = read_radiograph(place / "data" / "wrist.png").pixels
    answer = post(web, "wrist.png", "drawing", boxes=[BOX], captions=["fracture suspected"])
    drawn = draw_boxes(pixels, Boxes(CORNERS, [0]), ("Fractura",))
    expected = with_caption(draw_boxes(pixels, Boxes(CORNERS, [1]), ("", "Fractura")), "fracture suspected")
    assert np.array_equal(picture(answer), np.asarray(expected))
    assert not np.array_equal(picture(answer)[: drawn.height], np.asarray(drawn))  # another colour
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''wrist-boxes.png"


def test_without_boxes_it_is_the_image(web, place):
    answer = post(web, "wrist.png", "drawing", boxes=[])
    assert np.array_equal(picture(answer), read_radiograph(place / "data" / "wrist.png").pixels)


def test_the_heat_map_is_that_of_detect(web, place):
    pixels = read_radiograph(place / "data" / "wrist.png").pixels
    model = load_model(place / "tiny.onnx")
    found = model.detect(pixels).clip(200, 100)
    for threshold, count in ((None, 2), (0.6, 1)):
        boxes = found.above(threshold or 0.4)
        assert len(boxes) == count
        heat = draw_heat(pixels, explain(model, pixels, boxes, model.card.views), boxes)
        expected = with_caption(heat, "indicios", scale=("ninguno", "máximo"))
        body = {"threshold": threshold, "caption": "indicios", "scale": ["ninguno", "máximo"]}
        answer = post(web, "wrist.png", "heat", **body)
        assert np.array_equal(picture(answer), np.asarray(expected))
    assert answer.headers["content-disposition"].endswith("wrist-heat.png")


@pytest.mark.parametrize(("kind", "body"), [("drawing", {"boxes": [BOX]}), ("heat", {})])
def test_nothing_of_the_patient_is_in_it(web, place, kind, body):
    answer = post(web, "hand.dcm", kind, **body)
    assert picture(answer).shape[1] == 120
    assert chunks(answer.content) == {b"IHDR", b"IDAT", b"IEND"}
    assert [name for name in NAMES if name.encode() in answer.content] == []


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("heat", {"threshold": 0.95}, (409, "nothing_detected")),
        ("drawing", {"boxes": [BOX | {"xmin": "left"}]}, (422, "request_invalid")),
        ("drawing", {"boxes": [BOX | {"style": "dashed"}]}, (422, "request_invalid")),
    ],
)
def test_what_cannot_be_drawn(web, kind, body, expected):
    answer = post(web, "wrist.png", kind, **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == expected


def test_corners_outside_the_image_are_drawn_at_its_edge(web):
    answer = post(web, "wrist.png", "drawing", boxes=[BOX | {"xmin": -900, "xmax": 1e6, "ymin": 90, "ymax": 10}])
    assert picture(answer).shape == (100, 200, 3)
