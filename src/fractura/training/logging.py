"""``log.csv``: one row per logged step, readable by any spreadsheet while the training runs."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from fractura.core.files import write_atomically

LOG_FILE = "log.csv"


class History:
    """Appends rows to ``log.csv``; after a resume, rows of steps that are run again are gone.

    Args:
        folder: Where the file is.
        last_step: Rows after this step are removed (0: a new file).
    """

    def __init__(self, folder: Path, last_step: int = 0) -> None:
        self.path = folder / LOG_FILE
        self._columns: list[str] | None = None
        if last_step and self.path.is_file():
            self._cut(last_step)
        else:
            self.path.unlink(missing_ok=True)

    def add(self, row: dict[str, float]) -> None:
        """Append a row; the first one fixes the columns."""
        if self._columns is None:
            self._columns = list(row)
            self._append(self._columns)
        self._append([f"{row[name]:.8g}" if name in row else "" for name in self._columns])

    def _append(self, cells: list[str]) -> None:
        with self.path.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(cells)

    def _cut(self, last_step: int) -> None:
        """Keep whole rows up to ``last_step``: a killed process may have left later rows, and half a row."""
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
    """The rows of ``log.csv``; empty cells are left out, no file is no rows."""
    path = folder / LOG_FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        return [{name: float(cell) for name, cell in row.items() if cell} for row in csv.DictReader(stream)]
