"""Hold the text of a ``pipeline.config`` against the table of fields: values with their defaults, and a report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError, suggest_name
from fractura.formats.protobuf.text_format import Document, Field, Message, Scalar
from fractura.tensorflow_od.pipeline_schema import Effect, FieldRule

_TRUE, _FALSE = ("true", "True", "t", "1"), ("false", "False", "f", "0")
_INT32 = 2**31


@dataclass(frozen=True)
class FieldReport:
    """What became of one field of the file.

    Attributes:
        path: Names from the outermost message, joined by dots.
        line: From 1.
        effect: Honoured, no effect, fixed (there, with the one value that is built) or unknown.
        reason: Why it has no effect; empty otherwise.
    """

    path: str
    line: int
    effect: Effect
    reason: str = ""


def read_fields(document: Document, table: dict[str, FieldRule]) -> tuple[dict[str, Any], list[FieldReport]]:
    """The values of a text, and a report on each of its fields.

    Returns:
        Values: numbers, text, tuples for repeated fields, dictionaries for messages (None where a message is absent);
        every field of ``table`` that can have an effect is there. In each message ``"@line"`` is its line, and
        ``"@lines"`` those of its fields.
        Reports: one per field that is no message, in the order of the file.

    Raises:
        DataError: A value has the wrong type, is out of range or not built; the line is named.
    """
    reader = _Reader(document.file)
    values = reader.message(document.root, table, "", closed=False, line=1)
    return values, sorted(reader.reports, key=lambda report: report.line)


def read_augmentation(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The one step that a ``data_augmentation_options`` message holds, without the bookkeeping; None if it is empty."""
    for name, settings in values.items():
        if isinstance(settings, Mapping) and not name.startswith("@"):
            return name, {key: value for key, value in settings.items() if not key.startswith("@")}
    return None


class _Reader:
    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.reports: list[FieldReport] = []

    def message(
        self, message: Message, table: dict[str, FieldRule], path: str, *, closed: bool, line: int
    ) -> dict[str, Any]:
        values: dict[str, Any] = {"@line": line, "@lines": {}}
        for name, known in table.items():
            if known.effect in (Effect.HONOURED, Effect.FIXED):
                values[name] = () if known.repeated else known.default
        counting = _counting(message, table)
        pieces: dict[str, list[Message]] = {}
        for field in message.fields:
            where = f"{path}.{field.name}" if path else field.name
            rule = table.get(field.name)
            if rule is None:
                self._unknown(field, where, table, closed=closed)
            elif id(field) not in counting:
                self._report(
                    field, where, Effect.NONE, f"line {counting['@' + (rule.oneof or field.name)]} overrides it"
                )
            elif rule.kind == "message" and rule.effect is Effect.FIXED:
                raise self._error(field, f"{where} is not supported: {rule.reason}", hint="take it out of the file")
            elif rule.kind != "message":
                self._scalar(field, where, rule, values)
            elif not isinstance(field.value, Message):
                raise self._error(field, f"'{field.name}' needs braces")
            elif rule.repeated:
                one = self.message(field.value, rule.message or {}, where, closed=rule.closed, line=field.line)
                values[field.name] = (*values[field.name], one)
            else:
                pieces.setdefault(field.name, []).append(field.value)
        for name, parts in pieces.items():
            # A message that is there twice is merged, as protobuf's text format does.
            whole = Message(
                tuple(f for part in parts for f in part.fields), parts[0].line, parts[0].start, parts[-1].end
            )
            where, inner = f"{path}.{name}" if path else name, table[name]
            values[name] = self.message(whole, inner.message or {}, where, closed=inner.closed, line=parts[0].line)
        return values

    def _unknown(self, field: Field, where: str, table: dict[str, FieldRule], *, closed: bool) -> None:
        if closed:
            raise self._error(field, f"'{where}' is not supported", hint=suggest_name(field.name, table))
        self._report(field, where, Effect.UNKNOWN, "fractura does not know it; it stays in the file")

    def _scalar(self, field: Field, where: str, rule: FieldRule, values: dict[str, Any]) -> None:
        value = self._value(field, rule)
        if rule.effect is Effect.FIXED and value != rule.default:
            raise self._error(
                field,
                f"{where} = {_shown(value)} is not supported: {rule.reason}",
                hint=f"only {_shown(rule.default)} is",
            )
        if rule.effect is not Effect.NONE:
            values[field.name] = (*values[field.name], value) if rule.repeated else value
            values["@lines"][field.name] = field.line
        if rule.effect is Effect.NONE and value != rule.default:
            self._report(field, where, Effect.NONE, rule.reason)
        else:
            self._report(field, where, Effect.FIXED if rule.effect is Effect.NONE else rule.effect)

    def _report(self, field: Field, where: str, effect: Effect, reason: str = "") -> None:
        if isinstance(field.value, Message) and effect is not Effect.UNKNOWN:
            for inner in field.value.fields:
                self._report(inner, f"{where}.{inner.name}", effect, reason)
            if field.value.fields:
                return
        self.reports.append(FieldReport(where, field.line, effect, reason))

    def _value(self, field: Field, rule: FieldRule) -> Any:
        scalar = field.value
        if not isinstance(scalar, Scalar):
            raise self._error(field, f"'{field.name}' needs a single value")
        if rule.kind == "string":
            if scalar.kind != "string":
                raise self._error(field, f"'{field.name}' needs quotes", hint=f"'{field.name}: \"{scalar.text}\"'")
            return self._text(field, scalar.text)
        if scalar.kind == "string":
            raise self._error(field, f"'{field.name}' must not have quotes")
        if rule.kind == "bool":
            if scalar.text not in _TRUE + _FALSE:
                raise self._error(field, f"'{field.name}' is true or false, not '{scalar.text}'")
            return scalar.text in _TRUE
        if rule.kind == "enum":
            if scalar.text not in rule.choices:
                hint = suggest_name(scalar.text, rule.choices)
                raise self._error(field, f"'{field.name}' cannot be '{scalar.text}'", hint=hint)
            return scalar.text
        return self._number(field, scalar, rule)

    def _number(self, field: Field, scalar: Scalar, rule: FieldRule) -> int | float:
        value: int | float
        try:
            if rule.kind == "int":
                value = int(scalar.text, 0)
            else:
                text = scalar.text
                value = float(text[:-1] if text[-1] in "fF" and not text.lower().endswith("inf") else text)
        except ValueError:
            kind = "a whole number" if rule.kind == "int" else "a number"
            raise self._error(field, f"'{field.name}' needs {kind}, not '{scalar.text}'") from None
        if not math.isfinite(value) or abs(value) >= (_INT32 * 2 if rule.kind == "int" else math.inf):
            raise self._error(field, f"'{field.name}' is out of range: {scalar.text}")
        if rule.minimum is not None and value < rule.minimum:
            raise self._error(field, f"'{field.name}' must be at least {rule.minimum:g}, not {scalar.text}")
        return value

    def _text(self, field: Field, text: str) -> str:
        control = [character for character in text if ord(character) < 32]
        if control:
            raise self._error(
                field,
                f"'{field.name}' holds the control character {control[0]!r}",
                hint="in a Windows path write / instead of each backslash, or double it",
            )
        return text

    def _error(self, field: Field, problem: str, hint: str | None = None) -> DataError:
        return DataError(problem, file=self._file, place=f"line {field.line}", hint=hint)


def _counting(message: Message, table: dict[str, FieldRule]) -> dict[Any, int]:
    """Which fields count: of a value that may stand once the last, of a oneof the last member; by id of the field.

    Under ``"@name"`` stands the line of the one that counts.
    """
    last: dict[str, Field] = {}
    for field in message.fields:
        if (rule := table.get(field.name)) is not None:
            last[rule.oneof or field.name] = field
    counting: dict[Any, int] = {"@" + name: field.line for name, field in last.items()}
    for field in message.fields:
        rule = table.get(field.name)
        if rule is None:
            continue
        winner = last[rule.oneof or field.name]
        if field is winner or rule.repeated or (rule.kind == "message" and winner.name == field.name):
            counting[id(field)] = field.line
    return counting


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
