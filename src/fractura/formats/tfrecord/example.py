"""``tf.train.Example`` without TensorFlow: the features of one record.

Messages, from tensorflow/core/example/{example,feature}.proto: ``Example {Features features = 1}``, ``Features
{map<string, Feature> feature = 1}``, ``Feature {oneof {BytesList = 1, FloatList = 2, Int64List = 3}}``, each list
``{repeated value = 1}``. As in every protobuf reader, unknown fields are skipped, numbers may be packed or not, the
last entry of a map key counts, and a message that comes in several pieces is their concatenation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fractura.formats.protobuf.wire import (
    FIXED32,
    LENGTH,
    VARINT,
    WireError,
    fields,
    length_field,
    read_varint,
    signed,
    varint,
)

_KINDS = {1: "bytes", 2: "float", 3: "int64"}
_Span = tuple[int, int]

FeatureValue = bytes | str | int | Iterable[bytes] | NDArray[np.float32] | NDArray[np.int64]


class Example:
    """One parsed ``tf.train.Example``. A feature is decoded when it is asked for.

    Args:
        payload: The serialised message.

    Raises:
        WireError: The message or its map of features is malformed.
    """

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._features: dict[str, list[_Span]] = {}
        for number, wire_type, start, end in fields(payload, 0, len(payload)):
            if number == 1 and wire_type == LENGTH:
                self._read_features(start, end)

    def _read_features(self, start: int, end: int) -> None:
        for number, wire_type, entry_start, entry_end in fields(self.payload, start, end):
            if number != 1 or wire_type != LENGTH:
                continue
            key, values = "", []
            for part, part_type, first, last in fields(self.payload, entry_start, entry_end):
                if part_type == LENGTH and part == 1:
                    key = self._text(first, last)
                elif part_type == LENGTH and part == 2:
                    values.append((first, last))
            self._features[key] = values

    def _text(self, first: int, last: int) -> str:
        try:
            return self.payload[first:last].decode("utf-8")
        except UnicodeDecodeError:
            raise WireError("the name of a feature is not UTF-8", first) from None

    def __contains__(self, key: str) -> bool:
        return key in self._features

    @property
    def keys(self) -> list[str]:
        """The names of all features, in the order of the message."""
        return list(self._features)

    def spans(self, key: str) -> list[_Span]:
        """Where in ``payload`` the byte strings of a feature lie; empty if the feature is missing or empty.

        Raises:
            WireError: The feature is malformed or holds numbers.
        """
        return [
            (first, last) for wire_type, first, last in self._values(key, "bytes") if self._is(LENGTH, wire_type, first)
        ]

    def byte_strings(self, key: str) -> list[bytes]:
        """The byte strings of a feature (copies).

        Raises:
            WireError: The feature is malformed or holds numbers.
        """
        return [self.payload[first:last] for first, last in self.spans(key)]

    def texts(self, key: str) -> list[str]:
        """The byte strings of a feature as UTF-8 text.

        Raises:
            WireError: The feature is malformed, holds numbers or is not UTF-8.
        """
        try:
            return [value.decode("utf-8") for value in self.byte_strings(key)]
        except UnicodeDecodeError:
            raise WireError(f"'{key}' is not UTF-8 text", 0) from None

    def floats(self, key: str) -> NDArray[np.float32]:
        """float32 ``(n,)``.

        Raises:
            WireError: The feature is malformed or holds something else.
        """
        parts = [np.zeros(0, np.float32)]
        for wire_type, first, last in self._values(key, "float"):
            if wire_type != FIXED32:
                self._is(LENGTH, wire_type, first)
            if (last - first) % 4:
                raise WireError("a list of floats has a broken length", first)
            parts.append(np.frombuffer(self.payload, "<f4", (last - first) // 4, first).astype(np.float32))
        return np.concatenate(parts)

    def integers(self, key: str) -> NDArray[np.int64]:
        """int64 ``(n,)``.

        Raises:
            WireError: The feature is malformed or holds something else.
        """
        values: list[int] = []
        for wire_type, first, last in self._values(key, "int64"):
            if wire_type == VARINT:
                values.append(signed(first))
                continue
            self._is(LENGTH, wire_type, first)
            while first < last:
                value, first = read_varint(self.payload, first, last)
                values.append(signed(value))
        return np.array(values, dtype=np.int64)

    def _is(self, expected: int, wire_type: int, position: int) -> bool:
        if wire_type != expected:
            raise WireError("a value has the wrong wire type", position)
        return True

    def _values(self, key: str, wanted: str) -> list[tuple[int, int, int]]:
        """``(wire type, first, last)`` of every value; an empty list of any kind is an empty feature."""
        kind = ""
        values: list[tuple[int, int, int]] = []
        for start, end in self._features.get(key, []):
            for number, wire_type, first, last in fields(self.payload, start, end):
                if number not in _KINDS or wire_type != LENGTH:
                    continue
                if _KINDS[number] != kind:  # a oneof: the last kind counts
                    kind, values = _KINDS[number], []
                values += [(t, a, b) for n, t, a, b in fields(self.payload, first, last) if n == 1]
        if values and kind != wanted:
            raise WireError(f"'{key}' holds {kind} values instead of {wanted}", values[0][1])
        return values


def encode_example(features: Mapping[str, FeatureValue]) -> bytes:
    """Serialise features, in the order given.

    Args:
        features: Bytes or text (one byte string), int (one integer), a list of bytes, or an array: float32 or int64.
    """
    return example_from(encode_features(features))


def encode_features(features: Mapping[str, FeatureValue]) -> bytes:
    """Some of the features of an example, for ``example_from``."""
    return b"".join([length_field(1, _key(key) + _feature(value)) for key, value in features.items()])


def example_from(*parts: bytes) -> bytes:
    """An example from parts that ``encode_features`` gave."""
    return length_field(1, b"".join(parts))


@lru_cache(maxsize=64)
def _key(key: str) -> bytes:
    return length_field(1, key.encode())


def _feature(value: FeatureValue) -> bytes:
    """The field ``value = 2`` of a map entry, which is a ``Feature`` with a list of one kind."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return length_field(2, length_field(1, length_field(1, value)))
    if isinstance(value, int):
        return length_field(2, length_field(3, length_field(1, varint(value))))
    if not isinstance(value, np.ndarray):
        return length_field(2, length_field(1, b"".join([length_field(1, item) for item in value])))
    if value.dtype == np.float32:
        kind, numbers = 2, value.astype("<f4", copy=False).tobytes()
    elif value.dtype == np.int64:
        kind, numbers = 3, b"".join([varint(number) for number in value.tolist()])
    else:
        raise TypeError(f"a feature must be float32 or int64, not {value.dtype}")
    return length_field(2, length_field(kind, length_field(1, numbers) if numbers else b""))
