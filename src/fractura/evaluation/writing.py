"""The files of an evaluation: its document, and two tables for spreadsheets: one row a figure, one row a film."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from fractura.core.files import write_atomically
from fractura.evaluation.metric_names import Figure, figure_text
from fractura.evaluation.result import Evaluation

EVALUATION_FILE, FIGURES_FILE, FILMS_FILE = "evaluation.json", "figures.csv", "films.csv"


def holds_evaluation(folder: Path) -> bool:
    """An earlier evaluation was written into this folder, as ``EVALUATION_FILE``."""
    try:
        document = json.loads((folder / EVALUATION_FILE).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and {"figures", "outcomes"} <= document.keys()


def write_tables(evaluation: Evaluation, folder: Path) -> None:
    """Write ``figures.csv`` (all films first, then each subgroup) and ``films.csv``, atomically.

    Raises:
        DataError: The folder cannot be written.
    """
    columns = ["by", "group", "figure", "text", "value", "low", "high", "count", "part"]
    rows = [row for key, figure in evaluation.figures.items() for row in [_figure_row("", "", key, figure)]]
    for group in evaluation.subgroups:
        rows += [_figure_row(group.by, group.name, key, figure) for key, figure in group.figures.items()]
    _write(folder / FIGURES_FILE, columns, rows)
    columns = ["film", "patient", "study", "positive", "score", "boxes", "missed", "marks", "false_marks"]
    _write(folder / FILMS_FILE, columns, _film_rows(evaluation))


def _figure_row(by: str, group: str, key: str, figure: Figure) -> list[Any]:
    return [by, group, key, figure_text(key), figure.value, figure.low, figure.high, figure.count, figure.part]


def _film_rows(evaluation: Evaluation) -> Iterable[list[Any]]:
    for outcome in evaluation.outcomes:
        record = outcome.record
        positive = None if outcome.positive is None else int(outcome.positive)
        counts = [len(record.boxes), len(outcome.missed), len(outcome.marks), len(outcome.false)]
        yield [record.name, record.patient, record.study, positive, outcome.film_score, *counts]


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    write_atomically(path, text.getvalue())
