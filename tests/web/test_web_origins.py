"""Every result says which model made it, how and when; what could not be read stands in it; identifiers on request."""

import csv
import io
import json
import re
import zipfile

import numpy as np
import pytest
from golden.session import REFERABLE
from support.dicom_images import dicom
from support.tiny_models import CARD, write_tiny_onnx
from support.web_places import WRITE, client, image

from fractura.cli.main import main
from fractura.formats.voc import parse_voc
from fractura.inference.origin import model_digest

ASKED = {
    "study_uid": "1.2.826.0.1.1",
    "series_uid": "1.2.826.0.1.2",
    "sop_instance_uid": "1.2.826.0.1.3",
    "accession_number": "A1",
}
CURVES = {"detection": {"x": [0, 1], "y": [0, 0.5]}, "image": {"x": [0, 1], "y": [0, 0.9]}}
MEASURED = {"value": 0.75, "low": 0.5, "high": 0.9, "count": 40, "part": 30}
CALIBRATED = CARD.model_copy(
    update={
        "calibration": {"method": "isotonic", **CURVES},
        "metrics": {"validation": {"threshold": CARD.threshold, "metrics": {"image_sensitivity": MEASURED}}},
    }
)


def radiograph() -> bytes:
    values = np.add.outer(np.arange(100), np.arange(200)).astype(np.uint16)
    return dicom(values, bits=12, **{**REFERABLE, "SOPInstanceUID": ASKED["sop_instance_uid"]})


@pytest.fixture(name="place")
def place_fixture(tmp_path):
    """A calibrated model, and a folder with a DICOM, a picture and a file that is neither."""
    write_tiny_onnx(tmp_path / "tiny.onnx", card=CALIBRATED)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.dcm").write_bytes(radiograph())
    image(tmp_path / "images" / "b.png")
    (tmp_path / "images" / "c.png").write_bytes(b"nothing")
    return tmp_path


@pytest.fixture(name="web")
def web_fixture(place):
    with client(mode="serve", model=str(place / "tiny.onnx")) as web:
        yield web


def upload(web, place, *names, **wish):
    files = [("images", (name, (place / "images" / name).read_bytes())) for name in names]
    return web.post("/api/detect", headers=WRITE, files=files, data=wish).json()


def export(web, place, kind, *names, **wish):
    ids = [each["id"] for each in upload(web, place, *names)["images"]]
    answer = web.post("/api/export", headers=WRITE, json={"format": kind, "images": ids, **wish})
    assert answer.status_code == 200, answer.text
    return answer


def run(place, capsys, *words):
    words = ["--model", place / "tiny.onnx", "--output", place / "out", "--on-error", "skip", "--json", *words]
    assert main(["detect", str(place / "images"), *map(str, words)]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_answer_names_model_threshold_views_and_time(web, place, capsys):
    digest = model_digest(place / "tiny.onnx")
    for document in (run(place, capsys), upload(web, place, "a.dcm"), export(web, place, "json", "a.dcm").json()):
        assert (document["schema_version"], document["model"], document["model_digest"]) == (2, "tiny", digest)
        assert (document["threshold"], document["views"], document["calibrated"]) == (CARD.threshold, ["whole"], True)
        assert document["sensitivity"] == {"value": 0.75, "low": 0.5, "high": 0.9, "images": 40}
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["created"])
        assert (document["images"][0]["answer"], document["images"][0]["image_probability"]) == ("likely", 0.81)
    line = next(csv.DictReader(io.StringIO(export(web, place, "csv", "a.dcm").text)))
    assert (line["model"], line["model_digest"], line["threshold"], line["views"]) == ("tiny", digest, "0.4", "whole")
    voc = parse_voc(export(web, place, "voc", "b.png").content, "b.xml")
    for words in ("model tiny", f"sha256:{digest}", "threshold 0.4", "views whole", line["created"][:10]):
        assert words in voc.database
    report = str(_report(export(web, place, "dicom-sr", "a.dcm").content))
    for words in (
        "threshold=0.4",
        "views=whole",
        f"model=sha256:{digest}",
        "created=20",
        "whole image: fracture likely",
    ):
        assert words in report


def test_another_threshold_has_no_measured_sensitivity(web, place):
    assert export(web, place, "json", "a.dcm", threshold=0.5).json()["sensitivity"] is None


def _report(content):
    from pydicom import dcmread

    return [str(element.value) for element in dcmread(io.BytesIO(content)).iterall()]


def test_what_could_not_be_read_stands_in_every_result_with_the_reason(web, place, capsys):
    reasons = {}
    for name, document in {
        "command": run(place, capsys),
        "request": upload(web, place, "a.dcm", "b.png", "c.png"),
        "json": export(web, place, "json", "a.dcm", "b.png", "c.png").json(),
    }.items():
        (unread,) = (each for each in document["images"] if each["error"] is not None)
        assert unread["image"].endswith("c.png")
        assert (unread["answer"], unread["image_score"], unread["detections"]) == (None, None, [])
        reasons[name] = unread["error"]["message"]
    assert len(set(reasons.values())) == 1
    reason = reasons["command"]
    lines = list(csv.DictReader(io.StringIO(export(web, place, "csv", "a.dcm", "c.png").text)))
    assert {line["image"]: line["problem"] for line in lines} == {"a.dcm": "", "c.png": reason}
    for kind, names in (("voc", {"a.xml", "b.xml"}), ("dicom-sr", {"a.dcm"})):
        sent = ("a.dcm", "b.png") if kind == "voc" else ("a.dcm",)
        archive = zipfile.ZipFile(io.BytesIO(export(web, place, kind, *sent, "c.png").content))
        assert set(archive.namelist()) == {*names, "unread.csv"}
        (line,) = csv.DictReader(io.StringIO(archive.read("unread.csv").decode()))
        assert (line["image"], line["problem"]) == ("c.png", reason)


def test_identifiers_only_for_those_who_ask(web, place, capsys):
    secrets = [*ASKED.values(), REFERABLE["StudyDate"]]
    run(place, capsys)
    quiet = [path.read_text("utf-8") for path in (place / "out").rglob("*") if path.suffix in (".json", ".csv", ".xml")]
    quiet += [export(web, place, kind, "a.dcm").text for kind in ("json", "csv", "voc")]
    quiet.append(json.dumps(upload(web, place, "a.dcm")))
    for text in quiet:
        assert [each for each in secrets if re.search(rf"\b{re.escape(each)}\b", text)] == []
    rows = [
        *run(place, capsys, "--identifiers", "--overwrite")["images"],
        *upload(web, place, "a.dcm", "b.png", identifiers="true")["images"],
        *export(web, place, "json", "a.dcm", "b.png", identifiers=True).json()["images"],
    ]
    assert [row["identifiers"] for row in rows] == [ASKED, None, None, ASKED, None, ASKED, None]
    for text in (
        (place / "out" / "results.csv").read_text("utf-8"),
        export(web, place, "csv", "a.dcm", identifiers=True).text,
    ):
        line = next(csv.DictReader(io.StringIO(text)))
        assert {column: line[column] for column in ASKED} == ASKED
    voc = export(web, place, "voc", "a.dcm", identifiers=True).text
    assert all(value in voc for value in ASKED.values())
