"""The small detector learns 16 real images by heart, within ten minutes of one processor."""

import time
from dataclasses import replace

import pytest

from fractura.evaluation import evaluate
from fractura.formats import read_dataset
from fractura.imaging.reader import read_radiograph
from fractura.inference import load_model
from fractura.training import TrainSettings, train

IMAGES = 16
MOST_SECONDS = 600


def smallest_side(record):
    """Pixels of the canvas. Next to the smallest anchors (17) much smaller boxes cannot be learnt to IoU 0.5."""
    boxes = record.boxes.scale(320 / record.width, 320 / record.height)
    return min(boxes.width.min(), boxes.height.min())


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixteen_real_images_are_learnt(tmp_path, real_images):
    data = read_dataset(real_images("fracatlas/train"))
    annotated = [record for record in data if not record.is_negative and smallest_side(record) >= 10]
    images = replace(data, records=tuple(annotated[:: len(annotated) // IMAGES][:IMAGES]))
    assert len(images) == IMAGES
    assert images.negatives == 0
    settings = TrainSettings.create(
        {
            "data": "sixteen images",
            "output": tmp_path / "model",
            "model": "faster_rcnn_efficientnet_lite0_320x320",
            "num_steps": 200,
            "batch_size": 4,
            "learning_rate_base": 1e-3,
            "ema_decay": 0,
            "data_augmentation_options": "none",
            "device": "cpu",
            "workers": 0,
        }
    )
    started = time.process_time()
    result = train(settings, train_data=images)
    model = load_model(result.model_folder, device="cpu")
    found = [model.detect(read_radiograph(record.image).pixels) for record in images]
    seconds = time.process_time() - started
    metrics = evaluate(images, found).metrics
    assert metrics["AP50"].value >= 0.9, metrics
    assert seconds < MOST_SECONDS
