"""``fractura doctor``: what is there, and what is missing for which command."""

import importlib
import json
import re
from importlib import metadata
from pathlib import Path

import pytest

import fractura
from fractura import examine_installation
from fractura.cli.main import main
from fractura.inference import built_in
from fractura.workflows import doctor

REQUIRES = [
    "numpy>=1.26",
    "pillow>=900",
    "nowhere-to-be-found>=1.2",
    'torch>=2.9; extra == "train"',
    'nothing-like-it>=3; extra == "train"',
    'only-elsewhere>=1; sys_platform == "plan9"',
    'elsewhere-too>=1; sys_platform == "plan9" and extra == "tensorflow"',
]


@pytest.fixture(name="incomplete")
def incomplete_fixture(monkeypatch):
    monkeypatch.setattr(metadata, "requires", lambda _: REQUIRES)


def test_a_complete_installation(capsys):
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"fractura {fractura.__version__}, Python ")
    assert "base install: complete" in out
    assert re.search(r"numpy \d", out)
    assert "ONNX Runtime" in out


def test_what_is_missing_is_named_with_what_installs_it(incomplete, capsys):
    assert main(["doctor"]) == 5
    out = capsys.readouterr().out
    base, train, tensorflow, node, heic, word = re.split(r"\n(?=\[)", out[out.index("base install:") :])
    assert "base install: not complete" in base
    assert "nowhere-to-be-found>=1.2" in base
    assert f"pillow>=900 (here: {metadata.version('pillow')})" in " ".join(base.split())
    assert "pip install fractura\n" in base
    assert "[train]: not complete" in train
    assert 'pip install "fractura[train]"' in train
    assert "[tensorflow]: complete" in tensorflow, "what another system needs is not missing here"
    assert "[node]: complete" in node
    assert "[heic]: complete" in heic
    assert "[word]: complete" in word
    assert "plan9" not in out
    assert "elsewhere" not in out


def test_a_missing_extra_alone_is_no_fault(monkeypatch, capsys):
    monkeypatch.setattr(
        metadata, "requires", lambda _: [line for line in REQUIRES if "extra" in line or "numpy" in line]
    )
    assert main(["doctor"]) == 0
    assert "nothing-like-it>=3" in capsys.readouterr().out


def test_json_says_the_same(incomplete, capsys):
    assert main(["doctor", "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["groups"][1]["missing"] == ["nothing-like-it>=3"]
    assert not document["is_complete"]
    assert document["disk_free"] > 0


def test_a_copy_without_the_built_in_model_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(built_in, "__file__", str(tmp_path / "__init__.py"))
    assert any("without its built-in model" in remark for remark in examine_installation().remarks)


def test_a_driver_that_pytorch_cannot_use_is_said(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi" if name == "nvidia-smi" else None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert any("NVIDIA" in remark for remark in examine_installation().remarks)


def test_every_command_that_asks_for_an_extra_is_named_with_it():
    for file in Path(importlib.import_module("fractura.workflows").__file__).parent.glob("*.py"):
        for extra in re.findall(r'\brequire\("\w+", "(\w+)"\)', file.read_text(encoding="utf-8")):
            assert file.stem.replace("_", "-") in doctor.PURPOSES[extra], file


def test_every_extra_of_the_package_is_explained():
    extras = set(metadata.metadata("fractura").get_all("Provides-Extra"))
    assert extras - {"dev", "docs", "release"} == set(doctor.PURPOSES) - {""}
