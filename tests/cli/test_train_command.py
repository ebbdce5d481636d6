"""``fractura train`` on the real small detector, and how it words mistakes."""

import json

import pytest

from fractura.cli.main import main
from fractura.core.model_card import read_card
from fractura.inference import load_model
from fractura.models import recommended_training


@pytest.fixture
def folders(tmp_path):
    """Pascal VOC folders of a few artificial images."""
    import numpy as np
    from PIL import Image

    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset, Record
    from fractura.formats import write_voc

    generator = np.random.default_rng(0)
    for name, count in (("train", 4), ("val", 2)):
        folder = tmp_path / name
        folder.mkdir()
        records = []
        for number in range(count):
            pixels = generator.integers(0, 60, (64, 80), dtype=np.uint8)
            pixels[20:44, 30:60] = 220
            path = folder / f"{name}{number}.png"
            Image.fromarray(pixels).save(path)
            boxes = Boxes([[30, 20, 60, 44]], [0]) if number else Boxes.empty()
            records.append(Record(path, 80, 64, boxes))
        write_voc(Dataset(("fracture",), tuple(records)), folder)
    return tmp_path


def command(folders, *words):
    return main(
        [
            "train",
            str(folders / "train"),
            "--output",
            str(folders / "model"),
            "--model",
            "faster_rcnn_efficientnet_lite0_320x320",
            "--batch-size",
            "1",
            "--device",
            "cpu",
            "--workers",
            "0",
            *words,
        ]
    )


def test_train_then_resume(folders, capsys):
    assert command(folders, "--val", str(folders / "val"), "--num-steps", "1", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["steps"] == 1
    assert document["best_step"] == 1
    assert 0 <= document["best"]["AP50"] <= 1
    assert {path.name for path in (folders / "model").iterdir()} >= {"card.json", "weights.safetensors", "log.csv"}
    assert command(folders, "--val", str(folders / "val"), "--num-steps", "2", "--resume") == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(folders / "model")
    assert "resuming after step 1" in captured.err


def test_resume_needs_no_setting_typed_again(folders, capsys):
    """Neither the data nor what was chosen: it is all kept with the state; what is typed wins, if it may change."""
    model = folders / "model"
    chosen = ("--val", str(folders / "val"), "--seed", "3", "--augmentation", "none", "--num-steps", "1")
    assert command(folders, *chosen) == 0
    before = json.loads((model / "training.json").read_text())["settings"]
    assert main(["train", "--resume", "--output", str(model), "--num-steps", "2"]) == 0
    assert "resuming after step 1" in capsys.readouterr().err
    document = json.loads((model / "training.json").read_text())
    assert document["step"] == 2
    assert document["settings"] == {**before, "num_steps": 2}
    assert main(["train", str(folders / "train"), "--resume", "--output", str(model), "--seed", "4"]) == 2
    assert "seed was 3, is 4" in capsys.readouterr().err


def test_settings_of_an_earlier_run_start_another(folders, capsys):
    assert command(folders, "--seed", "3", "--num-steps", "1") == 0
    file = folders / "model" / "training.json"
    assert main(["train", "--settings", str(file), "--output", str(folders / "again"), "--set", "ema_decay=0.5"]) == 0
    capsys.readouterr()
    first, second = (
        json.loads((folders / name / "training.json").read_text())["settings"] for name in ("model", "again")
    )
    assert second == {**first, "output": str(folders / "again"), "ema_decay": 0.5}


def test_what_is_missing_is_named(folders, capsys):
    for words, said in (
        (["--output", str(folders / "model")], "DATA is missing"),
        (["--resume"], "--output is missing"),
    ):
        assert main(["train", *words]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--set", "num_step=3"], 2, "did you mean 'num_steps'"),
        (["--set", "num_steps"], 2, "NAME=VALUE"),
        (["--augmentation", "imagge"], 2, "did you mean 'image'"),
        (["--num-steps", "0"], 2, "--num-steps = 0: must be at least 1"),
        (["--learning-rate", "-1"], 2, "--learning-rate = -1.0: must be more than 0"),
        (["--set", "learning_rate_base=-1"], 2, "learning_rate_base = -1: must be more than 0"),
        (["--device", "tpu"], 2, "tpu"),
        (["--set", "warmup_steps=50", "--num-steps", "10"], 2, "warmup_steps"),
        (["--model", "faster_rcnn_efficientnet_lite9"], 2, "no model is called"),
        (["--settings", "missing.json"], 2, "missing.json"),
        (["--val", "nowhere"], 3, "nowhere"),
        (["--resume"], 4, "no saved state"),
    ],
)
def test_mistakes(folders, capsys, words, code, said):
    assert command(folders, *words) == code
    assert said in capsys.readouterr().err


def test_a_settings_file_yields_to_options(folders, capsys):
    file = folders / "settings.json"
    file.write_text(json.dumps({"num_steps": 7, "seed": 3, "data_augmentation_options": []}))
    assert command(folders, "--settings", str(file), "--num-steps", "1", "--set", "ema_decay=0.5") == 0
    capsys.readouterr()
    settings = json.loads((folders / "model" / "card.json").read_text())["settings"]
    assert (settings["num_steps"], settings["seed"], settings["ema_decay"]) == (1, 3, 0.5)
    assert settings["data_augmentation_options"] == []
    recommended = recommended_training("faster_rcnn_efficientnet_lite0_320x320")
    assert settings["learning_rate_base"] == recommended["learning_rate_base"], "the detector's own recommendation"


def respell(folders, name):
    """The class of one image's box is written in another way."""
    file = folders / "train" / "annotations" / "train1.xml"
    text = file.read_text()
    assert "<name>fracture</name>" in text
    file.write_text(text.replace("<name>fracture</name>", f"<name>{name}</name>"))


@pytest.mark.parametrize("name", ["Fracture", "fracture ", "fractu-re"])
def test_one_class_spelled_in_two_ways_is_refused(folders, capsys, name):
    respell(folders, name)
    assert command(folders, "--num-steps", "1") == 3
    said = capsys.readouterr().err
    assert f"'{name}' (1" in said
    assert "'fracture' (2" in said
    assert "--fix" in said
    assert "class_names=[" in said


def test_classes_named_one_by_one_are_taken_as_they_are(folders, capsys):
    respell(folders, "Fracture")
    names = json.dumps(["Fracture", "fracture"])
    assert command(folders, "--num-steps", "1", "--set", f"class_names={names}") == 0
    assert "may be the same" not in capsys.readouterr().err


def test_a_misspelt_class_is_warned_of(folders, capsys):
    respell(folders, "fractur")
    assert command(folders, "--num-steps", "1") == 0
    assert "warning: classes 'fractur' (1 boxes) and 'fracture' (2) may be the same" in capsys.readouterr().err


def test_the_model_to_start_from_decides_about_the_detector(folders, capsys):
    words = [str(folders / "train"), "--output", str(folders / "model"), "--num-steps", "1", "--batch-size", "1"]
    assert main(["train", *words, "--fine-tune-checkpoint", str(folders / "none")]) == 4
    assert "no such model to start from" in capsys.readouterr().err
    assert main(["train", *words, "--fine-tune-checkpoint", "built-in", "--device", "cpu", "--workers", "0"]) == 0
    assert "weights from built-in: 300 tensors taken, 0 not used, 0 left fresh" in capsys.readouterr().err
    own, built_in = read_card(folders / "model"), load_model("built-in").card
    assert own.architecture["name"] == built_in.architecture["name"]
    assert own.settings["fine_tune_checkpoint"] == "built-in"
    assert own.settings["learning_rate_base"] == 1e-4, "a fifth of what starts from ImageNet"
    assert own.data["start"]["images"] == built_in.data["train"]["images"]
