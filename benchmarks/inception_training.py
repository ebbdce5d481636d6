"""Training steps of Faster R-CNN Inception ResNet V2 640x640 at batch 2 on the CPU: seconds, memory, falling loss.

    python -m benchmarks.inception_training [--steps 20] [--images FOLDER]

Peer: the TensorFlow 2.15 Object Detection API's own step on a 2-core machine, 33 s and 7.0 GB (measured once, by the
authors of the reference notes; TensorFlow is not run here).
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import psutil
import torch

from fractura.core.dataset import Record
from fractura.formats import read_dataset
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import InceptionResNetV2Settings
from fractura.phantom import make_phantoms
from fractura.training.data import Sample, read_labelled_image
from fractura.training.tensorflow_optimizers import TensorFlowMomentum

NAME = "faster_rcnn_inception_resnet_v2_640x640"
PEER_SECONDS, PEER_GIGABYTES = 33.0, 7.0


def two_fractured(records: list[Record]) -> list[Sample]:
    """The first two images with boxes."""
    chosen = [record for record in records if not record.is_negative][:2]
    return [Sample.of(read_labelled_image(record), record.name, place) for place, record in enumerate(chosen)]


def measure(samples: list[Sample], steps: int, batch_norm_trainable: bool, learning_rate: float) -> None:
    """Train on the same two images and print each step."""
    torch.manual_seed(0)
    backbone = InceptionResNetV2Settings(batch_norm_trainable=batch_norm_trainable)
    detector = FasterRCNN(named_settings(NAME, 1).model_copy(update={"feature_extractor": backbone})).train()
    optimizer = TensorFlowMomentum(detector.parameters(), lr=learning_rate, momentum=0.9)
    process, seconds, losses = psutil.Process(), [], []
    peak = 0
    for step in range(steps):
        started = time.perf_counter()
        loss = sum(detector.losses([s.image for s in samples], [s.target for s in samples]).values())
        peak = max(peak, process.memory_info().rss)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), 10.0)
        peak = max(peak, process.memory_info().rss)
        optimizer.step()
        seconds.append(time.perf_counter() - started)
        losses.append(float(loss.detach()))
        print(f"  step {step + 1:2d}  loss {losses[-1]:.4f}  {seconds[-1]:.1f} s", flush=True)
    median = sorted(seconds)[len(seconds) // 2]
    fifth = max(1, steps // 5)
    first, last = sum(losses[:fifth]) / fifth, sum(losses[-fifth:]) / fifth
    print(
        f"batch norm {'batch statistics' if batch_norm_trainable else 'frozen'}: {median:.1f} s a step "
        f"({median / PEER_SECONDS:.2f} x TensorFlow's {PEER_SECONDS:.0f} s), peak {peak / 1e9:.1f} GB "
        f"(TensorFlow {PEER_GIGABYTES:.1f}); loss {first:.3f} -> {last:.3f}"
    )


def main() -> None:
    """Both batch-norm modes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--images", type=Path, help="folder of labelled images; phantoms without it")
    parser.add_argument("--learning-rate", type=float, default=0.002)
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        data = read_dataset(arguments.images) if arguments.images else make_phantoms(Path(scratch), images=12, seed=3)
        samples = two_fractured(list(data.records))
        for batch_norm_trainable in (True, False):
            measure(samples, arguments.steps, batch_norm_trainable, arguments.learning_rate)


if __name__ == "__main__":
    main()
