"""The four losses of Faster R-CNN.

Follows tensorflow/models research/object_detection meta_architectures/faster_rcnn_meta_arch.py:2288-2549 and
core/losses.py.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def localization_loss(codes: Tensor, targets: Tensor) -> Tensor:
    """Huber loss (delta 1) summed over the four codes: ``(..., 4)`` and ``(..., 4)`` to ``(...)``."""
    return F.huber_loss(codes, targets, reduction="none", delta=1.0).sum(dim=-1)


def classification_loss(logits: Tensor, classes: Tensor) -> Tensor:
    """Softmax cross entropy: ``(..., k)`` logits and int64 ``(...)`` classes to ``(...)``."""
    flat = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), classes.reshape(-1), reduction="none")
    return flat.reshape(classes.shape)


def masked_sum(values: Tensor, mask: Tensor) -> Tensor:
    """Sum of ``values`` over the last axis where ``mask``; a NaN that is masked out does not spread.

    >>> masked_sum(torch.tensor([1.0, float("nan")]), torch.tensor([True, False]))
    tensor(1.)
    """
    return torch.where(mask, values, 0.0).sum(dim=-1)
