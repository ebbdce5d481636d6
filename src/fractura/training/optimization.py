"""Optimisers: momentum as TensorFlow writes it, AdamW that leaves norms and biases alone; clipping by global norm.

The momentum rule follows keras 2.15 ``optimizers/legacy/gradient_descent.py`` (used by tensorflow/models
research/object_detection/builders/optimizer_builder.py:119-126).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn

from fractura.models.detector import Detector
from fractura.training.settings import TrainSettings

_FACTOR = "learning_rate_factor"


class TensorFlowMomentum(torch.optim.Optimizer):
    """``v = momentum·v − lr·g``; ``w += v``.

    The learning rate sits inside the velocity: when it changes, earlier steps keep the one that they were made
    with. ``torch.optim.SGD`` multiplies the whole velocity by today's instead.
    """

    def __init__(self, parameters: Iterable[Any], lr: float, momentum: float = 0.9) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if not parameters:
                continue
            velocities = [self._velocity(p) for p in parameters]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, [p.grad for p in parameters], alpha=-group["lr"])
            torch._foreach_add_(parameters, velocities)
        return loss

    def _velocity(self, parameter: Tensor) -> Tensor:
        state: dict[str, Any] = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        velocity: Tensor = state["velocity"]
        return velocity


def build_optimizer(settings: TrainSettings, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser that ``settings`` ask for, over the trainable parameters of ``model``.

    Parameters for which a detector's ``learning_rate_factor`` differs get groups of their own.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            factor = model.learning_rate_factor(name) if isinstance(model, Detector) else 1.0
            # Norm gains and biases have one dimension; decaying them pulls activations to zero and helps nothing.
            decays = settings.optimizer == "adamw" and parameter.ndim > 1
            groups.setdefault((-factor, not decays), []).append(parameter)
    described: list[dict[str, Any]] = [
        {"params": groups[key], _FACTOR: -key[0], "weight_decay": 0.0 if key[1] else settings.weight_decay}
        for key in sorted(groups)
    ]
    if settings.optimizer == "momentum":
        return TensorFlowMomentum(described, settings.learning_rate_base, settings.momentum_optimizer_value)
    return torch.optim.AdamW(described, lr=settings.learning_rate_base)


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Use ``value`` for the next update; groups with a factor of their own learn with that share of it."""
    for group in optimizer.param_groups:
        group["lr"] = value * group.get(_FACTOR, 1.0)


@torch.no_grad()
def clip_by_global_norm(parameters: Iterable[nn.Parameter], longest: float) -> Tensor:
    """Scale all gradients together so that their joint length is at most ``longest`` (``tf.clip_by_global_norm``).

    Args:
        parameters: Whose gradients; those without one are left out.
        longest: 0 leaves the gradients as they are.

    Returns:
        The length before, float32 scalar; not finite if any gradient is not (nothing is scaled then).
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return torch.zeros(())
    length = torch.stack(torch._foreach_norm(gradients)).norm()
    if longest > 0 and bool(torch.isfinite(length)) and float(length) > longest:
        torch._foreach_mul_(gradients, longest / float(length))
    return length
