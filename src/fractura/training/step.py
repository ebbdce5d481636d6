"""One optimiser step: losses, gradients, update, out-of-memory and NaN handling; and the means of what was logged."""

from __future__ import annotations

import gc
import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from fractura.core.errors import ModelError
from fractura.models.detector import Detector, Target
from fractura.training.data import Batch
from fractura.training.optimization import clip_by_global_norm
from fractura.training.state import seed_step

_OVERFLOWS_IN_A_ROW = 30
"""fp16 steps without an update that are tolerated: the scaler needs a few to find its scale."""
_RATE_WINDOW = 20
"""Steps over which the speed is averaged."""


class LossModule(nn.Module):
    """A detector whose ``forward`` returns its losses: distribution and mixed precision only wrap ``forward``."""

    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, images: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """``detector.losses``."""
        return self.detector.losses(images, targets)


@dataclass(frozen=True)
class StepResult:
    """Losses and gradient of one step.

    Attributes:
        loss: Sum of ``parts``.
        parts: Losses by name, means over the batch.
        gradient_norm: Norm of the gradient before clipping.
        updated: False if fp16 overflowed and the step was skipped.
    """

    loss: float
    parts: dict[str, float]
    gradient_norm: float
    updated: bool


class OptimizerStep:
    """Runs optimiser steps.

    Args:
        accelerator: Device, precision and processes.
        model: The ``LossModule``, prepared by ``accelerator``.
        optimizer: Prepared likewise.
        longest_gradient: See ``TrainSettings.gradient_clipping_by_norm``.
        micro_batch: Number of images that pass through the network at once; None is all.
        seed: Of the run.
        warn: Called with a line for the console.
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
            ModelError: A loss or gradient is not finite (the weights are as before the step), or memory is too small
                for a single image.
        """
        while True:
            try:
                parts = self._gradients(batch, step)
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
                shortage = str(error)
            else:
                return self._update(parts, batch, step)
            # Not in the handler: there the exception's traceback would keep the tensors of the failed pass alive.
            self._make_room(shortage, len(batch), step)

    def _gradients(self, batch: Batch, step: int) -> dict[str, float]:
        """Accumulate the gradients of ``batch``; its losses by name."""
        seed_step(self.seed, step, self.accelerator.process_index)
        self.optimizer.zero_grad(set_to_none=True)
        size = min(self.micro_batch or len(batch), len(batch))
        sums: dict[str, float] = {}
        for first in range(0, len(batch), size):
            part = batch.part(first, min(first + size, len(batch)))
            last = first + size >= len(batch)
            # Processes exchange gradients once, after the last part.
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
                "check the boxes of these images (fractura check), lower --learning-rate, or train with "
                "--mixed-precision no; the last saved state is unharmed and --resume continues from it"
            ),
        )

    def _make_room(self, shortage: str, images: int, step: int) -> None:
        """Halve the number of images that pass through the network at once, after a step that did not fit."""
        self.optimizer.zero_grad(set_to_none=True)
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = min(self.micro_batch or images, images)
        first_line = shortage.splitlines()[0] if shortage else "out of memory"
        if size == 1:
            raise ModelError(
                f"not enough memory for a single image at a time ({first_line})",
                hint="use a smaller model, or a machine with more memory",
            )
        if self.accelerator.num_processes > 1:
            # The other processes wait for this one's gradients and cannot start over.
            raise ModelError(
                f"not enough memory for {size} images at a time in each process ({first_line})",
                hint=f"use --micro-batch-size {size // 2}: the batch stays the same, in smaller parts",
            )
        self.micro_batch = size // 2
        self.warn(
            f"step {step + 1}: not enough memory for {size} images at once; continuing with "
            f"{self.micro_batch} at a time (gradients are accumulated to the same batch of {images})"
        )


def _is_out_of_memory(error: RuntimeError) -> bool:
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return "DefaultCPUAllocator" in str(error) or "out of memory" in str(error).lower()


class Meter:
    """Mean losses since the last reading, and the speed of the last steps."""

    def __init__(self) -> None:
        self.restart()
        self._clear()

    def restart(self) -> None:
        """Forget the speed, after something else took time."""
        self._times: deque[float] = deque([time.perf_counter()], maxlen=_RATE_WINDOW)
        self._images = 0

    def add(self, result: StepResult, images: int, waited: float) -> None:
        """Add a step of ``images`` images; ``waited`` is how many seconds it waited for them."""
        self._times.append(time.perf_counter())
        self._images = images
        self._results.append(result)
        self._waited += waited

    @property
    def steps_per_second(self) -> float:
        """Mean over the last steps."""
        passed = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0

    @property
    def images_per_second(self) -> float:
        """Mean over the last steps."""
        return self.steps_per_second * self._images

    def read(self) -> tuple[dict[str, float], dict[str, float]]:
        """Means since the last reading, and the mean losses by name, both of this process; then starts over."""
        results = self._results
        row = {
            "loss": float(np.mean([result.loss for result in results])),
            "gradient_norm": float(np.mean([result.gradient_norm for result in results if result.updated] or [0.0])),
            "images_per_second": self.images_per_second,
            "steps_per_second": self.steps_per_second,
            "seconds_waiting_for_images": self._waited,
        }
        names = results[-1].parts
        parts = {name: float(np.mean([result.parts.get(name, 0.0) for result in results])) for name in names}
        self._clear()
        return row, parts

    def _clear(self) -> None:
        self._results: list[StepResult] = []
        self._waited = 0.0


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each value over ``rows``, which have the same names.

    >>> mean_of([{"loss": 1.0}, {"loss": 2.0}])
    {'loss': 1.5}
    """
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
