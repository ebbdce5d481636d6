"""Learning rate at each step.

Follows tensorflow/models research/object_detection/utils/learning_schedules.py:148-208 (``cosine_decay_with_warmup``).
"""

from __future__ import annotations

import math

from fractura.core.errors import UsageError
from fractura.training.settings import TrainSettings


def cosine_decay_with_warmup(
    step: int, *, learning_rate_base: float, total_steps: int, warmup_learning_rate: float, warmup_steps: int
) -> float:
    """Straight line from ``warmup_learning_rate`` to ``learning_rate_base``, then half a cosine down to 0.

    Args:
        step: Updates made so far: 0 at the first one, which therefore uses ``warmup_learning_rate``.
        learning_rate_base: The highest value.
        total_steps: Where the cosine reaches 0; it stays there afterwards.
        warmup_learning_rate: The first value.
        warmup_steps: Length of the straight line.

    Raises:
        UsageError: The warm-up is longer than the whole, or starts above ``learning_rate_base``.
    """
    if total_steps < warmup_steps:
        raise UsageError(
            f"warmup_steps ({warmup_steps}) is more than total_steps ({total_steps})",
            hint="train longer or warm up for fewer steps",
        )
    if learning_rate_base < warmup_learning_rate:
        raise UsageError(
            f"warmup_learning_rate ({warmup_learning_rate}) is higher than learning_rate_base ({learning_rate_base})"
        )
    if step > total_steps:
        return 0.0
    if step < warmup_steps:
        return warmup_learning_rate + step * (learning_rate_base - warmup_learning_rate) / warmup_steps
    if total_steps == warmup_steps:
        return learning_rate_base
    passed = (step - warmup_steps) / (total_steps - warmup_steps)
    return 0.5 * learning_rate_base * (1 + math.cos(math.pi * passed))


def constant_with_warmup(
    step: int, *, learning_rate_base: float, warmup_learning_rate: float, warmup_steps: int
) -> float:
    """Straight line from ``warmup_learning_rate`` to ``learning_rate_base``, which then stays."""
    if step < warmup_steps:
        return warmup_learning_rate + step * (learning_rate_base - warmup_learning_rate) / warmup_steps
    return learning_rate_base


def learning_rate(settings: TrainSettings, step: int) -> float:
    """The learning rate of the update after ``step`` earlier ones."""
    if settings.learning_rate_schedule == "constant":
        return constant_with_warmup(
            step,
            learning_rate_base=settings.learning_rate_base,
            warmup_learning_rate=settings.warmup_learning_rate,
            warmup_steps=settings.schedule_warmup_steps,
        )
    return cosine_decay_with_warmup(
        step,
        learning_rate_base=settings.learning_rate_base,
        total_steps=settings.schedule_steps,
        warmup_learning_rate=settings.warmup_learning_rate,
        warmup_steps=settings.schedule_warmup_steps,
    )
