"""``fractura split`` and ``fractura train`` on the folder, as processes of their own, watched from here.

They run apart from the server because training takes all memory and cores it can get, may be stopped at any time, and
needs PyTorch, which the server does not.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from fractura.web.errors import WebError

TrainingStage = Literal["idle", "preparing", "running", "done", "failed", "stopped"]
_LINES = 50
_POLL_SECONDS = 1.0
_SECONDS_TO_STOP = 60.0
_LOG, _SUMMARY = "log.csv", "training.json"
_ROWS = 100
_MOST_POINTS = 500


@dataclass(frozen=True)
class TrainingReport:
    """How a training goes; the fields are those of ``TrainingState`` in the API."""

    state: TrainingStage = "idle"
    step: int = 0
    num_steps: int = 0
    loss: float | None = None
    seconds_left: float | None = None
    message: str | None = None
    lines: tuple[str, ...] = ()
    history: tuple[dict[str, Any], ...] = ()
    validations: tuple[dict[str, Any], ...] = ()
    model: str | None = None


@dataclass(frozen=True)
class TrainingPlan:
    """What to do.

    Attributes:
        folder: Labelled images.
        output: Of the model; new.
        num_steps: Optimiser steps.
        val_share: Share of the images to validate on; 0 trains blind.
        seed: Of everything random.
        start_from: Model to go on from.
    """

    folder: Path
    output: Path
    num_steps: int
    val_share: float
    seed: int
    start_from: Path | None = None


@dataclass
class TrainingRun:
    """One training at a time.

    Args:
        on_change: Called, from a thread, with every new report.
        on_done: Called with the model's folder when there is one; returns the model's id.
        command: What runs a command of ours.
    """

    on_change: Callable[[TrainingReport], None]
    on_done: Callable[[Path], str]
    command: tuple[str, ...] = (sys.executable, "-m", "fractura")
    report: TrainingReport = field(default_factory=TrainingReport)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)
    _stopping: bool = False

    @staticmethod
    def obstacle() -> str | None:
        """Why nothing can be trained here; None if it can."""
        missing = [name for name in ("torch", "accelerate") if find_spec(name) is None]
        return f'training needs {" and ".join(missing)}: pip install "fractura[train]"' if missing else None

    @property
    def is_running(self) -> bool:
        """True between ``start`` and the end."""
        return self.report.state in ("preparing", "running")

    def start(self, plan: TrainingPlan) -> None:
        """Begin.

        Raises:
            WebError: PyTorch is not installed, or a training runs already.
        """
        obstacle = self.obstacle()
        if obstacle is not None:
            raise WebError(409, "torch_missing", "training needs PyTorch, which is not installed", hint=obstacle)
        with self._lock:
            if self.is_running:
                raise WebError(409, "training_running", "a training runs already", hint="wait for it, or stop it")
            self._stopping = False
            self._tell(TrainingReport(state="preparing", num_steps=plan.num_steps))
            self._thread = threading.Thread(target=self._run, args=(plan,), name="training", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the running training to end after its step; what it has learned is kept."""
        with self._lock:
            self._stopping = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def close(self) -> None:
        """Stop, and wait for the end."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_STOP)

    def _run(self, plan: TrainingPlan) -> None:
        lines: deque[str] = deque(maxlen=_LINES)
        with tempfile.TemporaryDirectory(prefix="fractura-training-") as place:
            data = plan.folder
            arguments = ["--num-steps", str(plan.num_steps), "--seed", str(plan.seed), "--on-error", "skip"]
            arguments += ["--set", f"log_every={max(1, plan.num_steps // _ROWS)}"]
            if plan.val_share > 0:
                parts = Path(place) / "parts"
                share = ["--val", str(plan.val_share), "--test", "0", "--seed", str(plan.seed), "--again"]
                places = [str(plan.folder), str(parts), "--images", "link", "--on-error", "skip"]
                code = self._call(["split", *places, *share], lines)
                if code != 0:
                    self._end(code, lines, None)
                    return
                data = parts / "train"
                arguments += ["--val", str(parts / "val")]
            if plan.start_from is not None:
                arguments += ["--fine-tune-checkpoint", str(plan.start_from)]
            code = self._call(["train", str(data), "--output", str(plan.output), *arguments], lines, plan)
        self._end(code, lines, plan.output)

    def _call(self, arguments: Sequence[str], lines: deque[str], plan: TrainingPlan | None = None) -> int:
        """Run a command of ours; its words for people go into ``lines``. Returns its exit code."""
        with self._lock:
            if self._stopping:
                return -1
            self._process = process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        reader = threading.Thread(target=_read_lines, args=(process, lines), daemon=True)
        reader.start()
        started = time.monotonic()
        while process.poll() is None:
            time.sleep(_POLL_SECONDS)
            self._follow(plan, lines, started)
        reader.join()
        self._follow(plan, lines, started)
        return process.returncode

    def _follow(self, plan: TrainingPlan | None, lines: deque[str], started: float) -> None:
        report = replace(self.report, lines=tuple(lines))
        if plan is not None:
            history = _history(plan.output / _LOG)
            step = history[-1]["step"] if history else 0
            spent = time.monotonic() - started
            report = replace(
                report,
                state="running",
                step=step,
                loss=history[-1]["loss"] if history else None,
                seconds_left=round(spent / step * (plan.num_steps - step), 1) if step else None,
                history=tuple(history),
                validations=tuple(_validations(plan.output / _SUMMARY)),
            )
        if report != self.report:
            self._tell(report)

    def _end(self, code: int, lines: deque[str], output: Path | None) -> None:
        # A clean stop leaves a model; a folder without a card is a training that was cut off before its first save.
        model = self.on_done(output) if output is not None and (output / "card.json").is_file() else None
        if self._stopping:
            self._tell(replace(self.report, state="stopped", seconds_left=None, model=model))
        elif code == 0 and model is not None:
            self._tell(replace(self.report, state="done", seconds_left=None, model=model, lines=tuple(lines)))
        else:
            said = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
            message = said[-1] if said else "training ended before it was done"
            self._tell(replace(self.report, state="failed", seconds_left=None, message=message, lines=tuple(lines)))

    def _tell(self, report: TrainingReport) -> None:
        self.report = report
        self.on_change(report)


def _read_lines(process: subprocess.Popen[str], lines: deque[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line.rstrip())


def _history(file: Path) -> list[dict[str, Any]]:
    """Steps and losses of a ``log.csv`` that may be growing; thinned out when there are many."""
    if not file.is_file():
        return []
    rows = []
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            try:
                rows.append({"step": int(float(row["step"])), "loss": float(row["loss"])})
            except (KeyError, TypeError, ValueError):  # a row that is being written
                continue
    step = max(1, len(rows) // _MOST_POINTS)
    return rows[::step] + (rows[-1:] if step > 1 and rows else [])


def _validations(file: Path) -> list[dict[str, Any]]:
    """Step and AP50 of each validation in a ``training.json``."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return []
    return [
        {"step": each["step"], "AP50": each.get("AP50")}
        for each in document.get("validations", [])
        if isinstance(each, dict) and isinstance(each.get("step"), int)
    ]
