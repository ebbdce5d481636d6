"""English sentences in another language, for whoever shows them.

The English in the code and in the report's templates is the key: ``locale/es/LC_MESSAGES/fractura.po`` has its
Spanish. What is not in a catalogue stays as it is. A catalogue is read when the first sentence is asked for.
"""

from __future__ import annotations

import gettext
import re
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Literal, get_args

Code = Literal["en", "es"]
LANGUAGES: tuple[Code, ...] = get_args(Code)
DOMAIN = "fractura"
LOCALE = Path(__file__).parent / "locale"
_NUMBERS = re.compile(r"[-+−±–\d.,;:/()% ]*\d[-+−±–\d.,;:/()% ]*M?")
_SEPARATORS = (", ", "; ", ": ")
_SENTENCES = re.compile(r"(?<=[a-z)]\.) (?=[A-Z])")
_QUOTES = ("'", '"', "`", "‘", "«")
_NEVER_A_COMMA = ("python", "version", "release")
_WEAK = 8
"""Letters of a template, such as ``{count} of {total}``, that may fit too much: then its values are single words."""
_LABELS = ("error", "warning", "note", "start", "done", "images")


def catalogue(code: str) -> gettext.NullTranslations:
    """The sentences of one of ``LANGUAGES``."""
    return gettext.NullTranslations() if code == "en" else gettext.translation(DOMAIN, LOCALE, [code])


class Translator:
    """Puts finished English into another language: the template it was made from is found in the catalogue again.

    Errors and remarks are made far below those who show them, and stay English for programs, logs and files. So the
    values stand in the sentence already: ``a.xml: box 2 has no area`` is found as ``{box} has no area``.

    Args:
        code: One of ``LANGUAGES``.

    Examples:
        >>> spanish = Translator("es")
        >>> spanish.word("Data")
        'Datos'
        >>> spanish.sentence("a.onnx: the scores are not calibrated")
        'a.onnx: las puntuaciones no están calibradas'
        >>> spanish.sentence("nobody has translated this")
        'nobody has translated this'
    """

    def __init__(self, code: Code) -> None:
        self.code = code

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        return catalogue(self.code)

    @cached_property
    def _templates(self) -> list[_Template]:
        texts = getattr(self._catalogue, "_catalog", {})
        found = [_Template(text) for text in texts if isinstance(text, str) and "{" in text]
        return sorted((each for each in found if each.weight), key=lambda each: -each.weight)

    def word(self, text: str) -> str:
        """A text that is no part of another, such as a heading or a help text; it may be a single word.

        Args:
            text: Its line breaks and runs of blanks count as one blank.
        """
        if self.code == "en" or not text:
            return text
        english = " ".join(text.split())
        found = self._catalogue.gettext(english)
        return self.sentence(text) if found == english else found

    def sentence(self, text: str) -> str:
        """A text of any number of sentences and lines; single words stay, for they may be names of the user's."""
        if self.code == "en":
            return text
        return "\n".join(self._line(line) for line in text.split("\n"))

    def number(self, text: str) -> str:
        """Numbers with the decimal comma, and semicolons between them, if that is all that ``text`` is.

        Examples:
            >>> Translator("es").number("0.93 (0.91–0.95), 0.5"), Translator("es").number("1.2.3")
            ('0,93 (0,91–0,95); 0,5', '1.2.3')
        """
        if self.code == "en" or not _NUMBERS.fullmatch(text) or re.search(r"\.\d+\.", text):
            return text
        if re.search(r"\d\.\d", text):
            text = re.sub(r"(?<=\d)\.(?=\d)", ",", text.replace(", ", "; "))
        return re.sub(r"(?<=\d) ?%", "\u202f%", text)

    def _line(self, line: str) -> str:
        text = line.strip()
        for start in ("→ ", *_SEPARATORS):
            if text.startswith(start):
                return line.replace(text, start + self._line(text.removeprefix(start)))
        return line.replace(text, self._found(text) or self._in_parts(text)) if text else line

    def _found(self, text: str) -> str | None:
        if " " not in text:
            return None
        exact = self._catalogue.gettext(text)
        if exact != text:
            return exact
        for template in self._templates:
            values = template.values_in(text)
            if values is not None:
                translated = self._catalogue.gettext(template.text)
                return translated.format(**self._filled(template, values))
        return None

    def _filled(self, template: _Template, values: dict[str, str]) -> dict[str, str]:
        return {place: self._value(template, place, value) for place, value in values.items()}

    def _value(self, template: _Template, place: str, value: str) -> str:
        if place in template.verbatim:
            return value
        if place.startswith(_NEVER_A_COMMA):
            return value
        number = self.number(value)
        return self.sentence(value) if number == value else number

    def _in_parts(self, text: str) -> str:
        sentences = _SENTENCES.split(text)
        if len(sentences) > 1:
            return " ".join(self._line(each) for each in sentences)
        for separator in ("; ", ": ", ", "):
            before, found, after = text.partition(separator)
            if found and self.number(text) == text:
                before = self.word(before) if before.strip() in _LABELS else self._line(before)
                return before + separator + self._line(after)
        return self.number(text)


class _Template:
    """A sentence with places, and how to find them in a finished one.

    Attributes:
        text: As ``str.format`` takes it.
        weight: Letters outside the places: what is matched by much is matched first.
        verbatim: Places whose values stay as they are: those in quotes, and those that are typed after an option.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._literals, self._names = [""], list[str]()
        self.weight, self.verbatim = 0, set[str]()
        try:
            parts = list(Formatter().parse(text))
        except ValueError:  # braces of another kind: looked up as it is
            return
        for literal, name, _, _ in parts:
            self._literals[-1] += literal
            if name is not None:
                self._names.append(name)
                self._literals.append("")
                before = self._literals[-2]
                if before.endswith(_QUOTES) or re.search(r"(--[\w-]+ |=)$", before):
                    self.verbatim.add(name)
        self.weight = sum(each.isalpha() for literal in self._literals for each in literal)

    def values_in(self, text: str) -> dict[str, str] | None:
        """The value of each place if ``text`` was made from this template."""
        first, *others = self._literals
        if not text.startswith(first) or not text.endswith(self._literals[-1]):
            return None
        position, values = len(first), {}
        for number, (name, literal) in enumerate(zip(self._names, others, strict=True), start=1):
            last = number == len(others)
            end = len(text) - len(literal) if last else text.find(literal, position + 1)
            if end < position:
                return None
            values[name] = text[position:end]
            position = end + len(literal)
        if self.weight < _WEAK and any(
            " " in value.strip() and not before.endswith(": ") and not _NUMBERS.fullmatch(value)
            for before, value in zip(self._literals, values.values(), strict=False)
        ):
            return None
        return values if others or position == len(text) else None
