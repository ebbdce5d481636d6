"""The sentences and numbers of the report in the reader's language.

The English sentences in the code and the templates are gettext's keys, of the catalogues of ``core.translation``. A
sentence that is not translated yet is shown in English. CONTRIBUTING.md says how to add sentences and languages.
"""

from __future__ import annotations

from fractura.core.errors import UsageError, suggest_name
from fractura.core.translation import LANGUAGES, catalogue
from fractura.evaluation.messages import Message
from fractura.evaluation.metric_names import Metric

DASH = "–"


class Language:
    """Translates the report's English and writes numbers as the reader does.

    Args:
        code: One of ``LANGUAGES``.

    Attributes:
        code: As given.

    Raises:
        UsageError: The report is not written in that language.

    Examples:
        >>> spanish = Language("es")
        >>> spanish.gettext("At the threshold {threshold}", threshold=spanish.number(0.25))
        'Con el umbral 0,25'
    """

    def __init__(self, code: str = "en") -> None:
        if code not in LANGUAGES:
            raise UsageError(f"the report is not written in '{code}'", hint=suggest_name(code, LANGUAGES))
        self.code = code
        self._translations = catalogue(code)

    def gettext(self, text: str, **values: object) -> str:
        """A text in the reader's language, with its ``{places}`` filled in.

        Args:
            text: The English; what is not in the catalogue stays as it is.
            values: For the places. Without any, ``text`` may hold braces.
        """
        translated = self._translations.gettext(text) if text else ""  # gettext("") is the catalogue's heading
        return translated.format(**values) if values else translated

    def message(self, message: Message) -> str:
        """A message of the evaluation in the reader's language."""
        values = {
            place: self.message(value) if isinstance(value, Message) else value
            for place, value in message.values.items()
        }
        return self.gettext(message.text, **values)

    def number(self, value: float | None, digits: int = 2) -> str:
        """A number with so many decimals, a dash for None."""
        return DASH if value is None else self._localised(f"{value:.{digits}f}")

    def percent(self, value: float | None) -> str:
        """A share of 1 in per cent, with one decimal; a dash for None.

        Examples:
            >>> Language("en").percent(0.471)
            '47.1%'
        """
        return DASH if value is None else self.number(100 * value, 1) + self.percent_sign

    @property
    def percent_sign(self) -> str:
        """With the thin space that Spanish has before it."""
        return "\u202f%" if self.code == "es" else "%"

    def interval(self, metric: Metric, *, percent: bool, digits: int = 2) -> str:
        """Both ends, such as ``47.1–73.5``; empty without an interval.

        Args:
            metric: What was measured.
            percent: In per cent with one decimal.
            digits: Decimals otherwise.
        """
        if metric.low is None or metric.high is None:
            return ""
        scale, digits = (100, 1) if percent else (1, digits)
        return DASH.join(self.number(scale * end, digits) for end in (metric.low, metric.high))

    def _localised(self, number: str) -> str:
        return number.replace(".", ",") if self.code == "es" else number


def rate_text(false_positives: float) -> str:
    """A power of two as the axes of FROC curves write it.

    Examples:
        >>> rate_text(0.125), rate_text(2.0)
        ('1/8', '2')
    """
    return f"1/{1 / false_positives:g}" if false_positives < 1 else f"{false_positives:g}"
