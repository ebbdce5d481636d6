"""The commands of docs/guide/api.md, run as they stand there against a real server."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import get_type_hints

import pytest
from support.web_places import BOX, annotation, folder, image, model, running

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "guide" / "api.md").read_text(encoding="utf-8")


@pytest.fixture(name="server")
def server_fixture(tmp_path):
    data = folder(tmp_path / "data")
    with running("label", data, "--model", model(tmp_path)) as address:
        yield address


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_commands_of_the_page_on_the_api(server, tmp_path):
    place = tmp_path / "here"
    image(place / "wrist.png")
    image(place / "other.png", grey=3)
    annotation(place / "wrist.xml", "wrist.png", BOX)
    blocks = re.findall(r"```bash\n(.*?)```", TEXT, flags=re.S)
    assert len(blocks) >= 6
    script = "\necho '=====' \n".join(blocks).replace("http://127.0.0.1:8000", server).replace("curl -s", "curl -sf")
    done = subprocess.run(
        ["bash", "-e", "-c", script], cwd=place, capture_output=True, text=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    one, lines, export, job, listed, saved, rest = done.stdout.split("=====\n")
    assert len(json.loads(one)["images"][0]["detections"]) == 3
    start, first, second = (json.loads(line) for line in lines.splitlines())
    assert (start["images"], len(first["ground_truth"]), second["ground_truth"]) == (2, 1, None)
    assert export == ""
    assert (place / "small.png").read_bytes().startswith(b"\x89PNG")
    assert (place / "results.csv").read_text(encoding="utf-8").count("\n") == 3
    assert '"total":5,"done":0' in job
    assert json.loads((place / "results.json").read_text(encoding="utf-8"))["model"] == "tiny"
    assert '"state":"labelled"' in listed
    assert json.loads(saved)["comment"] == "see AP view"
    xml = (tmp_path / "data" / "annotations" / "image1.xml").read_text(encoding="utf-8")
    assert xml.startswith('<annotation verified="yes">')
    assert '"current":"given"' in rest
    assert ": here" in rest


def test_the_example_answer_names_real_fields():
    from fractura.inference.answer import Sensitivity
    from fractura.inference.results import DetectionRow
    from fractura.web.schemas import DetectedImage, DetectionResponse

    block = re.search(r"```json\n(.*?)```", TEXT, flags=re.S)[1]
    fields = set(re.findall(r'"([a-z_]+)":', block))
    rows = {*DetectionRow.__annotations__, *Sensitivity.__annotations__}
    assert fields <= {*get_type_hints(DetectionResponse), *get_type_hints(DetectedImage), *rows}


def test_every_path_is_real_and_every_room_of_the_api_is_named():
    from fractura.web import WebSettings, create_app

    paths = create_app(WebSettings(mode="serve")).openapi()["paths"]
    real = {re.sub(r"\{.*?\}", "X", path) for path in paths} | {"/api/openapi.json"}
    for path in re.findall(r"/api/[a-z./A-Z$]*", TEXT):
        plain = re.sub(r"\$?(ID|IMAGE|JOB)", "X", path).rstrip("/.")
        assert plain in real, path
    for room in ("detect", "images", "annotations", "models", "jobs", "training", "events"):
        assert f"/api/{room}" in TEXT


def test_every_test_that_the_threat_model_names_is_there():
    text = (ROOT / "docs" / "developers" / "security.md").read_text(encoding="utf-8")
    tests = "".join(each.read_text(encoding="utf-8") for each in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_[a-z_0-9]+)`", text)
    assert len(named) >= 12
    assert [name for name in named if f"def {name}(" not in tests] == []
