"""Layers shared by backbones: TensorFlow's SAME padding, and convolution with freezable batch norm.

Follows tensorflow/models research/object_detection core/freezable_batch_norm.py and TensorFlow's padding rule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_Module = TypeVar("_Module", bound=nn.Module)


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding before and after one axis of ``size`` cells; an odd cell goes after.

    >>> same_padding(size=224, kernel=3, stride=2)
    (0, 1)
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def pad_same(x: Tensor, kernel: tuple[int, int], stride: int, value: float = 0.0) -> Tensor:
    """``x`` ``(n, c, h, w)`` padded so that a valid window operation gives ceil(size / stride) cells."""
    top, bottom = same_padding(x.shape[2], kernel[0], stride)
    left, right = same_padding(x.shape[3], kernel[1], stride)
    if top == bottom == left == right == 0:
        return x
    return F.pad(x, (left, right, top, bottom), value=value)


def max_pool_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Max pooling with SAME padding; padded cells never win."""
    return F.max_pool2d(pad_same(x, (kernel, kernel), stride, value=float("-inf")), kernel, stride)


class MaxPoolSame(nn.Module):
    """``max_pool_same`` as a layer.

    Args:
        kernel: Side of the window.
        stride: Step between windows.
    """

    def __init__(self, kernel: int, stride: int) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride

    def forward(self, x: Tensor) -> Tensor:
        """See ``max_pool_same``."""
        return max_pool_same(x, self.kernel, self.stride)


def identity(x: Tensor) -> Tensor:
    """``x`` itself: the activation of a linear layer."""
    return x


class BatchNorm(nn.Module):
    """Batch norm that is frozen (moving statistics, also in training) or trainable (batch statistics in training).

    Args:
        channels: Number of channels.
        momentum: Share of the old moving statistics kept at each training step.
        epsilon: Added to the variance.
        scaled: With a learned gamma; Keras' Inception ResNet V2 has none.
        trainable: Use batch statistics in training mode. beta (and gamma) learn in both cases.
    """

    def __init__(self, channels: int, *, momentum: float, epsilon: float, scaled: bool, trainable: bool) -> None:
        super().__init__()
        self.momentum = momentum
        self.epsilon = epsilon
        self.trainable = trainable
        self.weight = nn.Parameter(torch.ones(channels)) if scaled else None
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    @property
    def uses_batch_statistics(self) -> bool:
        """True where the next forward pass would normalise by the batch."""
        return self.training and self.trainable

    def fold(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """The kernel and bias ``(channels,)`` of a convolution with ``kernel`` and then this norm, frozen."""
        scale = torch.rsqrt(self.running_var + self.epsilon)
        if self.weight is not None:
            scale = scale * self.weight
        return kernel * scale[:, None, None, None], self.bias - self.running_mean * scale

    def forward(self, x: Tensor) -> Tensor:
        """Normalise ``x`` ``(n, channels, h, w)``; the caller folds the frozen form into its convolution."""
        # Without a weight, PyTorch on CUDA returns no gradient of the bias of channels-last images, and stops.
        weight = torch.ones_like(self.bias) if self.weight is None else self.weight
        return F.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            weight,
            self.bias,
            training=self.uses_batch_statistics,
            momentum=1.0 - self.momentum,
            eps=self.epsilon,
        )


class FoldedNorm(nn.Module):
    """What is left of a frozen batch norm whose scale is already in the kernel before it.

    Args:
        shift: ``(channels,)``.
    """

    uses_batch_statistics = False

    def __init__(self, shift: Tensor) -> None:
        super().__init__()
        self.bias = nn.Parameter(shift, requires_grad=False)

    def fold(self, kernel: Tensor) -> tuple[Tensor, Tensor]:
        """See ``BatchNorm``."""
        return kernel, self.bias


class ConvNorm(nn.Module):
    """Convolution without bias, SAME padding, batch norm, activation.

    Frozen batch norm is folded into the kernel at each pass: one operation and one stored activation instead of two.
    With ``padding`` there are that many zeros on each side instead of TensorFlow's SAME.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        *,
        groups: int = 1,
        padding: int | None = None,
        activation: Callable[[Tensor], Tensor],
        norm: Callable[[int], BatchNorm],
    ) -> None:
        super().__init__()
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        self.weight = nn.Parameter(torch.empty(channels_out, channels_in // groups, *size))
        nn.init.xavier_uniform_(self.weight)
        self.bn: BatchNorm | FoldedNorm = norm(channels_out)
        self.kernel, self.stride, self.groups, self.padding = size, stride, groups, padding
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """``(n, channels_in, h, w)`` to ``(n, channels_out, ceil(h / stride), ceil(w / stride))``."""
        padding: tuple[int, int] = (self.kernel[0] // 2, self.kernel[1] // 2)
        if self.padding is not None:
            padding = (self.padding, self.padding)
        elif self.stride > 1:
            x, padding = pad_same(x, self.kernel, self.stride), (0, 0)
        if self.bn.uses_batch_statistics:
            y = self.bn(F.conv2d(x, self.weight, None, self.stride, padding, groups=self.groups))
        else:
            kernel, bias = self.bn.fold(self.weight)
            y = F.conv2d(x, kernel, bias, self.stride, padding, groups=self.groups)
        return self.activation(y)


@torch.no_grad()
def fold_norms(module: _Module) -> _Module:
    """A copy of ``module`` whose frozen norms are folded once for all; it shares the other weights.

    A graph traced from it has a fifth of the operations.
    """
    folded = copy.deepcopy(module, {id(each): each for each in (*module.parameters(), *module.buffers())})
    for layer in folded.modules():
        if isinstance(layer, ConvNorm):
            kernel, shift = layer.bn.fold(layer.weight)
            layer.weight, layer.bn = nn.Parameter(kernel, requires_grad=False), FoldedNorm(shift)
    return folded
