"""The learning rate of each step.

Follows tensorflow/models research/object_detection/utils/learning_schedules.py:30-271, with its names. TensorFlow
computes in float32, this module in float64.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from fractura.core.errors import UsageError

if TYPE_CHECKING:
    from fractura.training.settings import TrainSettings


_CLOSED = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RateFromStep(BaseModel):
    """A learning rate and the step from which it counts.

    Attributes:
        step: Updates so far.
        learning_rate: From there to the next such step.
    """

    model_config = _CLOSED

    step: int = Field(ge=0)
    learning_rate: float = Field(ge=0)


class ManualStep(BaseModel):
    """The rate of the last entry of ``schedule`` that is reached, before the first one the run's base rate.

    Examples:
        >>> steps = ManualStep(schedule=({"step": 2, "learning_rate": 0.5}, {"step": 4, "learning_rate": 0.1}))
        >>> [steps.rate(step, 1.0) for step in range(6)]
        [1.0, 1.0, 0.5, 0.5, 0.1, 0.1]

    Attributes:
        schedule: In the order of their steps.
        warmup: Go evenly from the base rate to the first entry, instead of at once.
    """

    model_config = _CLOSED

    schedule: tuple[RateFromStep, ...]
    warmup: bool = False

    def rate(self, step: int, base: float) -> float:
        """The rate after ``step`` updates.

        Raises:
            UsageError: ``schedule`` is empty, its steps do not rise, or the first one is 0.
        """
        steps = [entry.step for entry in self.schedule]
        if not steps:
            raise UsageError("the schedule is empty", hint="name at least one step and the learning rate from there")
        if steps[0] == 0:
            raise UsageError("the schedule starts at step 0", hint="give its rate as the initial learning rate")
        if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
            raise UsageError(f"the steps of the schedule do not rise: {steps}", hint="put them in order, each once")
        if step < steps[0]:
            rise = self.schedule[0].learning_rate - base
            return base + (rise / steps[0] * step if self.warmup else 0.0)
        return next(entry.learning_rate for entry in reversed(self.schedule) if step >= entry.step)


class ExponentialDecay(BaseModel):
    """A constant rate for ``burnin_steps``, then the base rate, times ``decay_factor`` each ``decay_steps``.

    Examples:
        >>> decay = ExponentialDecay(decay_steps=2, decay_factor=0.5, min_learning_rate=0.2)
        >>> [decay.rate(step, 1.0) for step in range(8)]
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]

    Attributes:
        decay_steps: Steps, counted from the end of the burn-in, in which the rate falls once.
        decay_factor: By which it falls.
        staircase: It falls all at once; otherwise a little at each step.
        burnin_learning_rate: Rate of the burn-in; 0 is the base rate.
        burnin_steps: Number of steps of the burn-in.
        min_learning_rate: The rate never falls below this, not even in the burn-in.
    """

    model_config = _CLOSED

    decay_steps: int = Field(4_000_000, ge=1)
    decay_factor: float = Field(0.95, ge=0)
    staircase: bool = True
    burnin_learning_rate: float = Field(0.0, ge=0)
    burnin_steps: int = Field(0, ge=0)
    min_learning_rate: float = Field(0.0, ge=0)

    def rate(self, step: int, base: float) -> float:
        """The rate after ``step`` updates."""
        if step < self.burnin_steps:
            return max(self.burnin_learning_rate or base, self.min_learning_rate)
        passed = (step - self.burnin_steps) / self.decay_steps
        rate = base * self.decay_factor ** (math.floor(passed) if self.staircase else passed)
        return max(float(rate), self.min_learning_rate)


def cosine_decay_with_warmup(
    step: int,
    *,
    learning_rate_base: float,
    total_steps: int,
    warmup_learning_rate: float,
    warmup_steps: int,
    hold_base_rate_steps: int = 0,
) -> float:
    """A linear warm-up from ``warmup_learning_rate`` to ``learning_rate_base``, then half a cosine down to 0.

    Examples:
        >>> settings = dict(learning_rate_base=1.0, total_steps=6, warmup_learning_rate=0.0, warmup_steps=2)
        >>> [round(cosine_decay_with_warmup(step, **settings), 3) for step in range(7)]
        [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]

    Args:
        step: Updates so far: 0 at the first one, which therefore uses ``warmup_learning_rate``.
        learning_rate_base: The highest learning rate.
        total_steps: Step at which the cosine reaches 0, where it stays.
        warmup_learning_rate: The first learning rate.
        warmup_steps: Number of steps of the warm-up.
        hold_base_rate_steps: Number of steps between warm-up and cosine.

    Raises:
        UsageError: The warm-up is longer than the schedule, or starts above ``learning_rate_base``.
    """
    if total_steps < warmup_steps:
        raise UsageError(
            f"warmup_steps ({warmup_steps}) is more than total_steps ({total_steps})",
            hint="train longer or warm up for fewer steps",
        )
    if warmup_steps and learning_rate_base < warmup_learning_rate:
        raise UsageError(
            f"warmup_learning_rate ({warmup_learning_rate}) is higher than learning_rate_base ({learning_rate_base})"
        )
    if step > total_steps:
        return 0.0
    if step < warmup_steps:
        return warmup_learning_rate + step * (learning_rate_base - warmup_learning_rate) / warmup_steps
    cosine_starts = warmup_steps + hold_base_rate_steps
    if step <= cosine_starts or total_steps == cosine_starts:
        return learning_rate_base
    passed = (step - cosine_starts) / (total_steps - cosine_starts)
    return 0.5 * learning_rate_base * (1 + math.cos(math.pi * passed))


def constant_with_warmup(
    step: int, *, learning_rate_base: float, warmup_learning_rate: float, warmup_steps: int
) -> float:
    """A linear warm-up from ``warmup_learning_rate`` to ``learning_rate_base``, which is then kept.

    Examples:
        >>> settings = dict(learning_rate_base=1.0, warmup_learning_rate=0.0, warmup_steps=2)
        >>> [constant_with_warmup(step, **settings) for step in range(4)]
        [0.0, 0.5, 1.0, 1.0]
    """
    if step < warmup_steps:
        return warmup_learning_rate + step * (learning_rate_base - warmup_learning_rate) / warmup_steps
    return learning_rate_base


def learning_rate(settings: TrainSettings, step: int) -> float:
    """The learning rate of the update that follows ``step`` others.

    Raises:
        UsageError: The schedule is impossible.
    """
    base = settings.learning_rate_base
    if settings.learning_rate_schedule == "constant":
        return constant_with_warmup(
            step,
            learning_rate_base=base,
            warmup_learning_rate=settings.warmup_learning_rate,
            warmup_steps=settings.schedule_warmup_steps,
        )
    name = settings.learning_rate_schedule
    if name != "cosine_decay":
        details = settings.exponential_decay if name == "exponential_decay" else settings.manual_step
        if details is None:
            raise UsageError(f"the learning rate schedule {name} needs the setting '{name}'")
        return details.rate(step, base)
    return cosine_decay_with_warmup(
        step,
        learning_rate_base=base,
        total_steps=settings.schedule_steps,
        warmup_learning_rate=settings.warmup_learning_rate,
        warmup_steps=settings.schedule_warmup_steps,
        hold_base_rate_steps=settings.hold_base_rate_steps,
    )


def describe_schedule(settings: TrainSettings) -> str:
    """A few words on the learning rate, for the first lines of a run."""
    last = f"{learning_rate(settings, settings.num_steps - 1):.2g} at the end"
    if settings.learning_rate_schedule in ("exponential_decay", "manual_step"):
        return f"learning rate {learning_rate(settings, 0):g} at first, {last}"
    return f"learning rate up to {settings.learning_rate_base:g} after {settings.schedule_warmup_steps} steps, {last}"
