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

from fractura.core.errors import ModelError, NotEnoughMemoryError
from fractura.core.memory import is_out_of_memory, not_enough_memory
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
        most_not_finite: See ``TrainSettings.not_finite_steps``.
        advice: What to do when training stops because of them, for the error.
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
        most_not_finite: int = 1,
        advice: str = "",
    ) -> None:
        self.accelerator = accelerator
        self.model = model
        self.optimizer = optimizer
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.longest_gradient = longest_gradient
        self.micro_batch = micro_batch
        self.seed = seed
        self.warn = warn
        self.most_not_finite = most_not_finite
        self.advice = advice
        self.left_out = 0
        """Steps in a row that were left out until now, as a loss or gradient was not finite."""
        self._overflows = 0
        self._statistics = _Statistics(model)

    def run(self, batch: Batch, step: int) -> StepResult | None:
        """One update from ``batch``; None if a loss or gradient was not finite, and all is as before the step.

        Raises:
            ModelError: Too many steps in a row were not finite; all is as before the step.
            NotEnoughMemoryError: Memory is too small for a single image.
        """
        self._statistics.keep()
        try:
            result = self._update(self._fitting_gradients(batch, step), batch)
        except _NotFiniteError as error:
            self._undo()
            self._leave_out(error, step)
            return None
        self.left_out = 0
        return result

    def _fitting_gradients(self, batch: Batch, step: int) -> dict[str, float]:
        """Accumulate the gradients of ``batch``, in parts that fit into memory; its losses by name."""
        while True:
            try:
                return self._gradients(batch, step)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                shortage = str(error)
            # Not in the handler: there the exception's traceback would keep the tensors of the failed pass alive.
            self._undo()
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
                    raise _NotFiniteError(dict(zip(losses, numbers, strict=True)), part.names)
                self.accelerator.backward(values.sum() * share)
            for name, number in zip(losses, numbers, strict=True):
                sums[name] = sums.get(name, 0.0) + number * share
        return sums

    def _update(self, parts: dict[str, float], batch: Batch) -> StepResult:
        scaler = self.accelerator.scaler
        self.accelerator.unscale_gradients(self.optimizer)
        length = float(clip_by_global_norm(self.parameters, self.longest_gradient))
        if not math.isfinite(length):
            self._overflows += 1
            if scaler is None or self._overflows > _OVERFLOWS_IN_A_ROW:
                raise _NotFiniteError({**parts, "gradient": length}, batch.names, is_last=scaler is not None)
        else:
            self._overflows = 0
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return StepResult(sum(parts.values()), parts, length, math.isfinite(length))

    def _undo(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        self._statistics.bring_back()

    def _leave_out(self, error: _NotFiniteError, step: int) -> None:
        """Go on without a step whose loss was not finite, unless there were too many in a row."""
        self.left_out += 1
        several = self.accelerator.num_processes > 1  # the others have this step's gradients and cannot leave it out
        if self.left_out < self.most_not_finite and not (several or error.is_last):
            self.warn(f"step {step + 1} is left out: {error}")
            return
        row = f" ({self.left_out} steps in a row were not finite)" if self.left_out > 1 else ""
        raise ModelError(
            f"step {step + 1}: {error}{row}",
            hint=f"the last saved state is unharmed; check the boxes of these images (fractura check), {self.advice}",
        )

    def _make_room(self, shortage: str, images: int, step: int) -> None:
        """Halve the number of images that pass through the network at once, after a step that did not fit."""
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        size = min(self.micro_batch or images, images)
        first_line = shortage.splitlines()[0] if shortage else "out of memory"
        if size == 1:
            raise not_enough_memory(
                "a single image at a time",
                RuntimeError(shortage),
                hint="use a smaller model, smaller images, or a machine with more memory",
            )
        if self.accelerator.num_processes > 1:
            # The other processes wait for this one's gradients and cannot start over.
            raise NotEnoughMemoryError(
                f"not enough memory for {size} images at a time in each process ({first_line})",
                hint=f"use --micro-batch-size {size // 2}: the batch stays the same, in smaller parts",
            )
        self.micro_batch = size // 2
        norms = "; batch normalisation sees only those" if self._statistics else ""
        self.warn(
            f"step {step + 1}: not enough memory for {size} images at once; continuing with "
            f"{self.micro_batch} at a time (gradients are accumulated to the same batch of {images}{norms})"
        )


class _NotFiniteError(Exception):
    """A loss or the gradient is not finite.

    Args:
        numbers: The losses by name, and the gradient.
        names: The images they come from.
        is_last: There were too many already.
    """

    def __init__(self, numbers: dict[str, float], names: Sequence[str], *, is_last: bool = False) -> None:
        bad = ", ".join(f"{name} = {number}" for name, number in numbers.items() if not math.isfinite(number))
        super().__init__(f"{bad}; the images of this step were {', '.join(names)}")
        self.is_last = is_last


class _Statistics:
    """What a forward pass changes: the running statistics of batch normalisation, kept so that a step can be undone."""

    def __init__(self, model: nn.Module) -> None:
        parameters = {name for name, _ in model.named_parameters()}
        self._live = [value for name, value in model.state_dict(keep_vars=True).items() if name not in parameters]
        self._kept = [value.detach().clone() for value in self._live]

    def __bool__(self) -> bool:
        return bool(self._live)

    @torch.no_grad()
    def keep(self) -> None:
        """Note them as they are."""
        for kept, live in zip(self._kept, self._live, strict=True):
            kept.copy_(live)

    @torch.no_grad()
    def bring_back(self) -> None:
        """Make them what they were when they were last kept."""
        for kept, live in zip(self._kept, self._live, strict=True):
            live.copy_(kept)


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
    def has_results(self) -> bool:
        """True if a step was added since the last reading."""
        return bool(self._results)

    @property
    def last(self) -> StepResult:
        """The last step that was added."""
        return self._results[-1]

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
