"""Means of the losses and the speed, from one row of the log to the next."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from fractura.training.step import StepResult

_RATE_WINDOW = 20
"""Steps over which the speed is taken."""


class Meter:
    """Means of the losses since the last reading, and the speed of the last steps."""

    def __init__(self) -> None:
        self.restart()
        self._clear()

    def restart(self) -> None:
        """Forget the speed: something else took time."""
        self._times: deque[float] = deque([time.perf_counter()], maxlen=_RATE_WINDOW)
        self._images = 0

    def add(self, result: StepResult, images: int, waited: float) -> None:
        """Take in a step of ``images`` images that were waited for for so many seconds."""
        self._times.append(time.perf_counter())
        self._images = images
        self._results.append(result)
        self._waited += waited

    @property
    def steps_per_second(self) -> float:
        """Over the last steps."""
        passed = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0

    @property
    def images_per_second(self) -> float:
        """Over the last steps."""
        return self.steps_per_second * self._images

    def read(self) -> tuple[dict[str, float], dict[str, float]]:
        """Means since the last reading, and the losses by name, both of this process; starts over."""
        results = self._results
        row = {
            "loss": float(np.mean([result.loss for result in results])),
            "gradient_norm": float(np.mean([result.gradient_norm for result in results if result.updated] or [0.0])),
            "images_per_second": self.images_per_second,
            "steps_per_second": self.steps_per_second,
            "seconds_waiting_for_images": self._waited,
        }
        names = results[-1].parts
        parts = {name: float(np.mean([result.parts.get(name, 0.0) for result in results])) for name in names}
        self._clear()
        return row, parts

    def _clear(self) -> None:
        self._results: list[StepResult] = []
        self._waited = 0.0


def mean_of(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each value over ``rows`` with the same names."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
