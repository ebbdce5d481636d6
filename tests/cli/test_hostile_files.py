"""Files and streams that nobody thought of end in an error of ours, never in "this is a bug"."""

import os
import subprocess
import sys

import pytest
from support.tiny_models import write_tiny_onnx
from support.web_places import WRITE, client, folder

from fractura.cli.main import main

DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


def damaged_model(place, kind):
    model = write_tiny_onnx(
        place / "model.onnx", **({"scores": (0.9, 0.8)} if kind == "outputs of two lengths" else {})
    )
    if kind == "text that is not UTF-8":
        model.write_bytes(model.read_bytes().replace(b"fracture", b"fract\xff\xfee"))
    if kind == "a deep card":
        model = place / "model"
        model.mkdir()
        (model / "card.json").write_text(DEEP)
        (model / "weights.safetensors").write_bytes(b"")
    return model


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("outputs of two lengths", "the model fails on an image of 200 x 100 pixels"),
        ("text that is not UTF-8", "carries text that is not UTF-8"),
        ("a deep card", "nested too deeply"),
    ],
)
def test_models(kind, said, tmp_path, capsys):
    image = next(folder(tmp_path / "data").rglob("*.png"))
    assert main(["detect", str(image), "--model", str(damaged_model(tmp_path, kind)), "-o", str(tmp_path / "out")]) == 4
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("text", [DEEP, '{"num_steps": ' + "9" * 5000 + "}", "[1]", '{"num_steps": 1e999}'])
def test_settings(text, tmp_path, capsys):
    (tmp_path / "settings.json").write_text(text)
    assert (
        main(["train", "data", "--output", str(tmp_path / "out"), "--settings", str(tmp_path / "settings.json")]) == 2
    )
    assert "this is a bug" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["a" * 5000, "", "a\\000b"])
def test_names_in_a_checkpoint_file(name, tmp_path, capsys):
    (tmp_path / "checkpoint").write_text(f'model_checkpoint_path: "{name}"\n')
    assert main(["import-tf", str(tmp_path), "--output", str(tmp_path / "out")]) in (3, 4)
    assert "this is a bug" not in capsys.readouterr().err


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://a:99999", "null", ""])
def test_origins(origin, tmp_path):
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        answer = web.put("/api/annotations/x", headers={**WRITE, "Origin": origin, "If-Match": '"none"'}, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_refused")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 3), (">&-", 0), ("| head -1", 0)])
def test_standard_output_that_is_full_or_closed(redirection, code):
    command = f'"{sys.executable}" -m fractura models {redirection}'
    ended = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert "this is a bug" not in ended.stderr
    assert "Traceback" not in ended.stderr
