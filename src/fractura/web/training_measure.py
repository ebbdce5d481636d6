"""Measures the model that a training left on the images kept for validation, and the model in use on the same ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from fractura.core.json_text import json_object_in
from fractura.web.training_schemas import MeasuredValue, TrainingResult

_METRIC = "AP50"
Command = Callable[[Sequence[str], Path], int]
"""Runs a ``fractura`` command, and writes what it prints into a file. Returns its exit code."""


def measure_training(run: Command, place: Path, model: Path, val: Path, in_use: Path | None) -> TrainingResult | None:
    """Run ``fractura evaluate`` and ``fractura compare``.

    Args:
        run: Runs a command.
        place: Folder for what the commands print.
        model: The new model.
        val: The images that were kept for validation.
        in_use: The model in use; None if there is none.

    Returns:
        None where the new model could not be measured; the messages of the command say why.
    """
    evaluated = _printed(run, ["evaluate", str(model), str(val), "--json"], place / "evaluation.json")
    if evaluated is None:
        return None
    metrics = evaluated.get("metrics")
    found = metrics.get(_METRIC) if isinstance(metrics, dict) else None
    result = TrainingResult(
        images=_count(evaluated, "images"),
        negatives=_count(evaluated, "negative"),
        boxes=_count(evaluated, "boxes"),
        AP50=_measured(found, "value"),
    )
    if in_use is None:
        return result
    compared = _printed(run, ["compare", str(in_use), str(model), str(val), "--json"], place / "comparison.json")
    if compared is None:
        return result
    differences, overlap = compared.get("differences"), compared.get("overlap")
    difference = differences.get(_METRIC) if isinstance(differences, dict) else None
    seen = overlap.get("first") if isinstance(overlap, dict) else None
    return result.model_copy(
        update={
            "in_use_ap50": difference.get("first") if isinstance(difference, dict) else None,
            "difference": _measured(difference, "difference"),
            "seen": seen.get("trained") if isinstance(seen, dict) else None,
        }
    )


def _printed(run: Command, arguments: Sequence[str], file: Path) -> dict[str, object] | None:
    return json_object_in(file) if run(arguments, file) == 0 else None


def _count(document: dict[str, object], name: str) -> int:
    value = document.get(name)
    return value if isinstance(value, int) else 0


def _measured(metric: object, name: str) -> MeasuredValue | None:
    if not isinstance(metric, dict) or metric.get(name) is None:
        return None
    return {"value": metric[name], "low": metric.get("low"), "high": metric.get("high")}
