"""PyTorch: the folder's weights are the ones that run, and folders that will not do are refused."""

import importlib.util

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.tiny_faster_rcnn import build

import fractura.inference.runtimes.torch as torch_runtime
from fractura.core.errors import MissingDependencyError, ModelError, UsageError
from fractura.core.model_card import ModelCard, write_card
from fractura.inference import load_model
from fractura.models import Detector

IMAGE = np.full((40, 60, 3), 7, np.uint8)


class OneBox(Detector):
    """Detections the whole image; the score is its only weight, lowered if it is left in training mode."""

    def __init__(self):
        super().__init__()
        self.score = torch.nn.Parameter(torch.zeros(2))

    def losses(self, images, targets):
        return {"none": self.score.sum()}

    def architecture(self):
        return {"name": "one_box"}

    def forward(self, image):
        height, width = image.shape[:2]
        assert image.dtype == torch.uint8
        boxes = torch.tensor([[0.0, 0.0, width, height]] * 2)
        return boxes, self.score - (0.5 if self.training else 0), torch.tensor([0, 0])


@pytest.fixture(name="folder")
def model_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(torch_runtime, "build_from_architecture", lambda architecture: OneBox())
    write_card(ModelCard(name="m", architecture={"name": "one_box"}, class_names=("fracture",)), tmp_path)
    save_file({"score": torch.tensor([0.25, 0.75])}, tmp_path / "weights.safetensors")
    return tmp_path


def test_the_folders_weights_run_in_eval_mode(folder):
    model = load_model(folder, device="cpu")
    found = model.detect(IMAGE)
    assert found.scores.tolist() == [0.75, 0.25]
    assert found.xyxy[0].tolist() == [0, 0, 60, 40]
    assert (model.card.name, model.device) == ("m", "cpu")


def test_read_only_and_turned_images_are_fine(folder):
    frozen = IMAGE.copy()
    frozen.setflags(write=False)
    model = load_model(folder)
    assert len(model.detect(frozen)) == 2
    assert model.detect(IMAGE.transpose(1, 0, 2)).xyxy[0].tolist() == [0, 0, 40, 60]


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (None, "no weights here"),
        (b"nonsense", "cannot be read"),
        ({"scor": torch.zeros(2)}, "not those of the card"),
        ({"score": torch.zeros(3)}, "not those of the card"),
        ({"score": torch.zeros(2), "more": torch.zeros(1)}, "not those of the card"),
    ],
)
def test_wrong_weights_are_refused(folder, weights, said):
    file = folder / "weights.safetensors"
    file.unlink()
    if isinstance(weights, bytes):
        file.write_bytes(weights)
    elif weights is not None:
        save_file(weights, file)
    with pytest.raises(ModelError, match=said):
        load_model(folder)


def test_a_folder_without_a_card_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="no model card"):
        load_model(tmp_path)


def test_cuda_where_there_is_none_is_an_environment_error(folder, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(MissingDependencyError, match="CUDA"):
        load_model(folder, device="cuda")


def test_without_torch_the_way_out_is_named(folder, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else real(name, *rest))
    with pytest.raises(MissingDependencyError) as caught:
        load_model(folder)
    assert "fractura[train]" in str(caught.value)
    assert "fractura export" in str(caught.value)


@pytest.mark.parametrize("faster", [True, False])
def test_bf16_is_used_where_it_is_faster_and_close_to_float32(tmp_path, monkeypatch, faster):
    torch.manual_seed(0)
    detector = build()
    save_file(dict(detector.state_dict()), tmp_path / "weights.safetensors")
    write_card(ModelCard(name="m", architecture=detector.architecture(), class_names=("fracture",)), tmp_path)
    monkeypatch.setattr(torch_runtime, "bf16_pays", lambda device: faster)
    exact, wished = load_model(tmp_path, device="cpu"), load_model(tmp_path, device="cpu", precision="bf16")
    assert (exact.precision, wished.precision) == ("float32", "bf16" if faster else "float32")
    image = np.random.default_rng(0).integers(0, 255, (96, 80, 3), dtype=np.uint8)
    expected, found = exact.detect(image), wished.detect(image)
    assert (found.scores.tolist() == expected.scores.tolist()) is not faster
    most = min(len(expected), len(found), 5)
    np.testing.assert_allclose(found.scores[:most], expected.scores[:most], atol=0.02)


def test_the_trial_answers_for_this_machine():
    assert torch_runtime.bf16_pays(torch.device("cpu")) in (True, False)


def test_only_a_model_folder_computes_in_bf16():
    with pytest.raises(UsageError, match="only a model folder computes in bf16"):
        load_model("built-in", precision="bf16")
