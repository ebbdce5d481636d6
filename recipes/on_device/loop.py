"""The loop: batches are drawn and augmented on the device, losses computed per batch, averaged weights kept.

    PYTHONPATH=recipes python -m on_device.loop IMAGES.npz OUTPUT --minutes 5

``on_device.images.pack`` writes ``IMAGES.npz``. The learning rate follows the share of the work that is done, in steps
or in minutes, whichever is ahead: a run that ends by the clock has also lowered its rate by then.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from fractura.models.faster_rcnn.batched_losses import BatchTargets, batched_losses
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import FasterRCNNSettings
from fractura.training.optimization import MovingAverage
from on_device.images import Pictures, unpack
from on_device.randomize import MILD, Batch, Randomisation, Randomiser

STRENGTHS = {"randomised": (1.0, 1.0), "mild": (0.0, 0.0), "mixed": (0.65, 0.35)}
"""Share of the batches that are fully randomised, at the first and at the last step; the others change mildly."""


@dataclass(frozen=True)
class Plan:
    """All settings of a run.

    Attributes:
        model: Name of the detector.
        side: Side of the square canvas, in pixels.
        batch_size: Images per step.
        positive_share: Share of a batch that is drawn from images with a fracture.
        steps: Maximum number of optimiser steps.
        minutes: Maximum wall-clock minutes.
        learning_rate: The highest, reached after ``warm_up``.
        backbone_factor: The backbone's learning rate as a fraction of the others'.
        warm_up: Share of the work until the learning rate is highest.
        weight_decay: Weight decay of AdamW; norms and biases never decay.
        ema_decay: Decay of the averaged weights.
        drop_connect: See ``EfficientNetLiteSettings``.
        strength: Which of ``STRENGTHS``: the shares of strong and mild augmentation.
        seed: Seed of everything random.
    """

    model: str = "faster_rcnn_efficientnet_lite0_fine_448x448"
    side: int = 448
    batch_size: int = 32
    positive_share: float = 0.45
    steps: int = 100_000
    minutes: float = float("inf")
    learning_rate: float = 8e-4
    backbone_factor: float = 0.5
    warm_up: float = 0.05
    weight_decay: float = 0.03
    ema_decay: float = 0.998
    drop_connect: float = 0.1
    strength: str = "randomised"
    seed: int = 0


class Order:
    """Endless order of images: each comes once before any comes again."""

    def __init__(self, places: Tensor, generator: torch.Generator) -> None:
        self.places, self.generator = places, generator
        self.left = places[:0]

    def take(self, count: int) -> Tensor:
        """The next ``count`` places."""
        while len(self.left) < count:
            mixed = self.places[torch.randperm(len(self.places), generator=self.generator)]
            self.left = torch.cat([self.left, mixed])
        taken, self.left = self.left[:count], self.left[count:]
        return taken


def settings_of(plan: Plan) -> FasterRCNNSettings:
    """Settings of the detector: the whole backbone learns, with some of its branches skipped at random."""
    settings = named_settings(plan.model, 1)
    backbone = settings.feature_extractor.model_copy(update={"frozen_blocks": 0, "drop_connect": plan.drop_connect})
    return settings.model_copy(update={"feature_extractor": backbone})


def build(plan: Plan, *, backbone: Path | None = None, start: Path | None = None) -> FasterRCNN:
    """The detector with its initial weights.

    Args:
        plan: The run.
        backbone: ImageNet weights of the backbone, if the package that contains them is not installed.
        start: Weights of a whole detector to continue from.
    """
    torch.manual_seed(plan.seed)
    detector = FasterRCNN(settings_of(plan))
    if start is not None:
        stored = torch.load(start, map_location="cpu", weights_only=True)
        detector.load_state_dict({name: value.float() for name, value in stored.items()})
    elif backbone is not None:
        stored = torch.load(backbone, map_location="cpu", weights_only=True)
        detector.feature_extractor.backbone.load_state_dict({name: value.float() for name, value in stored.items()})
    else:
        detector.feature_extractor.backbone.load_imagenet_weights()
    return detector


def optimizer_of(detector: FasterRCNN, plan: Plan) -> torch.optim.Optimizer:
    """AdamW; each group carries its own fraction of the learning rate."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in detector.named_parameters():
        factor = plan.backbone_factor if name.startswith("feature_extractor.backbone.") else 1.0
        decay = plan.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((factor, decay), []).append(parameter)
    return torch.optim.AdamW(
        [{"params": each, "factor": factor, "weight_decay": decay} for (factor, decay), each in groups.items()],
        lr=plan.learning_rate,
        fused=True,
    )


def rate(plan: Plan, done: float) -> float:
    """The learning rate after a share 0..1 of the work: warm-up, then a cosine to 0."""
    if done < plan.warm_up:
        return plan.learning_rate * done / plan.warm_up
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min((done - plan.warm_up) / (1 - plan.warm_up), 1.0)))


def targets_of(batch: Batch) -> BatchTargets:
    """The ground truth of a batch; there is one class."""
    return BatchTargets(batch.boxes, torch.zeros_like(batch.boxes[..., 0], dtype=torch.int64), batch.real)


def learn(
    detector: FasterRCNN, pictures: Pictures, plan: Plan, output: Path, *, memory_format: torch.memory_format
) -> FasterRCNN:
    """Train, write averaged weights and a log, and return the averaged detector.

    Args:
        detector: The detector with its initial weights, on the device.
        pictures: Images to train on, on the device.
        plan: The run.
        output: File for the weights, in half precision; the log is written next to it.
        memory_format: Layout of the canvas and of the weights; the faster one depends on the device.
    """
    device = pictures.pixels.device
    generator = torch.Generator().manual_seed(plan.seed)
    torch.manual_seed(plan.seed + 1)
    detector.to(device, memory_format=memory_format).train()
    optimizer, average = optimizer_of(detector, plan), MovingAverage(detector, plan.ema_decay)
    strong, mild = (Randomiser(pictures, plan.side, each) for each in (Randomisation(), MILD))
    first_share, last_share = STRENGTHS[plan.strength]
    annotated = (pictures.counts > 0).cpu()
    positives = Order(annotated.nonzero()[:, 0], generator)
    negatives = Order((~annotated).nonzero()[:, 0], generator)
    fractured = round(plan.positive_share * plan.batch_size)
    started, step, done, logged, saved = time.monotonic(), 0, 0.0, 0.0, 0.5
    sums: dict[str, Tensor] = {}
    counted = 0
    with output.with_suffix(".log").open("w") as log:
        log.write(json.dumps({**asdict(plan), "minutes": str(plan.minutes)}) + "\n")
        while done < 1:
            for group in optimizer.param_groups:
                group["lr"] = rate(plan, done) * group["factor"]
            places = torch.cat([positives.take(fractured), negatives.take(plan.batch_size - fractured)])
            share = first_share + (last_share - first_share) * done
            chosen = strong if float(torch.rand((), generator=generator)) < share else mild
            batch = chosen.draw(places.to(device))
            canvas = batch.canvas.contiguous(memory_format=memory_format)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                losses = batched_losses(detector, canvas, targets_of(batch))
            total = torch.stack(list(losses.values())).sum()
            optimizer.zero_grad(set_to_none=True)
            total.backward()
            length = torch.nn.utils.clip_grad_norm_(detector.parameters(), 5.0)
            # A step whose gradient is not finite is skipped, without waiting for the device.
            optimizer.found_inf = (~torch.isfinite(length)).float()  # type: ignore[attr-defined]  # as a scaler would
            optimizer.step()
            step += 1
            average.update(detector, step)
            for name, value in {**losses, "gradient": length}.items():
                sums[name] = sums.get(name, torch.zeros((), device=device)) + value.detach()
            counted += 1
            if step % 10 == 0 and device.type == "cuda":
                torch.cuda.current_stream().synchronize()  # the clock must not run ahead of the device
            elapsed = (time.monotonic() - started) / 60
            done = max(step / plan.steps, elapsed / plan.minutes)
            if elapsed * 60 - logged > 5 or done >= 1:
                logged = elapsed * 60
                row = {name: round(float(value) / counted, 4) for name, value in sums.items()}
                shown = {"step": step, "minutes": round(elapsed, 3), "lr": rate(plan, done)}
                log.write(json.dumps({**shown, "images_per_second": round(step * plan.batch_size / logged, 1), **row}))
                log.write("\n")
                log.flush()
                sums, counted = {}, 0
            if done > saved + 0.05:  # a run that is interrupted leaves recent weights
                save(average.module, output)
                saved = done
    save(average.module, output)
    return average.module  # type: ignore[return-value]  # a deep copy of the detector


def save(detector: torch.nn.Module, file: Path) -> None:
    """Write the weights in half precision, as they are shipped."""
    torch.save({name: value.detach().half().cpu() for name, value in detector.state_dict().items()}, file)


@torch.no_grad()
def measure(
    detector: FasterRCNN, pictures: Pictures, side: int, memory_format: torch.memory_format
) -> dict[str, float]:
    """AUC on images by the image head, by the best region, and by both; the mean of two views."""
    detector.eval()
    draw = Randomiser(pictures, side, MILD)
    device = pictures.pixels.device
    whole, best = [], []
    for places in torch.arange(len(pictures), device=device).split(25):
        views = []
        for mirrored in (False, True):
            canvas = draw.plain(places, mirrored).canvas.contiguous(memory_format=memory_format)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                features = detector.feature_extractor.proposal_features(canvas)
                logits = detector.image_logits(features)
                codes, objectness = detector.predict_first_stage(features)
                anchors = detector.anchors(side, side, device)
                found = detector.propose(codes, objectness, anchors, [(side, side)] * len(places))
                _, classes = detector.predict_second_stage(detector.crop(features[0], found.boxes, (side, side)))
            scores = classes.softmax(dim=1)[:, 1].reshape(len(places), -1).max(dim=1).values
            views.append((logits.sigmoid(), scores))
        whole.append((views[0][0] + views[1][0]) / 2)
        best.append((views[0][1] + views[1][1]) / 2)
    image, box = torch.cat(whole), torch.cat(best)
    ground_truth = pictures.counts > 0
    both = torch.logit(image, eps=1e-6) + torch.logit(box, eps=1e-6)
    return {
        "auc_image": auc(image, ground_truth),
        "auc_box": auc(box, ground_truth),
        "auc_both": auc(both, ground_truth),
    }


def auc(scores: Tensor, ground_truth: Tensor) -> float:
    """Share of pairs of a positive and a negative image that are in the right order."""
    difference = scores[ground_truth][:, None] - scores[~ground_truth][None]
    return round(float((difference > 0).float().mean() + (difference == 0).float().mean() / 2), 4)


def use_device() -> tuple[torch.device, torch.memory_format]:
    """Set up the device to train on; return it and the layout of tensors that suits it."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.benchmark_limit = 3  # trying all algorithms takes half a minute
    torch.backends.cuda.matmul.allow_tf32 = False  # positions of pixels and boxes are matrix products, too
    gpu = torch.cuda.is_available()
    return torch.device("cuda" if gpu else "cpu"), torch.channels_last


def main() -> None:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("output", type=Path, help="file for the weights")
    parser.add_argument("--val", type=Path, help="images to measure on at the end")
    parser.add_argument("--backbone", type=Path, help="ImageNet weights of the backbone")
    parser.add_argument("--start", type=Path, help="weights to continue from")
    for name, value in asdict(Plan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    chosen = parser.parse_args()
    plan = replace(Plan(), **{name: getattr(chosen, name) for name in asdict(Plan())})
    device, layout = use_device()
    pictures = unpack(chosen.images).to(device)
    detector = build(plan, backbone=chosen.backbone, start=chosen.start)
    average = learn(detector, pictures, plan, chosen.output, memory_format=layout)
    if chosen.val is not None:
        metrics = measure(average, unpack(chosen.val).to(device), plan.side, layout)
        with chosen.output.with_suffix(".log").open("a") as log:
            log.write(json.dumps(metrics) + "\n")
        print(chosen.output.name, metrics, flush=True)


if __name__ == "__main__":
    main()
