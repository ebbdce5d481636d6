"""One optimiser step: losses, gradients, update; and what happens when memory runs out or a loss is no number."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from fractura.core.errors import ModelError
from fractura.models.detector import Detector, Target
from fractura.training.data import Batch
from fractura.training.optimization import clip_by_global_norm
from fractura.training.state import seed_step

_OVERFLOWS_IN_A_ROW = 30
"""fp16 steps without an update after which something else is wrong; the scaler needs a few to find its scale."""


class LossModule(nn.Module):
    """A detector whose ``forward`` is its losses: distribution and mixed precision hook onto ``forward`` only."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """``detector.losses``."""
        return self.detector.losses(images, targets)


@dataclass(frozen=True)
class StepResult:
    """What one step was like.

    Attributes:
        loss: Sum of ``parts``.
        parts: Losses by name, means over the batch.
        gradient_norm: Length of the gradient before clipping.
        updated: False where fp16 overflowed and the step was left out.
    """

    loss: float
    parts: dict[str, float]
    gradient_norm: float
    updated: bool


class OptimizerStep:
    """Runs steps.

    Args:
        accelerator: Device, precision, processes.
        model: The ``LossModule``, prepared by ``accelerator``.
        optimizer: Prepared likewise.
        longest_gradient: See ``TrainSettings.gradient_clipping_by_norm``.
        micro_batch: Images at once through the network; None is all.
        seed: Of the run.
        warn: Called with a line for people.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        longest_gradient: float,
        micro_batch: int | None,
        seed: int,
        warn: Callable[[str], None],
    ) -> None:
        self.accelerator = accelerator
        self.model = model
        self.optimizer = optimizer
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.longest_gradient = longest_gradient
        self.micro_batch = micro_batch
        self.seed = seed
        self.warn = warn
        self._overflows = 0

    def run(self, batch: Batch, step: int) -> StepResult:
        """One update from ``batch``.

        Raises:
            ModelError: A loss or gradient is not finite (weights are as before the step), or the memory does not even
                hold one image.
        """
        while True:
            shortage = self._try(batch, step)
            if isinstance(shortage, dict):
                return self._update(shortage, batch, step)
            self._make_room(shortage, len(batch), step)

    def _try(self, batch: Batch, step: int) -> dict[str, float] | str:
        """Gradients of ``batch``: the losses, or what the memory complained of."""
        seed_step(self.seed, step, self.accelerator.process_index)
        self.optimizer.zero_grad(set_to_none=True)
        try:
            return self._accumulate(batch, step)
        except torch.OutOfMemoryError as error:
            return str(error)
        except RuntimeError as error:
            if "DefaultCPUAllocator" not in str(error) and "out of memory" not in str(error).lower():
                raise
            return str(error)

    def _accumulate(self, batch: Batch, step: int) -> dict[str, float]:
        size = min(self.micro_batch or len(batch), len(batch))
        sums: dict[str, float] = {}
        for first in range(0, len(batch), size):
            part = batch.part(first, min(first + size, len(batch)))
            last = first + size >= len(batch)
            # Several processes exchange gradients once, after the last part.
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                losses = self.model(part.images, part.targets)
                values = torch.stack([value.float() for value in losses.values()])
                share = len(part) / len(batch)
                numbers = values.detach().tolist()
                if not all(math.isfinite(number) for number in numbers):
                    raise self._not_finite(dict(zip(losses, numbers, strict=True)), part, step)
                self.accelerator.backward(values.sum() * share)
            for name, number in zip(losses, numbers, strict=True):
                sums[name] = sums.get(name, 0.0) + number * share
        return sums

    def _update(self, parts: dict[str, float], batch: Batch, step: int) -> StepResult:
        scaler = self.accelerator.scaler
        self.accelerator.unscale_gradients(self.optimizer)
        length = float(clip_by_global_norm(self.parameters, self.longest_gradient))
        if not math.isfinite(length):
            self._overflows += 1
            if scaler is None or self._overflows > _OVERFLOWS_IN_A_ROW:
                self.optimizer.zero_grad(set_to_none=True)
                raise self._not_finite({**parts, "gradient": length}, batch, step)
        else:
            self._overflows = 0
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepResult(sum(parts.values()), parts, length, math.isfinite(length))

    def _not_finite(self, numbers: dict[str, float], batch: Batch, step: int) -> ModelError:
        bad = ", ".join(f"{name} = {number}" for name, number in numbers.items() if not math.isfinite(number))
        return ModelError(
            f"step {step + 1}: {bad}; the images of this step were {', '.join(batch.names)}",
            hint=(
                "look at the boxes of these images (fractura check), lower --learning-rate, or train with "
                "--mixed-precision no; the last saved state is unharmed and --resume goes on from it"
            ),
        )

    def _make_room(self, shortage: str, images: int, step: int) -> None:
        """After a step that did not fit: halve the images that go through at once."""
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = min(self.micro_batch or images, images)
        first_line = shortage.splitlines()[0] if shortage else "out of memory"
        if size == 1:
            raise ModelError(
                f"not enough memory for a single image at a time ({first_line})",
                hint="take a smaller model, or a machine with more memory",
            )
        if self.accelerator.num_processes > 1:
            # The other processes wait for this one's gradients; they cannot be told to start over.
            raise ModelError(
                f"not enough memory for {size} images at a time in each process ({first_line})",
                hint=f"use --micro-batch-size {size // 2}: the batch stays the same, only less of it at once",
            )
        self.micro_batch = size // 2
        self.warn(
            f"step {step + 1}: not enough memory for {size} images at once; going on with {self.micro_batch} at a time "
            f"(gradients are accumulated to the same batch of {images})"
        )
