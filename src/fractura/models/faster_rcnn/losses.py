"""The losses of Faster R-CNN.

Follows tensorflow/models research/object_detection meta_architectures/faster_rcnn_meta_arch.py:2288-2549 and
core/losses.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

IMAGE_LOSS = "ImageHeadLoss/classification_loss"


def localization_loss(codes: Tensor, targets: Tensor) -> Tensor:
    """Huber loss (delta 1) summed over the four codes: ``(..., 4)`` and ``(..., 4)`` to ``(...)``."""
    return F.huber_loss(codes, targets, reduction="none", delta=1.0).sum(dim=-1)


def classification_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Softmax cross entropy: ``(..., k)`` logits and int64 ``(...)`` classes to ``(...)``."""
    flat = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), classes.reshape(-1), reduction="none")
    return flat.reshape(classes.shape)


def regularization_loss(kernels: Iterable[Tensor], kind: Literal["l1", "l2"], weight: float) -> Tensor:
    """``weight`` times half the sum of squares (``l2``) or the sum of magnitudes (``l1``) of all kernels.

    The half comes from builders/hyperparams_builder.py:328-348.

    >>> regularization_loss([torch.tensor([3.0, -4.0])], "l2", 0.1)
    tensor(1.2500)
    """
    sums = [kernel.float().square().sum() / 2 if kind == "l2" else kernel.float().abs().sum() for kernel in kernels]
    return torch.stack(sums).sum() * weight


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum of ``values`` over the last axis where ``mask``; a NaN that is masked out does not spread.

    >>> masked_sum(torch.tensor([1.0, float("nan")]), torch.tensor([True, False]))
    tensor(1.)
    """
    return torch.where(mask, values, 0.0).sum(dim=-1)
