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
def test_from_a_folder_of_images_to_detections_on_them(tmp_path, capsys):
    run = Terminal(capsys)
    images, model, exported = tmp_path / "images", tmp_path / "model", tmp_path / "out" / "fractures.onnx"

    # Images
    made = run.json("phantom", images, "--images", 6, "--val-images", 3, "--short-side", 200, "--long-side", 240)
    assert [split["images"] for split in made["splits"]] == [6, 3]
    before = contents(images)
    assert sum(name.endswith(".xml") for name in before) == 9

    # Check
    report = run.json("check", images / "train", "--against", images / "val")
    assert report["errors"] == 0

    # Train, stop, go on
    training = ["train", images / "train", "--val", images / "val", "--output", model, *TRAIN]
    first = run.json(*training, "--num-steps", 4, "--eval-every", 2)
    assert first["steps"] == 4
    assert [validation["step"] for validation in first["validations"]] == [2, 4]
    card = json.loads((model / "card.json").read_text(encoding="utf-8"))
    assert card["class_names"] == ["Fractura"]
    assert card["architecture"]["name"] == "faster_rcnn_efficientnet_lite0_320x320"
    assert card["data"]["train"]["images"] == 6
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
    metrics = run.json("evaluate", model, images / "val", "--output", tmp_path / "metrics")
    assert metrics["images"] == 3
    assert json.loads((tmp_path / "metrics" / "evaluation.json").read_text(encoding="utf-8")) == metrics
    precision = {key: metric["value"] for key, metric in metrics["metrics"].items() if key.startswith("AP")}
    assert 0 <= precision["AP50"] <= 1
    assert precision["AP50"] == pytest.approx(second["best"]["AP50"], abs=1e-6)

    # Export: the file finds the same, and carries the card
    written = run.json("export", model, "--output", exported, "--images", images / "val")
    assert written["parity"]["holds"]
    assert written["parity"]["images"] == 3
    assert written["parity"]["boxes"] >= 6
    assert written["size"] == exported.stat().st_size
    of_file = run.json("evaluate", exported, images / "val")["metrics"]
    for name, value in precision.items():
        assert of_file[name]["value"] == (None if value is None else pytest.approx(value, abs=0.02)), name

    # Detect, with the file and with the folder
    results = {}
    for source in (exported, model):
        folder = tmp_path / f"detections of {source.name}"
        results[source] = run.json("detect", images / "val", "--model", source, "--output", folder, "--threshold", 0)
        assert results[source] == json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert len(results[source]["images"]) == 3
        assert results[source]["complete"] is True
        assert len(list((folder / "pictures").iterdir())) == 3
        assert len(list((folder / "annotations").glob("*.xml"))) == 3
        labels = [read_voc_file(path) for path in sorted((folder / "annotations").glob("*.xml"))]
        assert [len(one.objects) for one in labels] == [len(image["detections"]) for image in results[source]["images"]]
        assert (folder / "results.csv").stat().st_size > 0
    for ours, theirs in zip(*(results[source]["images"] for source in (model, exported)), strict=True):
        assert ours["image"] == theirs["image"]
        assert ours["detections"][0]["score"] == pytest.approx(theirs["detections"][0]["score"], abs=1e-3)
    run("detect", images / "val", "--model", exported, "--output", images / "val" / "detections", code=2)
    run("detect", images / "none", "--model", exported, "--output", tmp_path / "nothing", code=3)
    run("evaluate", tmp_path / "no model", images / "val", code=4)

    assert contents(images) == before, (
        "the images and their labels are as they were, byte for byte, and nothing joined them"
    )
