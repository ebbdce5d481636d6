"""Devices, number format, CPU cores, processes, and the signal to stop."""

from __future__ import annotations

import atexit
import os
import re
import signal
import threading
import time
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Literal, Self

import psutil
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState, PartialState
from torch import nn

from fractura.core.errors import MissingDependencyError, UsageError
from fractura.models.detector import Detector
from fractura.training.data import Batch

Format = Literal["no", "bf16", "fp16"]
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def find_device(wanted: Literal["auto", "cpu", "cuda", "mps"]) -> PartialState:
    """The device and the processes of this run, as ``accelerate launch`` or ``torchrun`` set them up.

    Raises:
        MissingDependencyError: The wanted device is not available.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted != "auto" and not present[wanted]:
        raise MissingDependencyError(
            f"PyTorch {torch.__version__} finds no {wanted} device on this machine",
            hint="use --device auto, or install the PyTorch build for your GPU (pytorch.org)",
        )
    # Accelerate keeps its first set-up for the lifetime of the process; a notebook trains more than once.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    state = PartialState(cpu=wanted == "cpu" or (wanted == "auto" and not present["cuda"] and not present["mps"]))
    if state.num_processes > 1:
        atexit.register(_leave_group)
    return state


def _leave_group() -> None:
    """Before Python ends: the threads of the group would otherwise be torn down while they run, and sometimes abort."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def build_accelerator(state: PartialState, mixed_precision: str) -> Accelerator:
    """Accelerate's engine for the device in ``state``.

    Args:
        state: From ``find_device``.
        mixed_precision: ``no``, ``bf16`` or ``fp16``.
    """
    # Without boxes in a batch some heads get no gradient, and the other processes would wait for it forever.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(
        cpu=state.device.type == "cpu",
        mixed_precision=mixed_precision,
        kwargs_handlers=[unused],
        step_scheduler_with_optimizer=False,
    )


def available_cores() -> int:
    """Number of physical cores that this process may use."""
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return min(physical, len(affinity(0))) if affinity is not None else physical


def use_all_cores(processes: int) -> int:
    """Let torch use the physical cores, divided among ``processes``; ``OMP_NUM_THREADS`` takes precedence.

    Returns:
        Number of threads in use.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, available_cores() // processes))
    return torch.get_num_threads()


def choose_workers(wanted: int | None, device: torch.device, processes: int) -> int:
    """Number of processes that prepare images for each training process.

    Args:
        wanted: The number if it was set. None chooses: on a CPU the network needs the cores itself, so one in four
            prepares images; a GPU gets all cores but one, at most eight.
        device: Where the network runs.
        processes: Number of training processes on this machine.
    """
    if wanted is not None:
        return wanted
    cores = max(1, available_cores() // processes)
    return min(8, cores - 1) if device.type != "cpu" else min(4, cores // 4)


@dataclass(frozen=True)
class Precision:
    """The number format to compute in, and why.

    >>> str(Precision("no", "a CPU"))
    'float32 (a CPU)'

    Attributes:
        format: As Accelerate calls it; ``no`` is float32 throughout.
        reason: Why, for people.
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

    >>> choose_precision("auto", "cuda", "NVIDIA H100", (9, 0)).format
    'bf16'

    Args:
        wanted: ``auto``, or a format to insist on.
        device_type: ``cpu``, ``cuda`` or ``mps``.
        device_name: Name of the GPU, according to its driver.
        capability: CUDA compute capability.

    Raises:
        UsageError: fp16 is insisted on without a CUDA GPU, which gradient scaling needs.
    """
    if wanted != "auto":
        if wanted == "fp16" and device_type != "cuda":
            raise UsageError(f"fp16 needs a CUDA GPU, this is {device_type}", hint="use --mixed-precision no")
        return Precision(wanted, "as set")
    if device_type == "cpu":
        return Precision("no", "a CPU; bf16 is many times slower on most of them")
    if device_type != "cuda":
        return Precision("no", f"half precision is untested on {device_type}")
    if re.search(r"GTX\s*16\d\d", device_name, re.IGNORECASE):
        return Precision("no", f"{device_name} is known to produce NaN in half precision")
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
    """Try ``precision`` on one real batch, forward and backward; fall back to float32 if anything is not finite.

    The detector is left as it was: batch-norm statistics are restored and gradients cleared.
    """
    if precision.format == "no":
        return precision
    buffers = {name: value.clone() for name, value in detector.named_buffers()}
    detector.train()
    try:
        with torch.autocast(device.type, dtype=_TYPES[precision.format]):
            losses = detector.losses(batch.images, batch.targets)
        total = torch.stack([value.float() for value in losses.values()]).sum()
        total.backward()  # type: ignore[no-untyped-call]
        bad = _not_finite(total, detector)
    finally:
        detector.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, value in detector.named_buffers():
                value.copy_(buffers[name])
    if bad is None:
        return precision
    return Precision("no", f"with {precision.format} the {bad} of the first images is not finite")


def _not_finite(total: torch.Tensor, module: nn.Module) -> str | None:
    if not bool(torch.isfinite(total)):
        return "loss"
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    if gradients and not bool(torch.isfinite(torch.stack(torch._foreach_norm(gradients)).sum())):
        return "gradient"
    return None


class StopSignal:
    """Ends a run after the current step: on Ctrl-C, on SIGTERM or when time is up. A second Ctrl-C ends it at once.

    Use as a context manager around the loop.

    Args:
        max_minutes: Time to run from now; None is unlimited.
    """

    def __init__(self, max_minutes: float | None) -> None:
        self._deadline = time.monotonic() + max_minutes * 60 if max_minutes is not None else None
        self._max_minutes = max_minutes
        self._signal: str | None = None
        self._former: dict[int, Any] = {}

    @property
    def reason(self) -> str | None:
        """Why the run should stop now; None if it should not."""
        if self._signal is not None:
            return self._signal
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return f"the {self._max_minutes:g} minutes are over"
        return None

    @property
    def interrupted(self) -> bool:
        """True if the user or the system stopped the run, not the clock."""
        return self._signal is not None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # signals reach no other thread
            for number in (signal.SIGINT, signal.SIGTERM):
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._signal = f"stopped by {signal.Signals(number).name}"
        signal.signal(signal.SIGINT, signal.default_int_handler)
