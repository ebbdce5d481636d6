"""``fractura train --model hf:FOLDER``: from phantoms to an exported, evaluated model, the same way as any other."""

import json
import subprocess
import sys

import pytest
from support.tiny_transformers import save_folder

from fractura.cli.main import main
from fractura.core.model_card import read_card
from fractura.phantom import make_phantoms


def command(root, *words):
    return [
        "train",
        str(root / "train"),
        "--val",
        str(root / "val"),
        "--output",
        str(root / "model"),
        "--model",
        f"hf:{root / 'private' / 'pretrained'}",
        "--batch-size",
        "2",
        "--device",
        "cpu",
        "--workers",
        "0",
        *words,
    ]


@pytest.fixture(name="root", scope="module")
def root_fixture(tmp_path_factory):
    root = tmp_path_factory.mktemp("transformers")
    make_phantoms(root / "train", images=6, stream=0)
    make_phantoms(root / "val", images=4, stream=1)
    save_folder(root / "private" / "pretrained", "rt_detr_v2")
    return root


@pytest.fixture(name="trained", scope="module")
def trained_fixture(root):
    """A run of two steps, in a process of its own: the library's logging, bars and warnings are as users have them."""
    run = [sys.executable, "-c", "import sys; from fractura.cli.main import main; sys.exit(main(sys.argv[1:]))"]
    outcome = subprocess.run([*run, *command(root, "--num-steps", "2")], capture_output=True, text=True)
    assert outcome.returncode == 0, outcome.stderr
    return outcome


def test_the_terminal_shows_our_words_only(trained, root):
    assert trained.stdout == f"{root / 'model'}\n"
    assert "weights of hf:pretrained: " in trained.stderr
    assert "7 left fresh: " in trained.stderr
    for noise in ("Warning", "LOAD REPORT", "it/s", "huggingface", "site-packages", "torch_dtype"):
        assert noise not in trained.stderr


def test_the_card_says_what_it_was_and_no_path_of_this_machine(trained, root):
    card = read_card(root / "model")
    assert card.architecture["family"] == "rt_detr_v2"
    assert card.architecture["num_classes"] == 1
    assert card.class_names == ("Fractura",)
    assert card.settings["model"] == "hf:pretrained"
    assert card.settings["gradient_clipping_by_norm"] == 0.1
    assert "private" not in card.to_json()


def test_resume_export_evaluate_detect(trained, root, capsys):
    assert main(command(root, "--num-steps", "3", "--resume", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 3
    assert main(["export", str(root / "model"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parity"]["holds"]
    exported = str(root / "model" / "model.onnx")
    assert main(["evaluate", exported, str(root / "val"), "--no-intervals", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 4
    assert main(["detect", str(root / "val" / "images"), "--model", exported, "--output", str(root / "found")]) == 0
    assert (root / "found" / "results.json").is_file()


def test_training_goes_on_from_it_without_the_pretrained_folder(trained, root, capsys):
    words = ["train", str(root / "train"), "--output", str(root / "further"), "--num-steps", "1", "--batch-size", "2"]
    (root / "private" / "pretrained").rename(root / "private" / "away")
    try:
        assert main([*words, "--fine-tune-checkpoint", str(root / "model"), "--device", "cpu", "--workers", "0"]) == 0
    finally:
        (root / "private" / "away").rename(root / "private" / "pretrained")
    assert "0 not used, 0 left fresh" in capsys.readouterr().err
    assert read_card(root / "further").architecture == read_card(root / "model").architecture


def test_what_only_faster_rcnn_can_do_is_said(trained, root, capsys, tensorflow):
    assert main(["export", str(root / "model"), "--to", "saved_model"]) == 4
    err = capsys.readouterr().err
    assert "cannot be exported as a SavedModel" in err
    assert "--to onnx" in err


def test_an_unknown_model_is_a_usage_error_with_a_suggestion(root, capsys):
    words = command(root, "--num-steps", "1")
    words[words.index("--model") + 1] = "dfine_smal"
    assert main(words) == 2
    assert "did you mean 'dfine_small'?" in capsys.readouterr().err
