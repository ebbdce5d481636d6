"""``fractura export`` hands its words to ``export_model`` and tells what came of it."""

import json
from pathlib import Path

import pytest

import fractura.export
from fractura.cli.main import main
from fractura.export import ExportResult
from fractura.export.parity import Parity


@pytest.fixture(name="calls")
def recorded(monkeypatch):
    made = []

    def export_model(model_folder, *, to="onnx", output=None, images=(), half=False):
        words = {"model_folder": model_folder, "to": to, "output": output, "images": list(images), "half": half}
        made.append(words)
        return ExportResult(output or model_folder / "model.onnx", 2_500_000, Parity(4, 12, 0, 0.999, 2e-6), "phantoms")

    monkeypatch.setattr(fractura.export, "export_model", export_model)
    return made


def test_the_file_is_the_result_and_the_comparison_is_told(calls, capsys, tmp_path):
    assert main(["export", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{tmp_path / 'model.onnx'}\n"
    assert "2.5 MB" in captured.err
    assert "12 boxes, 0 without a twin" in captured.err
    assert calls == [{"model_folder": tmp_path, "to": "onnx", "output": None, "images": [], "half": False}]


def test_json_and_every_option(calls, capsys, tmp_path):
    image = tmp_path / "a.png"
    image.write_bytes(b"x")
    words = ["export", str(tmp_path), "--output", "m.onnx", "--images", str(tmp_path), "--half", "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["parity"]["holds"]
    assert calls == [
        {"model_folder": tmp_path, "to": "onnx", "output": Path("m.onnx"), "images": [image], "half": True}
    ]


def test_saved_model_is_the_tensorflow_exporters_folder(monkeypatch, capsys, tmp_path):
    import fractura.tensorflow_od.exporter as exporter

    made = []

    def export_for_tensorflow(model_folder, **options):
        made.append((model_folder, options))
        return ExportResult(tmp_path / "exported", 12_000_000, Parity(4, 12, 0, 1, 0), "phantoms", ("no pipeline",))

    monkeypatch.setattr(exporter, "export_for_tensorflow", export_for_tensorflow)
    assert main(["export", str(tmp_path), "--to", "saved_model", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["notes"] == ["no pipeline"]
    assert main(["export", str(tmp_path), "--to", "saved_model", "-o", "out"]) == 0
    assert "no pipeline\n" in capsys.readouterr().err
    assert made == [(tmp_path, {"output": None, "images": []}), (tmp_path, {"output": Path("out"), "images": []})]


def test_wrong_calls_have_their_exit_codes(tmp_path, capsys):
    assert main(["export", str(tmp_path), "--to", "onxx"]) == 2
    assert "did you mean 'onnx'?" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "missing")]) == 4
    assert main(["export", str(tmp_path), "--images", str(tmp_path / "missing")]) == 3
