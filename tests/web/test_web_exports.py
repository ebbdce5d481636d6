"""The API's results have the schema of ``fractura detect``: same keys, same columns, same values."""

import csv
import io
import json
import sqlite3
import zipfile

import pytest
from support.tiny_models import CARD, write_tiny_onnx
from support.web_places import WRITE, client, image

from fractura.cli.main import main
from fractura.core.errors import ModelError
from fractura.formats.voc import parse_voc
from fractura.inference import load_model
from fractura.inference.built_in import built_in_model
from fractura.inference.results import DetectionRow, ImageRow, ResultsDocument
from fractura.phantom import make_phantoms
from fractura.web.detection_cache import LOWEST_SCORE, DetectionCache, ImageDetections

CURVES = {"detection": {"x": [0, 1], "y": [0, 0.5]}, "image": {"x": [0, 1], "y": [0, 0.9]}}
NAMES = ("=1+1.png", "wrist.png")
FILES_OF_A_FOLDER = {"picture": None, "explanation": None, "annotation": None}


@pytest.fixture(name="place", params=[False, True], ids=["raw scores", "calibrated"])
def model_and_images(tmp_path, request):
    calibration = {"method": "isotonic", **CURVES} if request.param else None
    card = CARD.model_copy(update={"calibration": calibration, "class_names": ("=fracture", "cast")})
    write_tiny_onnx(tmp_path / "tiny.onnx", card=card)
    for name in NAMES:
        image(tmp_path / "images" / name)
    return tmp_path


def export(place, kind, **wish):
    with client(mode="serve", model=str(place / "tiny.onnx")) as web:
        files = [("images", (name, (place / "images" / name).read_bytes())) for name in NAMES]
        sent = web.post("/api/detect", headers=WRITE, files=files).json()["images"]
        body = {"format": kind, "images": [each["id"] for each in sent], **wish}
        answer = web.post("/api/export", headers=WRITE, json=body)
        assert answer.status_code == 200, answer.text
        return answer


def detect(place, capsys, *words):
    words = ["--model", place / "tiny.onnx", "--output", place / "found", "--json", *words]
    assert main(["detect", str(place / "images"), *map(str, words)]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("threshold", [None, 0.2, 0.95])
def test_json_is_that_of_the_command(place, capsys, threshold):
    wish, words = ({}, ()) if threshold is None else ({"threshold": threshold}, ("--threshold", threshold))
    exported, expected = export(place, "json", **wish).json(), detect(place, capsys, *words)
    assert list(exported) == list(expected) == list(ResultsDocument.__annotations__)
    assert list(exported["images"][0]) == list(expected["images"][0]) == list(ImageRow.__annotations__)
    by_name = {row["image"].rsplit("/", 1)[-1]: row for row in expected.pop("images")}
    for row in exported.pop("images"):
        wanted = by_name[row["image"]]
        assert row == {**wanted, "image": row["image"], **FILES_OF_A_FOLDER}
        assert {each["probability"] is None for each in row["detections"]} <= {row["image_probability"] is None}
    assert {**exported, "created": None} == {**expected, "created": None}


def test_uploads_are_answered_in_the_schema_of_the_command(place, capsys):
    """At the lowest threshold of the API, so that both list the same detections."""
    expected = detect(place, capsys, "--threshold", LOWEST_SCORE)
    with client(mode="serve", model=str(place / "tiny.onnx")) as web:
        files = [("images", (name, (place / "images" / name).read_bytes())) for name in NAMES]
        answer = web.post("/api/detect", headers=WRITE, files=files).json()
        described = web.app.openapi()["components"]["schemas"]
    images, rows = answer.pop("images"), expected.pop("images")
    own = {"threshold": pytest.approx(CARD.threshold), "created": answer["created"]}
    assert answer == {**expected, **own}
    assert set(answer) == set(ResultsDocument.__annotations__) - {"images"}
    by_name = {row["image"].rsplit("/", 1)[-1]: row for row in rows}
    keys = list(ImageRow.__annotations__)
    for sent, name in zip(images, NAMES, strict=True):
        assert list(sent)[: len(keys)] == keys
        assert {key: sent[key] for key in keys} == {**by_name[name], "image": name, **FILES_OF_A_FOLDER}
        assert len(sent["detections"]) == 3
    assert list(described["DetectedImage"]["properties"])[: len(keys)] == keys
    assert list(described["DetectionRow"]["properties"]) == list(DetectionRow.__annotations__)


def test_the_built_in_model_says_the_same_of_a_phantom(tmp_path, capsys):
    """Field by field, at the model's own threshold and at another one."""
    try:
        built_in_model()
    except ModelError as error:
        pytest.skip(str(error))
    make_phantoms(tmp_path, images=1, seed=4)
    [file] = (tmp_path / "images").iterdir()
    with client(mode="serve", model="built-in") as web:
        for threshold in (load_model("built-in").card.threshold, 0.2):
            words = ["--threshold", str(threshold), "--output", str(tmp_path / f"found {threshold}"), "--json"]
            assert main(["detect", str(file), *words]) == 0
            expected = json.loads(capsys.readouterr().out)
            sent = {"images": (file.name, file.read_bytes())}
            answer = web.post("/api/detect", headers=WRITE, files=sent, data={"threshold": threshold}).json()
            [row], [wanted] = answer.pop("images"), expected.pop("images")
            assert answer == {**expected, "created": answer["created"]}
            assert {key: row[key] for key in wanted} == {**wanted, "image": file.name, **FILES_OF_A_FOLDER}
            assert row["image_probability"] is not None
            assert row["detections"]


def test_a_damaged_calibration_is_reported_for_each_image(tmp_path):
    card = CARD.model_copy(update={"calibration": {"method": "isotonic", "image": CURVES["image"]}})
    path = write_tiny_onnx(tmp_path / "tiny.onnx", card=card)
    sent = {"images": ("wrist.png", image(tmp_path / "wrist.png").read_bytes())}
    with client(mode="serve", model=str(path)) as web:
        for accept in ("application/json", "application/x-ndjson"):
            answer = web.post("/api/detect", headers={**WRITE, "Accept": accept}, files=sent)
            assert answer.status_code == 200
            last = json.loads(answer.text.splitlines()[-1])
            error = last.get("images", [last])[0]["error"]
            assert error["code"] == "model_unusable"
            assert "calibration" in error["message"]


def test_the_table_is_that_of_the_command_and_holds_no_formula(place, capsys):
    detect(place, capsys, "--threshold", "0.2")
    exported = list(csv.reader(io.StringIO(export(place, "csv", threshold=0.2).text)))
    expected = list(csv.reader((place / "found" / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert exported[0] == expected[0]
    assert {row[0] for row in exported[1:]} == {"'=1+1.png", "wrist.png"}
    assert {row[1] for row in exported[1:]} == {row[1] for row in expected[1:]} == {"'=fracture", "cast"}
    for row, wanted in zip(exported[1:], expected[1:], strict=True):
        numbers = slice(2, exported[0].index("answer"))
        assert [float(cell or -1) for cell in row[numbers]] == pytest.approx(
            [float(cell or -1) for cell in wanted[numbers]]
        )
        assert row[numbers.stop : -1] == wanted[numbers.stop : -1]  # the last is the time


def test_pascal_voc_is_that_of_the_command(place, capsys):
    detect(place, capsys)
    with client(mode="serve", model=str(place / "tiny.onnx")) as web:
        files = [("images", ("wrist.png", (place / "images" / "wrist.png").read_bytes()))]
        sent = web.post("/api/detect", headers=WRITE, files=files).json()["images"]
        content = web.post(
            "/api/export", headers=WRITE, json={"format": "voc", "images": [each["id"] for each in sent]}
        ).content
    expected = parse_voc((place / "found" / "annotations" / "wrist.xml").read_bytes(), "wrist.xml")
    exported = parse_voc(content, "wrist.xml")
    assert exported.objects == expected.objects
    assert (exported.filename, exported.width, exported.height) == (expected.filename, 200, 100)


def test_the_image_score_is_known_below_the_lowest_detection(place):
    write_tiny_onnx(place / "tiny.onnx", card=CARD, scores=(0.01, 0.03, 0.02))
    for row in export(place, "json").json()["images"]:
        assert row["detections"] == []
        assert row["image_score"] == pytest.approx(0.03)


def test_a_cache_with_other_columns_is_replaced(tmp_path):
    file = tmp_path / "detections.sqlite"
    database = sqlite3.connect(file)
    database.execute("CREATE TABLE detections (model TEXT, image TEXT, width INTEGER)")
    database.close()
    cache = DetectionCache(file)
    found = ImageDetections(10, 20, (), 0.03)
    cache.put("model", "image", found)
    assert cache.get("model", "image") == found


def test_names_in_the_archive_are_allowed_on_every_system(tmp_path):
    write_tiny_onnx(tmp_path / "tiny.onnx", card=CARD)
    content = image(tmp_path / "a.png").read_bytes()
    with client(mode="serve", model=str(tmp_path / "tiny.onnx")) as web:
        sent = [("images", (name, content)) for name in ("C:wrist.png", "<img onerror=x>.png", "C_Wrist.png")]
        rows = web.post("/api/detect", headers=WRITE, files=sent).json()["images"]
        body = {"format": "voc", "images": [each["id"] for each in rows]}
        answer = web.post("/api/export", headers=WRITE, json=body)
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert names == ["C_wrist.xml", "_img onerror=x_.xml", "C_Wrist-2.xml"]
