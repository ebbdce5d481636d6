"""The files of an evaluation: its document, and two tables for spreadsheets: one row a metric, one row an image."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fractura.core.files import write_atomically
from fractura.evaluation.metric_names import Metric, metric_text
from fractura.evaluation.result import Evaluation

EVALUATION_FILE, METRICS_FILE, IMAGES_FILE = "evaluation.json", "metrics.csv", "images.csv"


def holds_evaluation(folder: Path) -> bool:
    """An earlier evaluation was written into this folder, as ``EVALUATION_FILE``."""
    try:
        document = json.loads((folder / EVALUATION_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and {"metrics", "outcomes"} <= document.keys()


def write_tables(evaluation: Evaluation, folder: Path) -> None:
    """Write ``metrics.csv`` (all images first, then each subgroup) and ``images.csv``, atomically.

    Raises:
        DataError: The folder cannot be written.
    """
    columns = ["by", "group", "metric", "text", "value", "low", "high", "count", "part"]
    rows = [row for key, metric in evaluation.metrics.items() for row in [_metric_row("", "", key, metric)]]
    for group in evaluation.subgroups:
        rows += [_metric_row(group.by, group.name, key, metric) for key, metric in group.metrics.items()]
    _write(folder / METRICS_FILE, columns, rows)
    columns = ["image", "patient", "study", "positive", "score", "boxes", "missed", "detections", "false_positives"]
    _write(folder / IMAGES_FILE, columns, _image_rows(evaluation))


def _metric_row(by: str, group: str, key: str, metric: Metric) -> list[Any]:
    return [by, group, key, metric_text(key), metric.value, metric.low, metric.high, metric.count, metric.part]


def _image_rows(evaluation: Evaluation) -> Iterable[list[Any]]:
    for outcome in evaluation.outcomes:
        record = outcome.record
        positive = None if outcome.positive is None else int(outcome.positive)
        counts = [len(record.boxes), len(outcome.missed), len(outcome.detections), len(outcome.false)]
        yield [record.name, record.patient, record.study, positive, outcome.image_score, *counts]


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_atomically(path, text.getvalue())
