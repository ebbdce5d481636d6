"""Trains on the folder by running ``fractura split`` and ``fractura train`` as subprocesses and watching them.

They are separate processes because training uses all memory and cores it can get, may be stopped at any time, and needs
PyTorch, which the server does not.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from fractura.core.json_text import json_object_in
from fractura.core.model_card import CARD_FILE
from fractura.core.translation import LANGUAGE_VARIABLE
from fractura.web.api_errors import WebError
from fractura.web.training_measure import measure_training
from fractura.web.training_schemas import (
    TrainingRequest,
    TrainingResult,
    TrainingStatus,
    TrainingStep,
    TrainingValidation,
)

_LINES = 50
_POLL_SECONDS = 1.0
_SECONDS_TO_STOP = 60.0
_LOG, _SUMMARY = "log.csv", "training.json"
_ROWS = 100
_MOST_POINTS = 500


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """A training to run.

    Attributes:
        folder: Labelled images.
        output: Folder of the new model.
        request: Steps, share of validation images (0 for none) and seed.
        start_from: Model whose weights to start from.
        in_use: Id and path of the model in use, which the new one is compared with.
    """

    folder: Path
    output: Path
    request: TrainingRequest
    start_from: Path | None = None
    in_use: tuple[str, Path] | None = None


@dataclass
class TrainingRun:
    """Runs one training at a time.

    Args:
        on_change: Called from a thread with every new status.
        on_done: Called with the folder of the new model; returns the model's id. It is not in use yet: ``decide``.
        command: How to run ``fractura``.
        status: Of the current training, or of the last one.
    """

    on_change: Callable[[TrainingStatus], None]
    on_done: Callable[[Path], str]
    command: tuple[str, ...] = (sys.executable, "-m", "fractura")
    status: TrainingStatus = field(default_factory=TrainingStatus)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _thread: threading.Thread | None = field(default=None, repr=False)
    _stopping: bool = False

    @staticmethod
    def obstacle() -> str | None:
        """Why this installation cannot train; None if it can."""
        missing = [name for name in ("torch", "accelerate") if find_spec(name) is None]
        return f'training needs {" and ".join(missing)}: pip install "fractura[train]"' if missing else None

    @property
    def is_running(self) -> bool:
        """True from ``start`` to the end of the training."""
        return self.status.state in ("preparing", "running", "measuring")

    def start(self, plan: TrainingPlan) -> None:
        """Start a training.

        Raises:
            WebError: PyTorch is not installed, or a training is already running.
        """
        obstacle = self.obstacle()
        if obstacle is not None:
            raise WebError(409, "torch_missing", "training needs PyTorch, which is not installed", hint=obstacle)
        with self._lock:
            if self.is_running:
                raise WebError(409, "training_running", "a training is already running", hint="wait for it, or stop it")
            self._stopping = False
            in_use = None if plan.in_use is None else plan.in_use[0]
            self._set(TrainingStatus(state="preparing", num_steps=plan.request.num_steps, in_use=in_use))
            self._thread = threading.Thread(target=self._run, args=(plan,), name="training", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the running training to end after the current step and to keep what it has learned."""
        with self._lock:
            self._stopping = True
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def decided(self) -> str:
        """Somebody has decided whether the new model takes over. Returns its id.

        Raises:
            WebError: No model waits for a decision.
        """
        with self._lock:
            model = self.status.model
            if model is None or not self.status.asks:
                raise WebError(
                    409, "nothing_to_decide", "no new model waits for a decision", hint="choose one with /api/models"
                )
            self._set(self.status.model_copy(update={"asks": False}))
        return model

    def close(self) -> None:
        """Stop, and wait until the training has ended."""
        self.stop()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_STOP)

    def _run(self, plan: TrainingPlan) -> None:
        lines: deque[str] = deque(maxlen=_LINES)
        result: TrainingResult | None = None
        with tempfile.TemporaryDirectory(prefix="fractura-training-") as place:
            data, request = plan.folder, plan.request
            arguments = ["--num-steps", str(request.num_steps), "--seed", str(request.seed), "--on-error", "skip"]
            arguments += ["--set", f"log_every={max(1, request.num_steps // _ROWS)}"]
            if request.val_share > 0:
                parts = Path(place) / "parts"
                share = ["--val", str(request.val_share), "--test", "0", "--seed", str(request.seed), "--again"]
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
            if code == 0 and request.val_share > 0:
                self._set(self.status.model_copy(update={"state": "measuring", "seconds_left": None}))
                in_use = None if plan.in_use is None else plan.in_use[1]

                def run(arguments: Sequence[str], printed: Path) -> int:
                    return self._call(arguments, lines, printed=printed)

                result = measure_training(run, Path(place), plan.output, parts / "val", in_use)
        self._end(code, lines, plan.output, result)

    def _call(
        self,
        arguments: Sequence[str],
        lines: deque[str],
        plan: TrainingPlan | None = None,
        *,
        printed: Path = Path(os.devnull),
    ) -> int:
        """Run a ``fractura`` command and collect its messages in ``lines``. Returns its exit code."""
        with self._lock, printed.open("wb") as output:
            if self._stopping:
                return -1
            self._process = process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                env={**os.environ, LANGUAGE_VARIABLE: "en"},  # the API's messages are English in every locale
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
        update: dict[str, object] = {"lines": list(lines)}
        if plan is not None:
            history = _history(plan.output / _LOG)
            step = history[-1]["step"] if history else 0
            spent, left = time.monotonic() - started, plan.request.num_steps - step
            update |= {
                "state": "running",
                "step": step,
                "loss": history[-1]["loss"] if history else None,
                "seconds_left": round(spent / step * left, 1) if step else None,
                "history": history,
                "validations": _validations(plan.output / _SUMMARY),
            }
        status = self.status.model_copy(update=update)
        if status != self.status:
            self._set(status)

    def _end(self, code: int, lines: deque[str], output: Path | None, result: TrainingResult | None = None) -> None:
        # A clean stop leaves a model; a folder without a card is a training that was cut off before its first save.
        model = self.on_done(output) if output is not None and (output / CARD_FILE).is_file() else None
        update: dict[str, object] = {"seconds_left": None, "lines": list(lines), "asks": model is not None}
        if model is not None and output is not None:
            update |= {"kept_step": _kept_step(output / _SUMMARY), "result": result}
        if self._stopping:
            update |= {"state": "stopped", "model": model}
        elif code == 0 and model is not None:
            update |= {"state": "done", "model": model}
        else:
            errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
            update |= {"state": "failed", "message": errors[-1] if errors else "training ended before it was done"}
        self._set(self.status.model_copy(update=update))

    def _set(self, status: TrainingStatus) -> None:
        self.status = status
        self.on_change(status)


def _read_lines(process: subprocess.Popen[str], lines: deque[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line.rstrip())


def _history(file: Path) -> list[TrainingStep]:
    """Steps and losses of a ``log.csv`` that may still be growing, thinned out if there are many."""
    if not file.is_file():
        return []
    rows: list[TrainingStep] = []
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            try:
                rows.append({"step": int(float(row["step"])), "loss": float(row["loss"])})
            except (KeyError, TypeError, ValueError):  # a row that is still being written
                continue
    step = max(1, len(rows) // _MOST_POINTS)
    return rows[::step] + (rows[-1:] if step > 1 and rows else [])


def _validations(file: Path) -> list[TrainingValidation]:
    """Step and AP50 of each validation in a ``training.json``."""
    return [
        {"step": each["step"], "AP50": each.get("AP50")}
        for each in (json_object_in(file) or {}).get("validations", [])
        if isinstance(each, dict) and isinstance(each.get("step"), int)
    ]


def _kept_step(file: Path) -> int | None:
    """The step of the weights that were saved, from a ``training.json``: that of the best validation, else the last."""
    document = json_object_in(file) or {}
    step = document.get("best_step") or document.get("steps")
    return step if isinstance(step, int) else None
