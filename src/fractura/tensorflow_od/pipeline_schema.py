"""The kinds of rows in the table of ``pipeline.config`` fields.

One row says everything about one field: its type and default in the protos, whether it is honoured, ignored or fixed
and why, which setting of fractura it becomes, and what a fresh file writes. The rows are in ``pipeline_model_fields``
and ``pipeline_training_fields``; reading, mapping, editing and writing walk them and name no field of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["int", "float", "bool", "string", "enum"]


class Effect(Enum):
    """What a field does."""

    HONOURED = "honoured"
    NONE = "no effect"
    FIXED = "fixed"


@dataclass(frozen=True)
class Refusal:
    """Why a part of the file that can be read cannot be used.

    Attributes:
        problem: May contain ``{name}`` and ``{value}`` of the field.
        hint: What to write instead.
    """

    problem: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class FieldRow:
    """What values and messages have in common.

    Attributes:
        reason: Why it has no effect, is fixed or is refused.
        repeated: It may occur several times.
        required: Reading stops without it.
        oneof: Fields of the same message with the same word exclude each other: the last one counts.
        refusal: It can be read, but not used: a value other than the default, or the message at all.
    """

    reason: str = ""
    repeated: bool = False
    required: bool = False
    oneof: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class ValueField(FieldRow):
    """A field that holds a value.

    Attributes:
        kind: Its type.
        default: Value where the field is absent; for FIXED the only value that is accepted; for NONE the value that is
            used whatever the file says (None if there is none).
        effect: What the field does.
        setting: Dotted name of the setting it becomes, ``.0`` at the end for the first of several; empty if it is the
            field's own name; None if it becomes none.
        choices: What an enum or string may be, and what fractura calls it; empty if anything goes.
        refusals: Strings that TensorFlow knows and fractura does not support, and why.
        idle: Strings that TensorFlow knows and that have no effect, and why.
        minimum: Lowest number that makes sense.
        fresh: Value in a fresh file; None leaves the field out there unless it differs from the default.
    """

    kind: Kind
    default: Any = None
    effect: Effect = Effect.HONOURED
    setting: str | None = ""
    choices: Mapping[str, Any] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    idle: Mapping[str, str] = field(default_factory=dict)
    minimum: float | None = None
    fresh: Any = None


@dataclass(frozen=True, kw_only=True)
class MessageField(FieldRow):
    """A field that holds fields.

    Attributes:
        fields: Their rows, by name.
        closed: It stands for one of several things; a field that is not listed names one that is not supported.
        needs_one: One of its ``oneof`` fields must be there.
        sets: Settings that follow from its presence, by dotted name.
        setting: Of a repeated message: the setting that the list of them becomes.
        fresh: A fresh file has it even if it is empty.
    """

    fields: Table
    closed: bool = False
    needs_one: bool = False
    sets: Mapping[str, Any] = field(default_factory=dict)
    setting: str = ""
    fresh: bool = False


Table: TypeAlias = Mapping[str, ValueField | MessageField]
"""The fields of a message, by name, in the order in which a fresh file has them."""


def whole(default: int = 0, minimum: int | None = None, **more: Any) -> ValueField:
    """A field with an integer."""
    return ValueField(kind="int", default=default, minimum=minimum, **more)


def number(default: float | tuple[float, ...] = 0.0, **more: Any) -> ValueField:
    """A field with a number that is not negative, or with several."""
    return ValueField(kind="float", default=default, minimum=0.0, repeated=isinstance(default, tuple), **more)


def flag(default: bool, **more: Any) -> ValueField:
    """A field that is true or false."""
    return ValueField(kind="bool", default=default, **more)


def text(**more: Any) -> ValueField:
    """A field with a string."""
    return ValueField(kind="string", default=() if more.get("repeated") else "", **more)


def ignored(
    kind: Kind, reason: str, *, choices: tuple[str, ...] = (), used: float | None = None, **more: Any
) -> ValueField:
    """A field without effect; ``used`` is the value in force whatever the file says."""
    more |= {"default": used, "effect": Effect.NONE, "reason": reason, "choices": same(*choices), "setting": None}
    return ValueField(kind=kind, **more)


def fixed(kind: Kind, value: Any, reason: str, *, choices: tuple[str, ...] = (), **more: Any) -> ValueField:
    """A field of which only one value is supported."""
    more |= {"default": value, "effect": Effect.FIXED, "reason": reason, "choices": same(*choices), "setting": None}
    return ValueField(kind=kind, **more)


def message(fields: Table, **more: Any) -> MessageField:
    """A field that holds ``fields``."""
    return MessageField(fields=fields, **more)


def refused(reason: str) -> MessageField:
    """A message that stops reading, because it asks for something that is not supported."""
    return MessageField(fields={}, reason=reason)


def same(*words: str) -> dict[str, str]:
    """Choices that are called the same in the file and here."""
    return {word: word for word in words}
