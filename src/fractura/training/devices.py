"""The machine a run finds itself on: device, cores, processes, and the wish to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Literal, Self

import psutil
import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState, PartialState

from fractura.core.errors import MissingDependencyError


def is_first_process() -> bool:
    """True in the one process of several that speaks; known from the launcher, before anything is set up."""
    return os.environ.get("RANK", "0") == "0"


def find_device(wanted: Literal["auto", "cpu", "cuda", "mps"]) -> PartialState:
    """The device and the processes of this run, as ``accelerate launch`` or ``torchrun`` set them up.

    Raises:
        MissingDependencyError: The wanted device is not there.
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted != "auto" and not present[wanted]:
        raise MissingDependencyError(
            f"PyTorch {torch.__version__} finds no {wanted} device here",
            hint="use --device auto, or install the PyTorch build for your GPU (pytorch.org)",
        )
    # Accelerate remembers its first set-up for the life of the process; a notebook trains more than once.
    AcceleratorState._reset_state(reset_partial_state=not torch.distributed.is_initialized())
    return PartialState(cpu=wanted == "cpu" or (wanted == "auto" and not present["cuda"] and not present["mps"]))


def build_accelerator(state: PartialState, mixed_precision: str) -> Accelerator:
    """Accelerate's engine for the device in ``state``.

    Args:
        state: From ``find_device``.
        mixed_precision: ``no``, ``bf16`` or ``fp16``.
    """
    # A batch without boxes gives some heads no gradient; without this the other processes would wait for it forever.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    return Accelerator(
        cpu=state.device.type == "cpu",
        mixed_precision=mixed_precision,
        kwargs_handlers=[unused],
        step_scheduler_with_optimizer=False,
    )


def available_cores() -> int:
    """Cores that this process may use, without hyper-threads."""
    physical = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return min(physical, len(affinity(0))) if affinity is not None else physical


def use_all_cores(processes: int) -> int:
    """Let torch use the physical cores, shared among ``processes``; ``OMP_NUM_THREADS`` stays in force if set.

    Returns:
        Threads in use.
    """
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, available_cores() // processes))
    return torch.get_num_threads()


def choose_workers(wanted: int | None, device: torch.device, processes: int) -> int:
    """Processes that prepare images for each training process.

    Args:
        wanted: As set; None chooses: on a CPU the network itself needs the cores, so only every fourth one prepares
            images, and none below four; a GPU gets all but one, eight at most.
        device: Where the network is.
        processes: Training processes on this machine.
    """
    if wanted is not None:
        return wanted
    cores = max(1, available_cores() // processes)
    return min(8, cores - 1) if device.type != "cpu" else min(4, cores // 4)


class StopWish:
    """Ctrl-C, a polite kill and the clock all end a run after the step in hand; a second Ctrl-C ends it at once.

    Use as a context manager around the loop.

    Args:
        max_minutes: Time to run from now; None is no limit.
    """

    def __init__(self, max_minutes: float | None) -> None:
        self._deadline = time.monotonic() + max_minutes * 60 if max_minutes is not None else None
        self._max_minutes = max_minutes
        self._signal: str | None = None
        self._former: dict[int, Any] = {}

    @property
    def reason(self) -> str | None:
        """Why the run should stop now; None to go on."""
        if self._signal is not None:
            return self._signal
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return f"the {self._max_minutes:g} minutes are over"
        return None

    @property
    def interrupted(self) -> bool:
        """True if a person or the system asked, not the clock."""
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
