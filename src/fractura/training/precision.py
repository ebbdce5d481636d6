"""Which number format the training computes in, and why: decided by the device, tried on real images, always said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from fractura.core.errors import UsageError
from fractura.models.detector import Detector
from fractura.training.data import Batch

Format = Literal["no", "bf16", "fp16"]
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Precision:
    """A decision and its reason.

    Attributes:
        format: As Accelerate calls it; ``no`` is float32 throughout.
        reason: For people.
    """

    format: Format
    reason: str

    def __str__(self) -> str:
        return f"{'float32' if self.format == 'no' else self.format} ({self.reason})"


def choose_precision(
    wanted: Literal["auto", "no", "bf16", "fp16"],
    device_type: str,
    device_name: str = "",
    capability: tuple[int, int] = (0, 0),
) -> Precision:
    """Choose the number format.

    Args:
        wanted: ``auto``, or a format to insist on.
        device_type: ``cpu``, ``cuda`` or ``mps``.
        device_name: As the driver calls the GPU.
        capability: CUDA compute capability.

    Raises:
        UsageError: fp16 is insisted on where there is no GPU to scale gradients on.
    """
    if wanted != "auto":
        if wanted == "fp16" and device_type != "cuda":
            raise UsageError(f"fp16 needs a CUDA GPU, this is {device_type}", hint="use --mixed-precision no")
        return Precision(wanted, "as asked")
    if device_type == "cpu":
        return Precision("no", "a CPU; bf16 products are many times slower on most of them")
    if device_type != "cuda":
        return Precision("no", f"half precision is not proven on {device_type}")
    if re.search(r"GTX\s*16\d\d", device_name, re.IGNORECASE):
        return Precision("no", f"{device_name} is known for NaN in half precision")
    if capability >= (8, 0):
        return Precision("bf16", f"{device_name or 'the GPU'} has bf16")
    if capability >= (7, 0):
        return Precision("fp16", f"{device_name or 'the GPU'} has fast fp16 but no bf16")
    return Precision("no", f"{device_name or 'the GPU'} is too old for fast half precision")


def precision_for(wanted: Literal["auto", "no", "bf16", "fp16"], device: torch.device) -> Precision:
    """``choose_precision`` for a device of this machine."""
    if device.type != "cuda":
        return choose_precision(wanted, device.type)
    return choose_precision(
        wanted, "cuda", torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device)
    )


def probe_precision(detector: Detector, batch: Batch, precision: Precision, device: torch.device) -> Precision:
    """Try ``precision`` on one real batch, forward and backward; go back to float32 where anything is not finite.

    The detector is left as it was: batch-norm statistics are put back and gradients cleared.
    """
    if precision.format == "no":
        return precision
    buffers = {name: value.clone() for name, value in detector.named_buffers()}
    detector.train()
    try:
        with torch.autocast(device.type, dtype=_TYPES[precision.format]):
            losses = detector.losses(batch.images, batch.targets)
        total = torch.stack([value.float() for value in losses.values()]).sum()
        total.backward()
        bad = _not_finite(total, detector)
    finally:
        detector.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, value in detector.named_buffers():
                value.copy_(buffers[name])
    if bad is None:
        return precision
    return Precision("no", f"{precision.format} gave a {bad} that is not finite on the first images")


def _not_finite(total: torch.Tensor, module: nn.Module) -> str | None:
    if not bool(torch.isfinite(total)):
        return "loss"
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    if gradients and not bool(torch.isfinite(torch.stack(torch._foreach_norm(gradients)).sum())):
        return "gradient"
    return None
