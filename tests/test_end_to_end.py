"""The whole way with a real, tiny run: phantom → check → train → evaluate → export → detect, through the commands."""

import hashlib
import json
from pathlib import Path

import pytest

from fractura.cli.main import main
from fractura.formats.voc.parser import read_voc_file

TRAIN = (
    "--model", "faster_rcnn_efficientnet_lite0_320x320", "--batch-size", "2", "--augmentation", "none",
    "--device", "cpu", "--workers", "0",
)  # fmt: skip


def contents(folder: Path) -> dict[str, str]:
    """Every file below ``folder`` and the digest of its bytes."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Terminal:
    """Runs commands and keeps what they said."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *words, code=0):
        self.capsys.readouterr()
        exit_code = main([str(word) for word in words])
        captured = self.capsys.readouterr()
        assert exit_code == code, captured.err
        self.err = captured.err
        assert "Traceback" not in captured.err
        return captured.out

    def json(self, *words, code=0):
        return json.loads(self(*words, "--json", code=code))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_a_folder_of_films_to_marks_on_them(tmp_path, capsys):
    run = Terminal(capsys)
    films, model, exported = tmp_path / "films", tmp_path / "model", tmp_path / "out" / "fractures.onnx"

    # Films
    made = run.json("phantom", films, "--films", 6, "--val-films", 3, "--short-side", 200, "--long-side", 240)
    assert [split["films"] for split in made["splits"]] == [6, 3]
    before = contents(films)
    assert sum(name.endswith(".xml") for name in before) == 9

    # Check
    report = run.json("check", films / "train", "--against", films / "val")
    assert report["errors"] == 0

    # Train, stop, go on
    training = ["train", films / "train", "--val", films / "val", "--output", model, *TRAIN]
    first = run.json(*training, "--num-steps", 4, "--eval-every", 2)
    assert first["steps"] == 4
    assert [validation["step"] for validation in first["validations"]] == [2, 4]
    card = json.loads((model / "card.json").read_text(encoding="utf-8"))
    assert card["class_names"] == ["Fractura"]
    assert card["architecture"]["name"] == "faster_rcnn_efficientnet_lite0_320x320"
    assert card["data"]["train"]["films"] == 6
    run(*training, "--num-steps", 6, code=2)
    assert "--resume" in run.err, "a folder with a model is not overwritten"
    second = run.json(*training, "--num-steps", 6, "--eval-every", 2, "--resume")
    assert second["steps"] == 6
    assert [validation["step"] for validation in second["validations"]] == [2, 4, 6]
    assert second["validations"][:2] == first["validations"]
    rows = (model / "log.csv").read_text(encoding="utf-8").splitlines()
    assert rows[-1].startswith("6")
    assert {"card.json", "weights.safetensors", "log.csv", "training.json"} <= {p.name for p in model.iterdir()}

    # Evaluate
    figures = run.json("evaluate", model, films / "val", "--output", tmp_path / "figures")
    assert figures["films"] == 3
    assert json.loads((tmp_path / "figures" / "evaluation.json").read_text(encoding="utf-8")) == figures
    precision = {key: figure["value"] for key, figure in figures["figures"].items() if key.startswith("AP")}
    assert 0 <= precision["AP50"] <= 1
    assert precision["AP50"] == pytest.approx(second["best"]["AP50"], abs=1e-6)

    # Export: the file finds the same, and carries the card
    written = run.json("export", model, "--output", exported, "--films", films / "val")
    assert written["parity"]["holds"]
    assert written["parity"]["films"] == 3
    assert written["parity"]["boxes"] >= 6
    assert written["size"] == exported.stat().st_size
    of_file = run.json("evaluate", exported, films / "val")["figures"]
    for name, value in precision.items():
        assert of_file[name]["value"] == (None if value is None else pytest.approx(value, abs=0.02)), name

    # Detect, with the file and with the folder
    results = {}
    for source in (exported, model):
        folder = tmp_path / f"marks of {source.name}"
        results[source] = run.json("detect", films / "val", "--model", source, "--output", folder, "--threshold", 0)
        assert results[source] == json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert len(results[source]["films"]) == 3
        assert results[source]["complete"] is True
        assert len(list((folder / "pictures").iterdir())) == 3
        assert len(list((folder / "annotations").glob("*.xml"))) == 3
        labels = [read_voc_file(path) for path in sorted((folder / "annotations").glob("*.xml"))]
        assert [len(one.objects) for one in labels] == [len(film["marks"]) for film in results[source]["films"]]
        assert (folder / "results.csv").stat().st_size > 0
    for ours, theirs in zip(*(results[source]["films"] for source in (model, exported)), strict=True):
        assert ours["film"] == theirs["film"]
        assert ours["marks"][0]["score"] == pytest.approx(theirs["marks"][0]["score"], abs=1e-3)
    run("detect", films / "val", "--model", exported, "--output", films / "val" / "marks", code=2)
    run("detect", films / "none", "--model", exported, "--output", tmp_path / "nothing", code=3)
    run("evaluate", tmp_path / "no model", films / "val", code=4)

    assert contents(films) == before, (
        "the films and their labels are as they were, byte for byte, and nothing joined them"
    )
