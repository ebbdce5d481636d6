"""What a run reports: the line on its steps, ``log.csv`` and TensorBoard, and a hook for programs that report more.

TensorBoard tags are those of the TF Object Detection API where it has one: tensorflow/models
research/object_detection/model_lib_v2.py:629-700 and metrics/coco_evaluation.py:255-311.
"""

from __future__ import annotations

import csv
import io
import os
import re
import socket
import time
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary

from fractura.core.files import unwritable, write_atomically
from fractura.core.reporter import Progress, Reporter
from fractura.formats.tfrecord.frames import write_frame

if TYPE_CHECKING:
    from fractura.training.data import Batch

LOG_FILE = "log.csv"
_numbers = count()
"""Tells the event files of one process apart."""
_SECONDS_BETWEEN_LINES = 30.0
_SMOOTHING = 0.95
"""Weight of the previous value in the smoothed loss that is shown."""
VALIDATION_TAGS = {
    "AP": "DetectionBoxes_Precision/mAP",
    "AP50": "DetectionBoxes_Precision/mAP@.50IOU",
    "AP75": "DetectionBoxes_Precision/mAP@.75IOU",
    "AP30": "DetectionBoxes_Precision/mAP@.30IOU",
    "AP10": "DetectionBoxes_Precision/mAP@.10IOU",
    "AP_small": "DetectionBoxes_Precision/mAP (small)",
    "AP_medium": "DetectionBoxes_Precision/mAP (medium)",
    "AP_large": "DetectionBoxes_Precision/mAP (large)",
    "AR_1": "DetectionBoxes_Recall/AR@1",
    "AR_10": "DetectionBoxes_Recall/AR@10",
    "AR_100": "DetectionBoxes_Recall/AR@100",
    "AR_small": "DetectionBoxes_Recall/AR@100 (small)",
    "AR_medium": "DetectionBoxes_Recall/AR@100 (medium)",
    "AR_large": "DetectionBoxes_Recall/AR@100 (large)",
    "image_auc": "Images/AUC",
    "sensitivity": "AtThreshold/sensitivity",
    "precision": "AtThreshold/precision",
    "false_positives_per_image": "AtThreshold/false_positives_per_image",
    "threshold": "AtThreshold/threshold",
}


class StepLine:
    """Reports how far a run is: the progress after each step, and a line at the first one and now and then.

    Args:
        reporter: Shows the lines.
        progress: Shows the progress.
        first_step: Number of steps already done.
        num_steps: Number of steps at the end.
    """

    def __init__(self, reporter: Reporter, progress: Progress, first_step: int, num_steps: int) -> None:
        self._reporter, self._progress = reporter, progress
        self._first_step, self._num_steps = first_step, num_steps
        self._started = self._last_line = time.monotonic()
        self._process = psutil.Process()
        self._peak_memory = 0
        self._loss: float | None = None
        progress(first_step, num_steps)

    def advance(self, step: int, loss: float | None, images_per_second: float) -> None:
        """Call after each step.

        Args:
            step: Number of steps done, from 1.
            loss: Loss of this step; None if it was left out.
            images_per_second: Mean over the last steps.
        """
        self._progress(step, self._num_steps)
        if loss is not None:
            self._loss = loss if self._loss is None else _SMOOTHING * self._loss + (1 - _SMOOTHING) * loss
        now = time.monotonic()
        if step != self._first_step + 1 and now - self._last_line < _SECONDS_BETWEEN_LINES:
            return
        self._last_line = now
        left = (now - self._started) / (step - self._first_step) * (self._num_steps - step)
        shown = "–" if self._loss is None else f"{self._loss:.4g}"
        self._reporter.say(
            f"step {step}/{self._num_steps}  loss {shown}  {images_per_second:.3g} images/s  "
            f"memory {self.memory()}  {duration(left)} left"
        )

    def memory(self) -> str:
        """Peak memory as text; on a GPU, its peak memory, too."""
        self._peak_memory = max(self._peak_memory, self._process.memory_info().rss, _highest_memory())
        text = f"{self._peak_memory / 2**30:.1f} GiB"
        if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            text += f", GPU {torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
        return text


def _highest_memory() -> int:
    """Bytes that this process has had at most, where Linux says so; else 0."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def duration(seconds: float) -> str:
    """Seconds as text.

    Examples:
        >>> [duration(seconds) for seconds in (45, 720, 11100)]
        ['45 s', '12 min', '3 h 05 min']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


class History:
    """Appends rows to ``log.csv``; a resumed run first removes the rows of steps that it runs again.

    Args:
        folder: Folder of the file.
        last_step: Rows after this step are removed; 0 starts a new file.
    """

    def __init__(self, folder: Path, last_step: int = 0) -> None:
        self.path = folder / LOG_FILE
        self._columns: list[str] | None = None
        if last_step and self.path.is_file():
            self._cut(last_step)
        else:
            self.path.unlink(missing_ok=True)

    def add(self, row: dict[str, float]) -> None:
        """Append a row; the first one determines the columns."""
        if self._columns is None:
            self._columns = list(row)
            self._append(self._columns)
        self._append([f"{row[name]:.8g}" if name in row else "" for name in self._columns])

    def _append(self, cells: list[str]) -> None:
        try:
            with self.path.open("a", encoding="utf-8", newline="") as stream:
                csv.writer(stream, lineterminator="\n").writerow(cells)
        except OSError as error:
            raise unwritable(error, self.path) from error

    def _cut(self, last_step: int) -> None:
        """Keep complete rows up to ``last_step``: a killed process may have left later rows, or half a row."""
        with self.path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
        if not rows or "step" not in rows[0]:
            self.path.unlink()
            return
        self._columns, position = rows[0], rows[0].index("step")
        kept = [row for row in rows[1:] if len(row) == len(rows[0]) and float(row[position]) <= last_step]
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([rows[0], *kept])
        write_atomically(self.path, text.getvalue())


def read_history(folder: Path) -> list[dict[str, float]]:
    """The rows of ``log.csv`` without their empty cells; none if there is no file."""
    path = folder / LOG_FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [{name: float(cell) for name, cell in row.items() if cell} for row in csv.DictReader(stream)]


class Events:
    """Writes TensorBoard events, in this thread and with the system's own files.

    PyTorch's ``SummaryWriter`` writes in a thread of its own, which prints a traceback where the disk is full, and
    through TensorFlow where that is installed, whose errors are others and whose import takes seconds.

    Args:
        folder: Folder for the events.
        steps_done: Events of later steps, left by a process that was killed, are hidden: the run writes them again.

    Raises:
        DataError: The file cannot be written; every method may raise it.
    """

    def __init__(self, folder: Path, steps_done: int = 0) -> None:
        name = f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}"
        self._path = folder / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("wb")
        except OSError as error:
            raise unwritable(error, self._path) from error
        self._write(step=steps_done, file_version="brain.Event:2")
        self._write(step=steps_done + 1, session_log=SessionLog(status=SessionLog.START))  # hides from here on

    def _write(self, **content: Any) -> None:
        try:
            write_frame(self._stream, Event(wall_time=time.time(), **content).SerializeToString())
            self._stream.flush()  # a kill after the next saved state would lose it for good
        except OSError as error:
            raise unwritable(error, self._path) from error

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Write one number."""
        self._write(step=step, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))

    def picture(self, tag: str, pixels: NDArray[np.uint8], step: int) -> None:
        """Write one image, uint8 ``(height, width, 3)``."""
        height, width, channels = pixels.shape
        encoded = io.BytesIO()
        Image.fromarray(pixels).save(encoded, "PNG")
        picture = Summary.Image(
            height=height, width=width, colorspace=channels, encoded_image_string=encoded.getvalue()
        )
        self._write(step=step, summary=Summary(value=[Summary.Value(tag=tag, image=picture)]))

    def step(self, step: int, row: Mapping[str, float], parts: Mapping[str, float]) -> None:
        """Write the scalars of a logged step.

        Args:
            step: Number of steps done.
            row: ``loss``, ``learning_rate``, ``gradient_norm``, ``images_per_second``, ``steps_per_second``.
            parts: Losses by name.
        """
        self.scalar("Loss/total_loss", row["loss"], step)
        for name, value in parts.items():
            self.scalar(f"Loss/{name}", value, step)
        self.scalar("learning_rate", row["learning_rate"], step)
        self.scalar("steps_per_sec", row["steps_per_second"], step)
        self.scalar("images_per_sec", row["images_per_second"], step)
        self.scalar("gradient_norm", row["gradient_norm"], step)

    def validation(self, step: int, metrics: Mapping[str, Any], pictures: Sequence[NDArray[np.uint8]]) -> None:
        """Write the scalars and pictures of a validation; undefined metrics are left out.

        Args:
            step: Number of steps done.
            metrics: ``Validation.metrics``.
            pictures: uint8 ``(height, width, 3)`` each.
        """
        for name, tag in VALIDATION_TAGS.items():
            if metrics.get(name) is not None:
                self.scalar(tag, metrics[name], step)
        for number, picture in enumerate(pictures):
            self.picture(f"validation_{number}", picture, step)

    def close(self) -> None:
        """Flush and close the file."""
        try:
            self._stream.close()
        except OSError as error:
            raise unwritable(error, self._path) from error


class RunHooks:
    """Called by a run so that another program can report more. This one does nothing.

    Attributes:
        events_folder: Folder of the TensorBoard events, inside the output folder.
        shows_last_step: Events hold the losses of the last step and the learning rate of the next, as TensorFlow writes
            them; otherwise means since the last events, and the learning rate of the last step. ``log.csv`` always
            holds the latter.
    """

    events_folder = "tensorboard"
    shows_last_step = False

    def step_begins(self, events: Events, step: int, batch: Batch) -> None:
        """Called on the main process before each step.

        Args:
            events: Accepts events.
            step: Number of steps done.
            batch: The images of the step.
        """

    def step_logged(
        self, events: Events, reporter: Reporter, row: Mapping[str, float], parts: Mapping[str, float]
    ) -> None:
        """Called on the main process after each logged step.

        Args:
            events: Accepts further events of this step.
            reporter: Shows further lines.
            row: ``step``, ``learning_rate``, ``loss``, ``steps_per_second``, …
            parts: Losses by name.
        """
