"""The averaged weights: a second copy of the detector that follows the trained one slowly. It is what gets saved."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of a module's weights and floating-point buffers.

    The decay warms up, ``min(decay, (1 + updates) / (10 + updates))``, so that a short run is not held back by the
    weights it started from. Batch-norm statistics are averaged like weights: they then belong to the averaged
    weights. Whole-number buffers are copied.

    Attributes:
        module: The averaged copy, in eval mode, without gradients.
        decay: Upper bound of the decay; 0 makes the copy equal the trained module after each update.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, module: nn.Module, updates: int) -> None:
        """Follow ``module`` one step.

        Args:
            module: The trained module, same structure as the copy.
            updates: Optimiser steps made so far, this one included.
        """
        # keep_vars: the tensors themselves. Looked up anew each time: a module may replace a buffer by another.
        own, other = self.module.state_dict(keep_vars=True), module.state_dict(keep_vars=True)
        floating = [name for name in own if own[name].is_floating_point()]
        decay = min(self.decay, (1 + updates) / (10 + updates))
        averages, values = [own[name] for name in floating], [other[name].detach() for name in floating]
        torch._foreach_lerp_(averages, values, 1 - decay)
        for name in own.keys() - set(floating):
            own[name].copy_(other[name])
