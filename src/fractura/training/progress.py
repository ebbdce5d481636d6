"""What people see of a training run, on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

import psutil
import torch

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SECONDS_BETWEEN_LINES = 30.0
_SMOOTHING = 0.95
"""Share of the shown loss that stays from one step to the next."""


class Reporter:
    """Says what happens. One that is not ``enabled`` (a second process, a quiet call) says nothing.

    Attributes:
        peak_memory: Most bytes this process has held at any look, and on a GPU the most the device has.
    """

    def __init__(self, *, enabled: bool = True, seconds_between_lines: float = _SECONDS_BETWEEN_LINES) -> None:
        self.enabled = enabled
        self.peak_memory = 0
        self._seconds_between_lines = seconds_between_lines
        self._started = time.monotonic()
        self._last_line = self._started
        self._process = psutil.Process()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._loss: float | None = None
        self._first_step = 0
        self._num_steps = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def say(self, text: str) -> None:
        """A line for people."""
        if not self.enabled:
            return
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def warn(self, text: str) -> None:
        """A line about something that went otherwise than planned."""
        self.say(f"warning: {text}")

    def start(self, first_step: int, num_steps: int) -> None:
        """The steps begin."""
        self._first_step, self._num_steps = first_step, num_steps
        self._started = self._last_line = time.monotonic()
        if not self.enabled or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
            console=Console(stderr=True),
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=num_steps, completed=first_step)

    def advance(self, step: int, loss: float, images_per_second: float) -> None:
        """A step is done.

        Args:
            step: Steps done, from 1.
            loss: Of this step.
            images_per_second: Over the last steps.
        """
        self._loss = loss if self._loss is None else _SMOOTHING * self._loss + (1 - _SMOOTHING) * loss
        now = time.monotonic()
        due = step == self._first_step + 1 or now - self._last_line >= self._seconds_between_lines
        if self._bar is None and not due:
            return
        status = f"loss {self._loss:.4g}  {images_per_second:.3g} images/s  memory {self.memory()}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=step, description=status)
        elif due:
            self._last_line = now
            left = (now - self._started) / (step - self._first_step) * (self._num_steps - step)
            self.say(f"step {step}/{self._num_steps}  {status}  {duration(left)} left")

    def memory(self) -> str:
        """Peak memory in words."""
        self.peak_memory = max(self.peak_memory, self._process.memory_info().rss)
        text = f"{self.peak_memory / 2**30:.1f} GiB"
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            text += f", GPU {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
        return text


def duration(seconds: float) -> str:
    """Seconds in words: ``45 s``, ``12 min``, ``3 h 05 min``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
