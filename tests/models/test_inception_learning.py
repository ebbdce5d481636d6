"""The tutorial's network learns with the tutorial's optimiser, in both of its batch-norm modes."""

import numpy as np
import pytest
import torch

from fractura.models.detector import Target
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import InceptionResNetV2Settings
from fractura.models.resizer import FixedShapeResizer
from fractura.training.optimization import build_optimizer, clip_by_global_norm, set_learning_rate
from fractura.training.schedules import learning_rate
from fractura.training.settings import TrainSettings

NAME = "faster_rcnn_inception_resnet_v2_640x640"
STEPS = 20


def two_images():
    """One with a bright patch, one without."""
    generator = np.random.default_rng(0)
    images = [torch.from_numpy(generator.integers(0, 60, (150, 120, 3), dtype=np.uint8)) for _ in range(2)]
    images[0][40:110, 20:90] = 220
    annotated = Target(torch.tensor([[20.0, 40.0, 90.0, 110.0]]), torch.zeros(1, dtype=torch.int64))
    return images, [annotated, Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))]


@pytest.mark.slow
@pytest.mark.parametrize("batch_norm_trainable", [True, False])
def test_the_loss_falls(batch_norm_trainable):
    torch.manual_seed(0)
    # Fewer and smaller regions than the tutorial's: the second stage is nearly all of the work.
    settings = named_settings(NAME, 1).model_copy(
        update={
            "image_resizer": FixedShapeResizer(height=96, width=96),
            "feature_extractor": InceptionResNetV2Settings(batch_norm_trainable=batch_norm_trainable),
            "second_stage_batch_size": 8,
            "first_stage_max_proposals": 30,
            "initial_crop_size": 5,
        }
    )
    detector = FasterRCNN(settings).train()
    training = TrainSettings.create(
        {"data": "d", "output": "o", "model": NAME, "num_steps": STEPS, "learning_rate_base": 0.008, "warmup_steps": 4}
    )
    assert training.optimizer == "momentum"
    optimizer = build_optimizer(training, detector)
    parameters = [p for p in detector.parameters() if p.requires_grad]
    images, targets = two_images()
    before = {name: value.clone() for name, value in detector.named_buffers()}
    totals = []
    for step in range(STEPS):
        set_learning_rate(optimizer, learning_rate(training, step))
        optimizer.zero_grad()
        total = sum(detector.losses(images, targets).values())
        total.backward()
        clip_by_global_norm(parameters, training.gradient_clipping_by_norm)
        optimizer.step()
        totals.append(total.item())
    assert np.isfinite(totals).all()
    assert np.mean(totals[-5:]) < 0.8 * np.mean(totals[:5]), totals
    moved = {name for name, value in detector.named_buffers() if not torch.equal(value, before[name])}
    assert moved == (set(before) if batch_norm_trainable else set())
    assert all(len(found) for found in detector.detect(images))
