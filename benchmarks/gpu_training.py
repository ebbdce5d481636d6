"""Training steps on a CUDA GPU: images a second, and the share of the GPU's own rate of bf16 matrix products.

    python -m benchmarks.gpu_training [MODEL …]

Peer: the product of two 8192 x 8192 matrices in bf16, measured in the same run before and after. The operations of a
step are those that PyTorch counts in forward and backward passes (convolutions and matrix products, one multiplication
and one addition as two). The step is the trainer's own: losses, gradients, clipping, update.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from accelerate import PartialState
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.contest import keep
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.phantom import make_phantoms
from fractura.training.data import Batch, Sample, collate, read_labelled_image
from fractura.training.devices import build_accelerator
from fractura.training.optimization import build_optimizer
from fractura.training.settings import TrainSettings
from fractura.training.step import LossModule, OptimizerStep

MODELS = (
    "faster_rcnn_inception_resnet_v2_640x640",
    "faster_rcnn_resnet50_v1_640x640",
    "faster_rcnn_efficientnet_lite0_448x448",
)
BATCHES = (1, 4, 16, 32, 64)
STEPS, WARM_UP = 7, 3
SIDE = 8192


def matrix_rate() -> float:
    """bf16 operations a second of a large matrix product."""
    one, other = (torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    for _ in range(5):
        one @ other
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(30):
        one @ other
    torch.cuda.synchronize()
    return 30 * 2 * SIDE**3 / (time.perf_counter() - started)


def stepper(model: str, batch: int) -> OptimizerStep:
    """The trainer's step of an untrained ``model``."""
    torch.manual_seed(0)
    state = PartialState()
    detector = FasterRCNN(named_settings(model, 1)).to(state.device, memory_format=torch.channels_last).train()
    settings = TrainSettings(data=Path("unused"), model=model, output=Path("unused"), batch_size=batch)
    accelerator = build_accelerator(state, "bf16")
    module, optimizer = accelerator.prepare(LossModule(detector), build_optimizer(settings, detector))
    return OptimizerStep(accelerator, module, optimizer, longest_gradient=10.0, micro_batch=None, seed=0, warn=print)


def seconds_of(step: OptimizerStep, batch: Batch) -> float:
    """Median time of a step."""
    times = []
    for number in range(WARM_UP + STEPS):
        torch.cuda.synchronize()
        started = time.perf_counter()
        step.run(batch, number)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return statistics.median(times[WARM_UP:])


def operations_of(model: str, samples: list[Sample]) -> int:
    """Operations of a training step of one image."""
    step = stepper(model, 1)
    with FlopCounterMode(display=False) as counter:
        step.run(collate(samples[:1]).to(torch.device("cuda")), 0)
    return counter.get_total_flops()


def measure(model: str, samples: list[Sample], size: int, operations: int, rate: float) -> float | None:
    """Print a line for batches of ``size`` images; operations a second, or None where memory does not suffice."""
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    step = stepper(model, size)
    batch = collate([samples[place % len(samples)] for place in range(size)]).to(torch.device("cuda"))
    seconds = seconds_of(step, batch)
    if step.micro_batch is not None:
        return None
    reached = size * operations / seconds
    print(
        f"{size:7}{1000 * seconds:11.1f}{size / seconds:10.1f}{reached / 1e12:9.1f}{reached / rate:7.3f}"
        f"{torch.cuda.max_memory_allocated() / 1e9:6.1f}",
        flush=True,
    )
    return reached


def measure_all(model: str, samples: list[Sample]) -> None:
    """A line for each size of batch until memory is full; keeps the best."""
    operations, before = operations_of(model, samples), matrix_rate()
    print(f"{model}\n{'batch':>7}{'ms a step':>11}{'images/s':>10}{'TFLOP/s':>9}{'share':>7}{'GB':>6}", flush=True)
    best = 0.0
    for size in BATCHES:
        reached = measure(model, samples, size, operations, before)
        if reached is None:
            break
        best = max(best, reached)
    keep(
        f"gpu-training-{model}",
        f"training step of `{model}` in bf16, best batch",
        ("trainer", [best / 1e12]),
        ("matrix product in bf16", [before / 1e12, matrix_rate() / 1e12]),
        unit="TFLOP/s",
        more_is_better=True,
        goal=0.4,
        device=torch.cuda.get_device_name(),
    )


def main() -> None:
    """Measure each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"default: {', '.join(MODELS)}")
    models = parser.parse_args().models or MODELS
    with TemporaryDirectory() as scratch:
        data = make_phantoms(Path(scratch), images=16, seed=3)
        samples = [
            Sample.of(read_labelled_image(record), record.name, place) for place, record in enumerate(data.records)
        ]
        for model in models:
            measure_all(model, samples)


if __name__ == "__main__":
    main()
