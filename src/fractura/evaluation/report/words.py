"""The words and numbers of the report in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from fractura.core.errors import UsageError, suggest_name
from fractura.evaluation.metric_names import Metric

LANGUAGES = ("en", "es")
DASH = "–"


def rate(false_positives: float) -> str:
    """A power of two as FROC axes write it: ``1/8``, ``2``."""
    return f"1/{1 / false_positives:g}" if false_positives < 1 else f"{false_positives:g}"


class Words:
    """Turns the report's English into the reader's language.

    Args:
        language: One of ``LANGUAGES``.

    Attributes:
        language: As given.

    Raises:
        UsageError: The report is not written in that language.
    """

    def __init__(self, language: str = "en") -> None:
        if language not in LANGUAGES:
            raise UsageError(f"the report is not written in '{language}'", hint=suggest_name(language, LANGUAGES))
        self.language = language
        self._table: Mapping[str, str] | None = None
        if language == "es":
            from fractura.evaluation.report.spanish import SPANISH

            self._table = SPANISH

    def __call__(self, english: str, **values: object) -> str:
        """A sentence of the report, its ``{places}`` filled in.

        Raises:
            KeyError: The sentence was not translated.
        """
        return (english if self._table is None else self._table[english]).format(**values)

    def known(self, words: str) -> str:
        """Words from elsewhere (a column's name, a note): translated if they can be, else as they are."""
        return words if self._table is None else self._table.get(words, words)

    def number(self, value: float | None, digits: int = 2) -> str:
        """A number with so many digits behind the point, a dash for none."""
        return DASH if value is None else self._localised(f"{value:.{digits}f}")

    def percent(self, value: float | None) -> str:
        """A share as per cent with one digit behind the point, a dash for none."""
        return DASH if value is None else self._localised(f"{100 * value:.1f}") + "\u00a0%"

    def interval(self, metric: Metric, *, share: bool, digits: int = 2) -> str:
        """``47.1–73.5`` for a share, in per cent; empty without an interval."""
        if metric.low is None or metric.high is None:
            return ""
        scale, digits = (100, 1) if share else (1, digits)
        return self._localised(f"{scale * metric.low:.{digits}f}{DASH}{scale * metric.high:.{digits}f}")

    def _localised(self, number: str) -> str:
        return number if self._table is None else number.replace(".", ",")
