"""``fractura models``: the catalogue, for people and for programs, with and without PyTorch."""

import json
import subprocess
import sys

import pytest
from support.tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from fractura.inference import built_in
from fractura.models.catalogue import CATALOGUE, DEFAULT_MODEL

WITHOUT_TORCH = """
import sys
for name in ("torch", "transformers", "onnx"):
    sys.modules[name] = None
from fractura.cli.main import main
sys.exit(main(["models", "--json"]))
"""
METRICS = {
    "AP50": {"value": 0.61, "low": 0.5, "high": 0.7, "count": 20, "part": None},
    "image_auc": {"value": 0.8, "low": None, "high": None, "count": 40, "part": None},
    "AP": {"value": 0.3, "low": None, "high": None, "count": 20, "part": None},
}


@pytest.fixture(name="with_built_in")
def with_built_in_fixture(tmp_path, monkeypatch):
    """A copy of fractura whose built-in model is a tiny one."""
    card = CARD.model_copy(update={"licence": "CC-BY-4.0", "metrics": {"validation": {"metrics": METRICS}}})
    write_tiny_onnx(tmp_path / built_in.FILE, card=card)
    monkeypatch.setattr(built_in, "__file__", str(tmp_path / "__init__.py"))


@pytest.fixture(name="without_built_in")
def without_built_in_fixture(tmp_path, monkeypatch):
    monkeypatch.setattr(built_in, "__file__", str(tmp_path / "__init__.py"))


def test_the_table_lists_every_model(capsys, without_built_in):
    assert main(["models"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    for entry in CATALOGUE:
        [number] = [number for number, line in enumerate(lines) if line.split()[:1] == [entry.name]]
        assert f"{entry.parameters / 1e6:.1f}M" in lines[number]
        title = next(line for line in reversed(lines[:number]) if line.strip() and not line.startswith(" "))
        assert title.rstrip() == f"{entry.family}; start: {entry.start}; {entry.licence}"
    assert f"without --model: {DEFAULT_MODEL}" in lines
    assert "COCO AP" in out
    assert "built-in" in err, "what is missing is said"


def test_the_built_in_model_comes_first_with_its_metrics(capsys, with_built_in):
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("built-in: ready to use, 0.0 MB")
    assert lines[1:5] == [
        "  licence: CC-BY-4.0",
        "  on its validation images:",
        "    average precision, IoU 0.5: 0.610 (0.500–0.700)",
        "    AUC of images: 0.800",
    ]


def test_no_line_is_wider_than_a_terminal_as_it_opens(capsys):
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "licence: Apache-2.0. Trained on FracAtlas" in out  # the real card, whose licence is long
    assert [line for line in out.splitlines() if len(line.rstrip()) > 80] == []


def test_json_has_all_facts(capsys, with_built_in):
    assert main(["models", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["default"] == DEFAULT_MODEL
    assert [model["name"] for model in document["models"]] == [entry.name for entry in CATALOGUE]
    for model in document["models"]:
        assert model["licence"]
        assert model["source"]
        assert (model["coco_ap"] is None) == (model["coco_source"] is None), "a metric has its source"
        assert model["megabytes"] == pytest.approx(model["parameters"] * 4 / 1e6)
    assert document["built_in"]["validation"] == {key: METRICS[key] for key in ("AP50", "image_auc")}
    assert document["built_in"]["class_names"] == ["fracture", "cast"]


def test_it_needs_no_pytorch():
    outcome = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    assert len(json.loads(outcome.stdout)["models"]) == len(CATALOGUE)
