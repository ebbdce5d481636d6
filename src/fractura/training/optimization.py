"""How the weights change: the optimiser of a run, gradient clipping and averaged weights."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from fractura.models.detector import Detector
from fractura.training.settings import TrainSettings
from fractura.training.tensorflow_optimizers import TensorFlowAdam, TensorFlowMomentum, TensorFlowRMSProp

ModuleT = TypeVar("ModuleT", bound=nn.Module)

_FACTOR = "learning_rate_factor"


@dataclass(frozen=True)
class _Group:
    """Parameters that learn alike.

    Attributes:
        factor: Share of the learning rate.
        decays: Whether ``weight_decay`` applies.
    """

    factor: float
    decays: bool


def build_optimizer(settings: TrainSettings, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser that ``settings`` ask for, over the trainable parameters of ``model``.

    Parameters for which a detector's ``learning_rate_factor`` differs form groups of their own.
    """
    groups: dict[_Group, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            factor = model.learning_rate_factor(name) if isinstance(model, Detector) else 1.0
            # Norm gains and biases have one dimension; decaying them pulls activations to zero and helps nothing.
            decays = settings.optimizer == "adamw" and parameter.ndim > 1
            groups.setdefault(_Group(factor, decays), []).append(parameter)
    described: list[dict[str, Any]] = [
        {
            "params": groups[group],
            _FACTOR: group.factor,
            "weight_decay": settings.weight_decay if group.decays else 0.0,
        }
        # A saved state names its groups by position: fastest first, and those that decay before those that do not.
        for group in sorted(groups, key=lambda group: (-group.factor, not group.decays))
    ]
    rate, momentum = settings.learning_rate_base, settings.momentum_optimizer_value
    if settings.optimizer == "momentum":
        return TensorFlowMomentum(described, rate, momentum)
    if settings.optimizer == "adam":
        return TensorFlowAdam(described, rate, settings.epsilon)
    if settings.optimizer == "rms_prop":
        return TensorFlowRMSProp(described, rate, momentum, settings.rms_prop_decay, settings.epsilon)
    return torch.optim.AdamW(described, lr=rate)


def set_learning_rate(optimizer: torch.optim.Optimizer, value: float) -> None:
    """Use ``value`` for the next update, times the factor of each group."""
    for group in optimizer.param_groups:
        group["lr"] = value * group.get(_FACTOR, 1.0)


@torch.no_grad()
def clip_by_global_norm(parameters: Iterable[nn.Parameter], longest: float) -> Tensor:
    """Scale all gradients so that their global norm is at most ``longest`` (``tf.clip_by_global_norm``).

    Args:
        parameters: Parameters whose gradients are scaled; those without a gradient are ignored.
        longest: Largest norm; 0 leaves the gradients unchanged.

    Returns:
        The norm before, a float32 scalar; not finite if any gradient is not (nothing is scaled then).
    """
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return torch.zeros(())
    length: Tensor = torch.stack(torch._foreach_norm(gradients)).norm()
    if longest > 0 and bool(torch.isfinite(length)) and float(length) > longest:
        torch._foreach_mul_(gradients, longest / float(length))
    return length


class MovingAverage(Generic[ModuleT]):
    """Exponential moving average of a module's weights and floating-point buffers: these weights get saved.

    The decay warms up, ``min(decay, (1 + updates) / (10 + updates))``, so that the weights a short run started from do
    not hold it back. Batch-norm statistics are averaged like weights, to match them. Integer buffers are copied.

    >>> module = nn.Linear(1, 1, bias=False)
    >>> average = MovingAverage(module, decay=0.9)
    >>> _ = nn.init.zeros_(module.weight), nn.init.ones_(average.module.weight)
    >>> average.update(module, updates=1)
    >>> round(float(average.module.weight.detach()), 3)
    0.182

    Attributes:
        module: The averaged copy, in eval mode, without gradients.
        decay: Upper bound of the decay; with 0 the copy equals the trained module after each update.
    """

    def __init__(self, module: ModuleT, decay: float) -> None:
        self.module: ModuleT = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, updates: int) -> None:
        """Move towards ``module`` by one step.

        Args:
            module: The trained module, with the same structure as the copy.
            updates: Optimiser steps so far, including this one.
        """
        # keep_vars returns the tensors themselves; looked up each time, because a module may replace a buffer.
        own, other = self.module.state_dict(keep_vars=True), module.state_dict(keep_vars=True)
        floating = [name for name in own if own[name].is_floating_point()]
        decay = min(self.decay, (1 + updates) / (10 + updates))
        averages, values = [own[name] for name in floating], [other[name].detach() for name in floating]
        torch._foreach_lerp_(averages, values, 1 - decay)
        for name in own.keys() - set(floating):
            own[name].copy_(other[name])
