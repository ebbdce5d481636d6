"""English sentences in another language, for whoever shows them.

The English in the code and in the report's templates is the key: ``locale/es/LC_MESSAGES/fractura.po`` has its
Spanish. What is not in a catalogue stays as it is. A catalogue is read when the first sentence is asked for.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Literal, get_args

Code = Literal["en", "es"]
LANGUAGES: tuple[Code, ...] = get_args(Code)
LANGUAGE_VARIABLE = "FRACTURA_LANGUAGE"
"""Environment variable with the language of the terminal."""
DOMAIN = "fractura"
LOCALE = Path(__file__).parent / "locale"
_NUMBERS = re.compile(r"[-+−±–\d.,;:/()% ]*\d[-+−±–\d.,;:/()% ]*M?")
_SEPARATOR = re.compile(r"; |: |, |  ")
_CELL = re.compile(r"\S+(?: \S+)*")
_DRAWN = re.compile(r"\S {3,}\S")
"""A row of a table: the first column on the left, the others with their right ends in line."""
_LONG_LIST = 40
"""So many separators are between names, not between sentences."""
_SENTENCES = re.compile(r"(?<=[a-z)]\.) (?=[A-Z])")
_QUOTES = ("'", '"', "`", "‘", "«")
_NEVER_A_COMMA = ("python", "version", "release")
_WEAK = 8
"""A template with fewer characters, such as ``{count} of {total}``, fits too much: it is tried last, and each of its
values must be one word, a number or a sentence of ours."""
_LABELS = ("error", "warning", "note", "start", "done", "images", "first", "second", "sensitivity")
_LABELLED_NUMBER = re.compile(r"(\D.*) (\d+\.\d\d+)")


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
        self._known: dict[str, str] = {}

    @cached_property
    def _catalogue(self) -> gettext.NullTranslations:
        return catalogue(self.code)

    @cached_property
    def _templates(self) -> tuple[list[_Template], list[_Template]]:
        """The strong and the weak; what is matched by much is matched first."""
        texts = getattr(self._catalogue, "_catalog", {})
        found = [_Template(text) for text in texts if isinstance(text, str) and "{" in text]
        found.sort(key=lambda each: -each.weight)
        weak = [each for each in found if each.weight > 0 and not each.is_strong]
        return [each for each in found if each.is_strong], weak

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
        if _DRAWN.search(text) and self._whole(text) is None:
            return self._row(line)
        for start in ("→ ", "; ", ": ", ", "):
            if text.startswith(start):
                return line.replace(text, start + self._line(text.removeprefix(start)))
        if text and text not in self._known:
            found = self._whole(text) or self._listed(text) or self._in_parts(text)
            found = found or self._made_from(self._templates[1], text) or self._counted(text)
            self._known[text] = found or self.number(text)
        return line.replace(text, self._known[text]) if text else line

    def _row(self, line: str) -> str:
        row = ""
        for cell in _CELL.finditer(line):
            text = self.number(self.word(cell[0]))
            row += text.rjust(max(cell.end() - len(row), len(text) + 2)) if row else " " * cell.start() + text
        return row

    def _whole(self, text: str) -> str | None:
        """The translation of a sentence that can be told from others as it is."""
        return self._exact(text) or self._made_from(self._templates[0], text) or self._made_from_ours(text)

    def _exact(self, text: str) -> str | None:
        found = self._catalogue.gettext(text)
        return found if " " in text and found != text else None

    def _made_from_ours(self, text: str) -> str | None:
        """From a weak template, where each of its values is a text of the catalogue."""
        for template in self._templates[1]:
            values = template.values_in(text)
            if values and all(map(self._exact, values.values())):
                return self._catalogue.gettext(template.text).format(**self._filled(template, values))
        return None

    def _counted(self, text: str) -> str | None:
        """A number of something: ``2 DICOM structured report``."""
        count, _, what = text.partition(" ")
        found = self._line(what) if count.isdecimal() else what
        return f"{count} {found}" if found != what else None

    def _made_from(self, templates: list[_Template], text: str) -> str | None:
        if " " not in text:
            return None
        for template in templates:
            values = template.values_in(text)
            if values is not None and (template.is_strong or self._are_known(values.values())):
                return self._catalogue.gettext(template.text).format(**self._filled(template, values))
        return None

    def _listed(self, text: str) -> str | None:
        """Whole sentences with semicolons between them."""
        parts = text.split("; ")
        found = [part for part in map(self._whole, parts) if part is not None] if len(parts) > 1 else []
        return "; ".join(found) if found and len(found) == len(parts) else None

    def _are_known(self, values: Iterable[str]) -> bool:
        return all(" " not in each.strip() or self.sentence(each) != each for each in values)

    def _filled(self, template: _Template, values: dict[str, str]) -> dict[str, str]:
        return {place: self._value(template, place, value) for place, value in values.items()}

    def _value(self, template: _Template, place: str, value: str) -> str:
        if place in template.verbatim or place.startswith(_NEVER_A_COMMA):
            return value
        if place == "level":  # image, study or patient
            return self.word(value)
        number = self.number(value)
        return self.sentence(value) if number == value else number

    def _in_parts(self, text: str) -> str | None:
        sentences = _SENTENCES.split(text)
        if len(sentences) > 1:
            return " ".join(self._line(each) for each in sentences)
        separators = list(_SEPARATOR.finditer(text))
        if 0 < len(separators) < _LONG_LIST and self.number(text) == text:
            known = (each for each in separators if self._exact(text[: each.start()]))
            separator = next(known, separators[0])
            before, after = text[: separator.start()], text[separator.end() :]
            first, second = self._label(before), self._line(after)
            between = "; " if separator[0] == ", " and re.match(r"\d+,\d", second) else separator[0]
            return f"{first}{between}{second}" if (first, second) != (before, after) else None
        labelled = _LABELLED_NUMBER.fullmatch(text)
        return f"{self._label(labelled[1])} {self.number(labelled[2])}" if labelled else None

    def _label(self, text: str) -> str:
        return self.word(text) if text.strip() in _LABELS else self._line(text)


class _Template:
    """A sentence with places, and how to find them in a finished one.

    Attributes:
        text: As ``str.format`` takes it.
        literals: What stands before, between and behind the places.
        weight: Characters outside the places, without blanks.
        verbatim: Places whose values stay as they are: those in quotes, and those that are typed after an option.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.literals, self._names = [""], list[str]()
        self.weight, self.verbatim, self._longest = 0, set[str](), ""
        try:
            parts = list(Formatter().parse(text))
        except ValueError:  # braces of another kind: looked up as it is
            return
        for literal, name, _, _ in parts:
            self.literals[-1] += literal
            if name is not None:
                self._names.append(name)
                self.literals.append("")
                before = self.literals[-2]
                if before.endswith(_QUOTES) or re.search(r"(--[\w-]+ |=)$", before):
                    self.verbatim.add(name)
        self._longest = max(self.literals, key=len)
        self.weight = sum(not each.isspace() for literal in self.literals for each in literal)

    @property
    def is_strong(self) -> bool:
        """Whether little else than what was made from it looks like it."""
        first = self.literals[0]
        return self.weight >= _WEAK or (self.weight > 0 and (first.endswith(": ") or len(first) >= _WEAK - 2))

    def values_in(self, text: str) -> dict[str, str] | None:
        """The value of each place if ``text`` was made from this template."""
        first, *others = self.literals
        if self._longest not in text or not text.startswith(first) or not text.endswith(self.literals[-1]):
            return None
        position, values = len(first), {}
        for number, (name, literal) in enumerate(zip(self._names, others, strict=True), start=1):
            last = number == len(others)
            end = len(text) - len(literal) if last else text.find(literal, position)
            if end < position or ("; " in text[position:end] and not (last and not literal) and literal[:1] != ")"):
                return None  # a list of sentences is a value at the end or in brackets
            values[name] = text[position:end]
            position = end + len(literal)
        return values if others or position == len(text) else None
