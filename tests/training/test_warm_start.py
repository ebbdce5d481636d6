"""Training starts from another trained model: a folder, an exported file, the built-in one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_models import CARD, write_tiny_onnx

from fractura.core.errors import ModelError
from fractura.core.model_card import WEIGHTS_FILE, read_card, write_card
from fractura.core.reporter import STDERR
from fractura.evaluation.leakage import Leakage
from fractura.export.parity import compare
from fractura.inference import load_model
from fractura.inference.built_in import NAME as BUILT_IN
from fractura.inference.built_in import built_in_model
from fractura.inference.runtimes.torch import TorchModel
from fractura.models import build_detector
from fractura.phantom import make_phantoms
from fractura.training import TrainSettings, train
from fractura.training.exported_weights import read_exported_weights
from fractura.training.warm_start import architecture_of, start_from

SMALL = "faster_rcnn_efficientnet_lite0_320x320"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The built-in model as a model folder, made of its exported file alone."""
    folder = tmp_path_factory.mktemp("unpacked") / "model"
    card, weights = read_exported_weights(built_in_model())
    write_card(card, folder)
    save_file(weights, folder / WEIGHTS_FILE)
    return folder


def test_the_built_in_model_comes_back_as_a_detector_that_finds_the_same(unpacked, tmp_path):
    images = [each.image for each in make_phantoms(tmp_path / "images", images=4, seed=3)]
    parity = compare(TorchModel(unpacked, device="cpu"), load_model(BUILT_IN), images)
    assert parity.holds
    assert parity.boxes >= 4
    assert parity.unmatched == 0


def test_all_of_it_is_taken_and_the_images_behind_it_are_known(unpacked):
    card = read_card(unpacked)
    detector = build_detector(architecture_of(Path(BUILT_IN))["name"], 1)
    start = start_from(detector, Path(BUILT_IN))
    assert "0 not used, 0 left fresh" in start.line
    taken = load_file(unpacked / WEIGHTS_FILE)
    assert all(torch.equal(value, taken[name]) for name, value in detector.state_dict().items())
    assert start.images == {"images": 3237, "image_digests": card.data["train"]["image_digests"]}


def test_with_other_classes_only_the_class_heads_are_fresh():
    detector = build_detector(architecture_of(Path(BUILT_IN))["name"], 3)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    start = start_from(detector, Path(BUILT_IN))
    same = [name for name, value in detector.state_dict().items() if torch.equal(value, before[name])]
    fresh = {"second_stage_class_head.weight", "second_stage_class_head.bias"}
    assert fresh <= set(same)
    assert "fresh: second_stage" in start.line


def test_an_exported_file_that_is_no_detector_of_ours_is_refused(tmp_path):
    detector = build_detector(SMALL, 2)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    card = CARD.model_copy(update={"architecture": detector.architecture()})
    with pytest.raises(ModelError, match="cannot be recovered"):
        start_from(detector, write_tiny_onnx(tmp_path / "tiny.onnx", card=card))
    with pytest.raises(ModelError, match="architecture is"):
        start_from(detector, write_tiny_onnx(tmp_path / "other.onnx"))
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())


def test_a_model_that_is_not_there_is_said_before_anything_else(tmp_path):
    with pytest.raises(ModelError, match="no such model to start from"):
        architecture_of(tmp_path / "nothing")


def test_images_of_the_first_model_count_as_trained_on_by_the_second(tmp_path, capsys):
    """Also those that it learnt from two models ago; and validation on them is warned of."""
    first = make_phantoms(tmp_path / "first", images=4, seed=1, size=(192, 240))
    second = make_phantoms(tmp_path / "second", images=4, seed=2, size=(192, 240))
    common = {"num_steps": 1, "batch_size": 2, "device": "cpu", "ema_decay": 0.0, "workers": 0}

    def run(output, images, val=None, **other):
        settings = TrainSettings(data=tmp_path, output=tmp_path / output, model=SMALL, **common, **other)
        train(settings, train_data=images, val_data=val, detector=build_detector(SMALL, 1), reporter=STDERR)
        return read_card(tmp_path / output)

    assert "start" not in run("one", first).data
    run("two", second, fine_tune_checkpoint=tmp_path / "one")
    capsys.readouterr()
    third = make_phantoms(tmp_path / "third", images=2, seed=3, size=(192, 240))
    card = run("three", third, first, fine_tune_checkpoint=tmp_path / "two")
    said = " ".join(capsys.readouterr().err.split())
    assert "the model that training starts from was trained on 4 of the 4 images to validate on" in said
    assert card.data["start"]["images"] == 8
    for images, count in ((first, 4), (second, 4), (third, 2)):
        assert images.shared_with(card.trained_on) == count
        assert Leakage.of(card, images).trained == count
