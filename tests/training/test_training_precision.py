import pytest
import torch
from support.training_fakes import FakeDetector, make_images

from fractura.core.errors import UsageError
from fractura.training.data import PlainImages, collate
from fractura.training.devices import Precision, choose_precision, probe_precision


@pytest.mark.parametrize(
    ("wanted", "device", "name", "capability", "expected"),
    [
        ("auto", "cpu", "", (0, 0), "no"),
        ("auto", "mps", "", (0, 0), "no"),
        ("auto", "cuda", "NVIDIA H100", (9, 0), "bf16"),
        ("auto", "cuda", "NVIDIA GeForce RTX 3060", (8, 6), "bf16"),
        ("auto", "cuda", "NVIDIA GeForce RTX 2080", (7, 5), "fp16"),
        ("auto", "cuda", "Tesla V100", (7, 0), "fp16"),
        ("auto", "cuda", "NVIDIA GeForce GTX 1660 Ti", (7, 5), "no"),
        ("auto", "cuda", "GeForce GTX1650", (7, 5), "no"),
        ("auto", "cuda", "GeForce GTX 1080", (6, 1), "no"),
        ("no", "cuda", "NVIDIA H100", (9, 0), "no"),
        ("bf16", "cpu", "", (0, 0), "bf16"),
        ("fp16", "cuda", "GeForce GTX 1660", (7, 5), "fp16"),
    ],
)
def test_choice(wanted, device, name, capability, expected):
    chosen = choose_precision(wanted, device, name, capability)
    assert chosen.format == expected
    assert chosen.reason


def test_fp16_without_a_gpu_is_refused():
    with pytest.raises(UsageError):
        choose_precision("fp16", "cpu")


@pytest.mark.parametrize("breaks", [False, True])
def test_probe_on_real_images_leaves_the_detector_as_it_was(tmp_path, breaks):
    detector = FakeDetector()
    if breaks:
        detector.losses = lambda images, targets: {"loss": next(detector.parameters()).sum() * float("nan")}
    data = make_images(tmp_path, 3)
    batch = collate([PlainImages(data)[place] for place in range(3)])
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    found = probe_precision(detector, batch, Precision("bf16", "as asked"), torch.device("cpu"))
    assert found.format == ("no" if breaks else "bf16")
    assert not breaks or "not finite" in found.reason
    assert all(torch.equal(value, before[name]) for name, value in detector.state_dict().items())
    assert all(p.grad is None for p in detector.parameters())
