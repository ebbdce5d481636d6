"""How a run went: its result, ``training.json``, and the lines that people read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fractura.core.files import write_atomically
from fractura.training.logging import duration
from fractura.training.settings import TrainSettings
from fractura.training.state import RunProgress

SUMMARY_FILE = "training.json"


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a run ended.

    Attributes:
        model_folder: Holds ``card.json`` and ``weights.safetensors``.
        steps: Optimiser steps done, including those before a resume.
        stopped: Why it ended before ``num_steps``; None if it did not.
        interrupted: True if the user or the system stopped it.
        best: Metrics of the best validation (``AP50``, ``AP``, ``image_auc``, ``threshold``, …); None without images to
            validate on.
        best_step: Its step; the saved weights are those of this step.
        validations: ``step``, ``best`` and metrics of each validation.
        history: Rows of ``log.csv``.
        skipped_images: Images that could not be read, and why.
        dropped_boxes: Boxes lost in augmentation, in total.
    """

    model_folder: Path
    steps: int
    stopped: str | None
    interrupted: bool
    best: dict[str, Any] | None
    best_step: int | None
    validations: list[dict[str, Any]]
    history: list[dict[str, float]]
    skipped_images: dict[str, str] = field(default_factory=dict)
    dropped_boxes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the rows of ``log.csv``."""
        return {
            "model": str(self.model_folder),
            "steps": self.steps,
            "stopped": self.stopped,
            "best_step": self.best_step,
            "best": self.best,
            "validations": self.validations,
            "skipped_images": self.skipped_images,
            "dropped_boxes": self.dropped_boxes,
        }


def write_summary(settings: TrainSettings, progress: RunProgress, stopped: str | None) -> None:
    """Write ``training.json`` into the output folder.

    Args:
        settings: Of the run.
        progress: How far it has come.
        stopped: Why it ended early; None if it did not, or is still running.
    """
    document = {"num_steps": settings.num_steps, "stopped": stopped, **asdict(progress), "settings": settings.to_dict()}
    write_atomically(settings.output / SUMMARY_FILE, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def validation_line(progress: RunProgress, metrics: Mapping[str, Any], seconds: float) -> str:
    """One line on the validation that ``progress`` has just recorded; ``seconds`` is how long it took."""
    shown = "  ".join(f"{name} {_number(metrics[name])}" for name in ("AP50", "AP", "AP30", "image_auc", "sensitivity"))
    is_best = progress.best_step == progress.step
    note = "  best so far" if is_best else f"  (best {_number((progress.best or {})['AP50'])})"
    return (
        f"step {progress.step}  {shown}  false positives per image {_number(metrics['false_positives_per_image'])} at "
        f"threshold {_number(metrics['threshold'])}{note}  ({duration(seconds)})"
    )


def closing_lines(
    progress: RunProgress, settings: TrainSettings, stopped: str | None, steps: int, seconds: float, memory: str
) -> Iterator[str]:
    """The lines that a run ends with.

    Args:
        progress: How far the run has come.
        settings: Of the run.
        stopped: Why it ended early, if it did.
        steps: Number of steps done by this call.
        seconds: How long they took.
        memory: Peak memory as text.
    """
    yield (
        f"{stopped or 'done'}: step {progress.step} of {settings.num_steps}, {steps} steps in {duration(seconds)}, "
        f"peak memory {memory}"
    )
    if stopped is not None and progress.step < settings.num_steps:
        yield "the state is saved; the same command with --resume continues from here"
    if progress.dropped_boxes:
        yield f"{progress.dropped_boxes} boxes left the image in augmentation, of {progress.images_shown} shown"
    if progress.skipped_images:
        yield f"{len(progress.skipped_images)} images skipped because they cannot be read"
    if progress.best is not None:
        yield (
            f"best: AP50 {_number(progress.best['AP50'])} at step {progress.best_step}; its weights are in "
            f"{settings.output}"
        )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
