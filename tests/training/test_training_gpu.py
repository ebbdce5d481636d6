"""What only a CUDA GPU can show: half precision, running out of real memory, and resume on the device."""

import pytest
import torch
from support.training_fakes import FakeDetector, make_images

from fractura.core.reporter import STDERR
from fractura.training import train
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
