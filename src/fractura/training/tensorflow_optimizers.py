"""TensorFlow's optimisers, with its arithmetic and the state that its checkpoints hold.

Follows tensorflow/models research/object_detection/builders/optimizer_builder.py:76-136 (TensorFlow 2), which builds
keras 2.9 ``optimizers/optimizer_v2``: gradient_descent.py, adam.py and rmsprop.py.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

import torch
from torch import Tensor

_EPSILON = 1e-7
"""What Keras takes where epsilon is 0."""


class TensorFlowOptimizer(torch.optim.Optimizer):
    """One of them.

    Attributes:
        slots: What is kept of each parameter: our name to TensorFlow's.
    """

    slots: Mapping[str, str]

    @property
    @abstractmethod
    def hyperparameters(self) -> dict[str, float]:
        """The numbers that a checkpoint holds beside the slots, by TensorFlow's names."""

    @property
    def iterations(self) -> int:
        """Updates so far."""
        return int(self.param_groups[0].get("iterations", 0))

    @iterations.setter
    def iterations(self, number: int) -> None:
        for group in self.param_groups:
            group["iterations"] = number  # in the groups, so that it is saved with them

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
        done = self.iterations
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                slots = {name: [self.slot(p, name) for p in parameters] for name in self.slots}
                self._update(parameters, [p.grad for p in parameters], slots, group, done)
        self.iterations = done + 1
        return loss

    def slot(self, parameter: Tensor, name: str) -> Tensor:
        """What is kept of a parameter; zeros at first."""
        state: dict[str, Tensor] = self.state[parameter]
        if name not in state:
            state[name] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        return state[name]

    @abstractmethod
    def _update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        slots: Mapping[str, list[Tensor]],
        group: Mapping[str, Any],
        iterations: int,
    ) -> None: ...


class TensorFlowMomentum(TensorFlowOptimizer):
    """``v = momentum·v − lr·g``; ``w += v``.

    The learning rate is part of the velocity: if it changes, earlier steps keep the rate that they were made with.
    ``torch.optim.SGD`` multiplies the whole velocity by the current rate instead.
    """

    def __init__(self, parameters: Iterable[Any], lr: float, momentum: float = 0.9) -> None:
        self.slots = {"velocity": "momentum"}
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @property
    def hyperparameters(self) -> dict[str, float]:
        """``decay`` and ``momentum``."""
        return {"decay": 0.0, "momentum": self.defaults["momentum"]}

    def _update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        slots: Mapping[str, list[Tensor]],
        group: Mapping[str, Any],
        iterations: int,
    ) -> None:
        velocities = slots["velocity"]
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_add_(velocities, gradients, alpha=-group["lr"])
        torch._foreach_add_(parameters, velocities)


class TensorFlowAdam(TensorFlowOptimizer):
    """``m += (1 − β₁)(g − m)``; ``v += (1 − β₂)(g² − v)``; ``w −= lr·√(1 − β₂ᵗ)/(1 − β₁ᵗ) · m/(√v + ε)``.

    ``epsilon`` is the paper's "epsilon hat"; in ``torch.optim.Adam`` it is added to the corrected √v instead.
    """

    def __init__(
        self, parameters: Iterable[Any], lr: float, epsilon: float = 1e-8, beta_1: float = 0.9, beta_2: float = 0.999
    ) -> None:
        self.slots = {"m": "m", "v": "v"}
        super().__init__(parameters, {"lr": lr, "epsilon": epsilon or _EPSILON, "beta_1": beta_1, "beta_2": beta_2})

    @property
    def hyperparameters(self) -> dict[str, float]:
        """``beta_1``, ``beta_2`` and ``decay``."""
        return {"beta_1": self.defaults["beta_1"], "beta_2": self.defaults["beta_2"], "decay": 0.0}

    def _update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        slots: Mapping[str, list[Tensor]],
        group: Mapping[str, Any],
        iterations: int,
    ) -> None:
        first, second = group["beta_1"], group["beta_2"]
        torch._foreach_lerp_(slots["m"], gradients, 1 - first)
        torch._foreach_mul_(slots["v"], second)
        torch._foreach_addcmul_(slots["v"], gradients, gradients, 1 - second)
        spreads = torch._foreach_sqrt(slots["v"])
        torch._foreach_add_(spreads, group["epsilon"])
        rate = group["lr"] * math.sqrt(1 - second ** (iterations + 1)) / (1 - first ** (iterations + 1))
        torch._foreach_addcdiv_(parameters, slots["m"], spreads, -rate)


class TensorFlowRMSProp(TensorFlowOptimizer):
    """``r = ρ·r + (1 − ρ)g²``; ``m = momentum·m + lr·g/√(r + ε)``; ``w −= m``, with ``lr`` divided by 1 + ``decay``·t.

    The builder hands the field ``decay`` to Keras as the decay of the learning rate; ρ is always 0.9. Without momentum,
    Keras adds ε to √r instead.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        decay: float = 0.9,
        epsilon: float = 1.0,
        rho: float = 0.9,
    ) -> None:
        self.slots = {"rms": "rms", "momentum": "momentum"} if momentum else {"rms": "rms"}
        super().__init__(
            parameters, {"lr": lr, "momentum": momentum, "decay": decay, "epsilon": epsilon or _EPSILON, "rho": rho}
        )

    @property
    def hyperparameters(self) -> dict[str, float]:
        """``decay``, ``momentum`` and ``rho``."""
        return {name: self.defaults[name] for name in ("decay", "momentum", "rho")}

    def _update(
        self,
        parameters: list[Tensor],
        gradients: list[Tensor],
        slots: Mapping[str, list[Tensor]],
        group: Mapping[str, Any],
        iterations: int,
    ) -> None:
        rate = group["lr"] / (1 + group["decay"] * iterations)
        torch._foreach_mul_(slots["rms"], group["rho"])
        torch._foreach_addcmul_(slots["rms"], gradients, gradients, 1 - group["rho"])
        if not group["momentum"]:
            spreads = torch._foreach_sqrt(slots["rms"])
            torch._foreach_add_(spreads, group["epsilon"])
            torch._foreach_addcdiv_(parameters, gradients, spreads, -rate)
            return
        spreads = torch._foreach_add(slots["rms"], group["epsilon"])
        torch._foreach_sqrt_(spreads)
        torch._foreach_mul_(slots["momentum"], group["momentum"])
        torch._foreach_addcdiv_(slots["momentum"], gradients, spreads, rate)
        torch._foreach_sub_(parameters, slots["momentum"])
