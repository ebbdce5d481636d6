"""Sentences that the evaluation says in English and that a report may say in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """A sentence with places to fill in.

    ``str`` gives the English; a report translates ``text`` first and fills in ``values`` afterwards, messages among
    them translated likewise.

    Attributes:
        text: The English, as ``str.format`` takes it, which is the key of its translations.
        values: What to fill in at each place in ``text``.

    Examples:
        >>> what = Message("the threshold")
        >>> print(Message("{count} images chose {what}", {"count": 3, "what": what}))
        3 images chose the threshold
    """

    text: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text.format(**self.values)


def gettext_noop(text: str) -> str:
    """Flag a text for translation where it is written; it is translated where it is shown.

    Examples:
        >>> gettext_noop("centre in box")
        'centre in box'
    """
    return text
