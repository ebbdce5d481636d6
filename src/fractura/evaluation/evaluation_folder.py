"""The folder of an evaluation: its document, and two tables for spreadsheets, one row per metric, one per image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fractura.core.csv_cell import csv_text
from fractura.core.files import write_atomically
from fractura.core.json_text import json_object_in
from fractura.evaluation.metric_names import Metric, metric_text
from fractura.evaluation.result import Evaluation

EVALUATION_FILE, METRICS_FILE, IMAGES_FILE = "evaluation.json", "metrics.csv", "images.csv"
_METRIC_COLUMNS = ("by", "group", "metric", "text", "value", "low", "high", "count", "part")
_IMAGE_COLUMNS = (
    *("image", "patient", "study", "positive", "score"),
    *("boxes", "missed", "detections", "false_positives"),
)


def holds_evaluation(folder: Path) -> bool:
    """An earlier evaluation was written into this folder, as ``EVALUATION_FILE``."""
    return {"metrics", "outcomes"} <= (json_object_in(folder / EVALUATION_FILE) or {}).keys()


def write_tables(evaluation: Evaluation, folder: Path) -> None:
    """Write ``metrics.csv`` (all images first, then each subgroup) and ``images.csv``, atomically.

    Names that a spreadsheet would take for a formula are guarded, see ``csv_cell``.

    Raises:
        DataError: The folder cannot be written.
    """
    write_atomically(folder / METRICS_FILE, csv_text(_METRIC_COLUMNS, _metric_rows(evaluation)))
    write_atomically(folder / IMAGES_FILE, csv_text(_IMAGE_COLUMNS, _image_rows(evaluation)))


def _metric_rows(evaluation: Evaluation) -> Iterator[list[object]]:
    yield from (_metric_row("", "", key, metric) for key, metric in evaluation.metrics.items())
    for group in evaluation.subgroups:
        yield from (_metric_row(group.by, group.name, key, metric) for key, metric in group.metrics.items())


def _metric_row(by: str, group: str, key: str, metric: Metric) -> list[object]:
    return [by, group, key, metric_text(key), metric.value, metric.low, metric.high, metric.count, metric.part]


def _image_rows(evaluation: Evaluation) -> Iterator[list[object]]:
    for outcome in evaluation.outcomes:
        record = outcome.record
        positive = None if outcome.positive is None else int(outcome.positive)
        counts = [len(record.boxes), len(outcome.missed), len(outcome.detections), len(outcome.false)]
        yield [record.name, record.patient, record.study, positive, outcome.image_score, *counts]
