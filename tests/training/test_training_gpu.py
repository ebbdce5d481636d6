"""What only a CUDA GPU can show: half precision, running out of real memory, and resume on the device."""

import pytest
import torch
from support.training_fakes import FakeDetector, make_images

from fractura.core.reporter import STDERR
from fractura.models import DEFAULT_MODEL
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.layers import BatchNorm
from fractura.training import train
from fractura.training.data import Sample, collate, read_labelled_image
from fractura.training.logging import read_history

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


@pytest.mark.parametrize("precision", ["auto", "no", "bf16", "fp16"])
@pytest.mark.parametrize("workers", [0, 2])
def test_every_precision_learns(settings, tmp_path, precision, workers):
    images = make_images(tmp_path / "a", 40, seed=1), make_images(tmp_path / "b", 12, seed=2)
    torch.manual_seed(0)
    chosen = settings(
        device="cuda",
        mixed_precision=precision,
        workers=workers,
        num_steps=120,
        batch_size=8,
        eval_every=60,
        learning_rate_base=0.02,
    )
    result = train(chosen, detector=FakeDetector(), train_data=images[0], val_data=images[1])
    assert result.best["AP50"] > 0.2
    assert result.history[-1]["loss"] < 0.6 * result.history[0]["loss"]


@pytest.mark.parametrize("precision", ["no", "bf16", "fp16"])
def test_resume_on_the_gpu(settings, images, tmp_path, precision):
    def run(name, steps, **options):
        torch.manual_seed(0)
        chosen = settings(
            device="cuda", mixed_precision=precision, output=tmp_path / name, num_steps=steps, total_steps=12
        )
        train(chosen, detector=FakeDetector(), train_data=images[0], val_data=images[1], **options)
        return [row["loss"] for row in read_history(tmp_path / name)]

    whole = run("whole", 12)
    run("parts", 5)
    assert run("parts", 12, resume=True) == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("trainable", [True, False])
def test_batch_norm_learns_as_on_the_cpu(scaled, trainable):
    def gradients(device):
        norm = BatchNorm(6, momentum=0.9, epsilon=1e-3, scaled=scaled, trainable=trainable).to(device)
        images = torch.linspace(-1, 2, 4 * 6 * 5 * 5).reshape(4, 6, 5, 5).to(device, memory_format=torch.channels_last)
        (norm(images) ** 3).sum().backward()
        return [parameter.grad.cpu() for parameter in norm.parameters()]

    torch.testing.assert_close(gradients("cuda"), gradients("cpu"), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "name", ["faster_rcnn_inception_resnet_v2_640x640", "faster_rcnn_resnet50_v1_640x640", DEFAULT_MODEL]
)
def test_real_models_have_the_losses_of_the_cpu_and_gradients(name, tmp_path):
    records = make_images(tmp_path / "a", 2, seed=1).records
    batch = collate([Sample.of(read_labelled_image(record), record.name, at) for at, record in enumerate(records)])

    def losses_and_what_has_no_gradient(device):
        torch.manual_seed(0)
        detector = FasterRCNN(named_settings(name, 1)).to(device, memory_format=torch.channels_last).train()
        here = batch.to(torch.device(device))
        losses = detector.losses(here.images, here.targets)
        sum(losses.values()).backward()
        missing = [key for key, each in detector.named_parameters() if each.requires_grad and each.grad is None]
        return {key: float(value.detach()) for key, value in losses.items()}, missing

    on_gpu, on_cpu = losses_and_what_has_no_gradient("cuda"), losses_and_what_has_no_gradient("cpu")
    assert on_gpu[1] == on_cpu[1]
    assert on_gpu[0] == pytest.approx(on_cpu[0], rel=0.1, abs=0.02)  # regions are sampled at random


class Greedy(FakeDetector):
    """Asks for a third of the GPU per image."""

    def losses(self, images, targets):
        free = torch.cuda.get_device_properties(0).total_memory // 3
        held = [torch.empty(free, dtype=torch.uint8, device=image.device) for image in images]
        losses = super().losses(images, targets)
        del held
        return losses


def test_real_lack_of_memory_goes_on_with_fewer_at_once(settings, images, capsys):
    chosen = settings(device="cuda", num_steps=3)
    result = train(chosen, detector=Greedy(), train_data=images[0], val_data=images[1], reporter=STDERR)
    assert result.steps == 3
    assert "continuing with 2 at a time" in capsys.readouterr().err
