"""From the text of a ``pipeline.config`` to its values, with their places, and a report on every field."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from fractura.core.errors import DataError, suggest_name
from fractura.formats.protobuf.text_format import Document, Field, Message, Scalar, parse, read_text
from fractura.formats.protobuf.text_format_tokens import whole_number
from fractura.tensorflow_od.pipeline_kind import refuse_other_models
from fractura.tensorflow_od.pipeline_schema import Effect, MessageField, ValueField
from fractura.tensorflow_od.pipeline_training_fields import PIPELINE

T = TypeVar("T")

_TRUE, _FALSE = ("true", "True", "t", "1"), ("false", "False", "f", "0")
_UINT32 = 2**32


@dataclass(frozen=True)
class Located(Generic[T]):
    """A value and where it comes from.

    Attributes:
        value: As the rest of fractura has it.
        path: Names of the messages and the field, joined by dots.
        line: Of the field, from 1; where it is absent, of the message that lacks it.
    """

    value: T
    path: str
    line: int

    @property
    def name(self) -> str:
        """Of the field."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One message of the file. Like protobuf's, it answers for absent fields, too: with their defaults.

    Attributes:
        row: What it may contain.
        path: Names of the messages, joined by dots.
        line: From 1; of the message that lacks it if it is absent.
        present: Whether the file has it.
        values: Every field that holds a value and can have an effect; repeated ones are tuples.
        sections: Every message: one, or of repeated ones as many as there are.
    """

    row: MessageField
    path: str
    line: int
    present: bool
    values: Mapping[str, Located[Any]]
    sections: Mapping[str, tuple[Section, ...]]

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def section(self, *names: str) -> Section:
        """The message that these names lead to."""
        found = self
        for name in names:
            found = found.sections[name][-1]
        return found

    def chosen(self) -> tuple[str, Section] | None:
        """The one of several exclusive messages that is there, with its name."""
        for name, (section, *_) in self.sections.items():
            if section.present and self.row.fields[name].oneof:
                return name, section
        return None


@dataclass(frozen=True)
class FieldReport:
    """What became of one field of the file.

    Attributes:
        path: Names from the outermost message, joined by dots.
        line: From 1.
        effect: Honoured, no effect, or fixed (present, with the one supported value).
        reason: Why it has no effect; empty otherwise.
    """

    path: str
    line: int
    effect: Effect
    reason: str = ""


@dataclass(frozen=True)
class PipelineConfig:
    """A whole file.

    Attributes:
        root: Its values.
        fields: What became of each field, in the order of the file.
        document: The text itself.
    """

    root: Section
    fields: tuple[FieldReport, ...]
    document: Document

    @property
    def without_effect(self) -> tuple[FieldReport, ...]:
        """Fields that change nothing here, each with its reason."""
        return tuple(field for field in self.fields if field.effect is Effect.NONE)

    def refusal(self, where: Located[Any] | Section, problem: str, hint: str) -> DataError:
        """An error about a field, which names its line."""
        return DataError(problem, file=self.document.file, place=f"line {where.line}", hint=hint)


def read_pipeline_config(path: Path | str) -> PipelineConfig:
    """Read a ``pipeline.config``.

    Raises:
        DataError: It cannot be read or parsed, or asks for something that is not supported; the error names the line.
    """
    file = Path(path)
    return parse_pipeline_config(read_text(file), file)


def parse_pipeline_config(text: str, file: Path | None = None) -> PipelineConfig:
    """The same from a text.

    >>> parse_pipeline_config("model { center_net { } }")
    Traceback (most recent call last):
    fractura.core.errors.DataError: line 1: 'model.center_net' is not supported: it is a CenterNet
      → known are: faster_rcnn

    Raises:
        DataError: As ``read_pipeline_config``.
    """
    document = parse(text, file)
    refuse_other_models(document)
    reader = _Reader(file)
    root = reader.section(document.root, PIPELINE, "", 1)
    reader.require(root)
    return PipelineConfig(root, tuple(sorted(reader.reports, key=lambda report: report.line)), document)


class _Reader:
    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.reports: list[FieldReport] = []

    def section(self, message: Message | None, row: MessageField, path: str, line: int) -> Section:
        """The values of ``message``; without one, the defaults of all that could stand in it."""
        fields = message.fields if message is not None else ()
        values = {
            name: Located(each.default, _joined(path, name), line)
            for name, each in row.fields.items()
            if isinstance(each, ValueField) and each.effect is not Effect.NONE
        }
        overridden = _overridden(fields, row)
        found: dict[str, list[Message]] = {}
        for position, field in enumerate(fields):
            where, known = _joined(path, field.name), row.fields.get(field.name)
            if known is None:
                raise self._unknown(field, where, row)
            elif position in overridden:
                self._report(field, where, Effect.NONE, f"line {overridden[position]} overrides it")
            elif isinstance(known, ValueField):
                self._read(field, where, known, values)
            elif known.reason:
                raise self._error(field, f"{where} is not supported: {known.reason}", hint="remove it from the file")
            elif not isinstance(field.value, Message):
                raise self._error(field, f"'{field.name}' needs braces")
            else:
                found.setdefault(field.name, []).append(field.value)
        sections = {
            name: tuple(self._sections(found.get(name, []), each, _joined(path, name), line))
            for name, each in row.fields.items()
            if isinstance(each, MessageField)
        }
        return Section(row=row, path=path, line=line, present=message is not None, values=values, sections=sections)

    def _sections(self, found: list[Message], row: MessageField, path: str, line: int) -> Iterator[Section]:
        if row.repeated:
            for each in found:
                yield self.section(each, row, path, each.line)
        elif found:
            # A message that occurs twice is merged, as protobuf's text format does.
            fields = tuple(field for each in found for field in each.fields)
            merged = Message(fields, found[0].line, found[0].start, found[-1].end)
            yield self.section(merged, row, path, merged.line)
        else:
            yield self.section(None, row, path, line)

    def require(self, section: Section) -> None:
        """Check that everything required is there."""
        place = f"line {section.line}" if section.path else None
        for name, row in section.row.fields.items():
            value = isinstance(row, ValueField)
            if row.required and not (section[name] if value else section.section(name).present):
                hint = f"add {name}: …" if value else f"add {name} {{ … }}"
                raise DataError(f"'{name}' is missing", file=self._file, place=place, hint=hint)
        if section.row.needs_one and section.chosen() is None:
            one = [name for name, row in section.row.fields.items() if row.oneof]
            raise DataError(
                f"'{section.path.rpartition('.')[2]}' is empty",
                file=self._file,
                place=place,
                hint=f"add one of: {', '.join(one)}",
            )
        for each in section.sections.values():
            for inner in each:
                if inner.present:
                    self.require(inner)

    def _unknown(self, field: Field, where: str, row: MessageField) -> DataError:
        """The error for a field that its message does not have; TensorFlow stops there as well."""
        what = "is not supported" if row.closed else "is not a field of the Object Detection API"
        if where in PIPELINE.fields or field.name not in PIPELINE.fields:
            return self._error(field, f"'{where}' {what}", hint=suggest_name(field.name, row.fields))
        message = where.split(".")[-2]
        hint = f"the braces of '{message}' may be closed too late: is a '}}' missing before this line?"
        return self._error(field, f"'{field.name}' stands inside '{message}'", hint=hint)

    def _read(self, field: Field, where: str, row: ValueField, values: dict[str, Located[Any]]) -> None:
        value = self._value(field, row)
        if row.effect is Effect.FIXED and value != row.default:
            raise self._error(
                field,
                f"{where} = {shown(value)} is not supported: {row.reason}",
                hint=f"only {shown(row.default)} is supported",
            )
        if row.effect is not Effect.NONE:
            whole = (*values[field.name].value, value) if row.repeated else value
            values[field.name] = Located(whole, where, field.line)
        if row.idle and value in row.idle:
            self._report(field, where, Effect.NONE, row.idle[value])
        elif row.effect is Effect.NONE and value != row.default:
            self._report(field, where, Effect.NONE, row.reason)
        else:
            self._report(field, where, Effect.FIXED if row.effect is Effect.NONE else row.effect)

    def _report(self, field: Field, where: str, effect: Effect, reason: str = "") -> None:
        if isinstance(field.value, Message) and field.value.fields:
            for inner in field.value.fields:
                self._report(inner, _joined(where, inner.name), effect, reason)
        else:
            self.reports.append(FieldReport(where, field.line, effect, reason))

    def _value(self, field: Field, row: ValueField) -> Any:
        scalar = field.value
        if not isinstance(scalar, Scalar):
            raise self._error(field, f"'{field.name}' needs a single value")
        if row.kind == "string":
            return self._text(field, scalar, row)
        if scalar.kind == "string":
            raise self._error(field, f"'{field.name}' must not have quotes")
        if row.kind == "bool":
            if scalar.text not in _TRUE + _FALSE:
                raise self._error(field, f"'{field.name}' must be true or false, not '{scalar.text}'")
            return scalar.text in _TRUE
        if row.kind == "enum":
            if scalar.text not in row.choices:
                hint = suggest_name(scalar.text, row.choices)
                raise self._error(field, f"'{field.name}' cannot be '{scalar.text}'", hint=hint)
            return row.choices[scalar.text]
        return self._number(field, scalar, row)

    def _number(self, field: Field, scalar: Scalar, row: ValueField) -> int | float:
        value: int | float
        try:
            if row.kind == "int":
                value = whole_number(scalar.text)
            else:
                text = scalar.text
                value = float(text[:-1] if text[-1] in "fF" and not text.lower().endswith("inf") else text)
        except ValueError:
            kind = "a whole number" if row.kind == "int" else "a number"
            raise self._error(field, f"'{field.name}' needs {kind}, not '{scalar.text}'") from None
        except DataError as error:
            raise self._error(field, f"'{field.name}': {error.problem}", hint=error.hint) from None
        if abs(value) >= _UINT32 if row.kind == "int" else not math.isfinite(value):
            raise self._error(field, f"'{field.name}' is out of range: {scalar.text}")
        if row.minimum is not None and value < row.minimum:
            raise self._error(field, f"'{field.name}' must be at least {row.minimum:g}, not {scalar.text}")
        return value

    def _text(self, field: Field, scalar: Scalar, row: ValueField) -> Any:
        text = scalar.text
        if scalar.kind != "string":
            raise self._error(field, f"'{field.name}' needs quotes", hint=f"'{field.name}: \"{text}\"'")
        control = [character for character in text if ord(character) < 32]
        if control:
            raise self._error(
                field,
                f"'{field.name}' contains the control character {control[0]!r}",
                hint="in a Windows path, write / instead of each backslash, or double it",
            )
        if text in row.refusals:
            problem = f"{field.name} '{text}' is not supported: {row.refusals[text]}"
            raise self._error(field, problem, hint=f"use one of: {', '.join(row.choices)}")
        if row.choices and text not in row.choices and text not in row.idle and (text or row.repeated):
            hint = suggest_name(text, (*row.choices, *row.idle))
            raise self._error(field, f"{field.name} '{text}' is not supported", hint=hint)
        return row.choices.get(text, text)

    def _error(self, field: Field, problem: str, hint: str | None = None) -> DataError:
        return DataError(problem, file=self._file, place=f"line {field.line}", hint=hint)


def shown(value: Any) -> str:
    """A value as the file has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _overridden(fields: Sequence[Field], row: MessageField) -> dict[int, int]:
    """Positions of the fields that do not count, each with the line of the one that does.

    Of a value that may occur once the last counts, and so does the last of the fields that exclude each other.
    """
    last: dict[str, Field] = {}
    for field in fields:
        if (known := row.fields.get(field.name)) is not None:
            last[known.oneof or field.name] = field
    found = {}
    for position, field in enumerate(fields):
        known = row.fields.get(field.name)
        if known is None or known.repeated:
            continue
        counting = last[known.oneof or field.name]
        merged = isinstance(known, MessageField) and counting.name == field.name
        if field is not counting and not merged:
            found[position] = counting.line
    return found
