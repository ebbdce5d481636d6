"""The entries of a TensorFlow checkpoint's index: type, shape, place and checksum of each value.

They are ``BundleHeaderProto`` and ``BundleEntryProto`` messages of tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fractura.core.errors import ModelError
from fractura.formats.protobuf.wire import (
    FIXED32,
    LENGTH,
    VARINT,
    WireError,
    fields,
    fixed32_field,
    length_field,
    signed,
    varint_field,
)
from fractura.tensorflow_od.checkpoint_index import COPY_AGAIN, read_table, write_table

STRING = 7
DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "|u1", 5: "<i2", 6: "|i1", 9: "<i8", 10: "|b1", 17: "<u2", 19: "<f2",
    22: "<u4", 23: "<u8",
}  # fmt: skip
"""NumPy's types by TensorFlow's numbers."""
TYPE_NUMBERS = {np.dtype(name): number for number, name in DTYPES.items()}
_HEADER = varint_field(1, 1) + length_field(3, varint_field(1, 1))  # one data file; version 1
_MOST_AXES, _MOST_VALUES = 32, 2**59
"""Of a NumPy array, whatever its type and NumPy's version."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the index knows about one value.

    Attributes:
        number: Of its type.
        shape: Lengths of its axes.
        shard: Number of the data file, from 0.
        offset: Of its first byte there.
        size: Bytes.
        checksum: Masked CRC-32C of the value.
    """

    number: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int

    @property
    def dtype(self) -> str:
        """NumPy's name of the type, or ``string``."""
        return "string" if self.number == STRING else np.dtype(DTYPES[self.number]).name


def read_entries(index: Path) -> tuple[int, dict[str, Entry]]:
    """The number of data files, and the entries by key, in the order of the index.

    Raises:
        ModelError: The file cannot be read, is damaged, or has a value of a kind that is not supported.
    """
    try:
        table = read_table(index.read_bytes(), index)
        shards = _shards(table.pop(b"", b""), index)
        named = ((key.decode("utf-8", "replace"), message) for key, message in table.items())
        return shards, {key: _entry(message, index, key) for key, message in named}
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", file=index, hint=COPY_AGAIN) from error
    except WireError as error:
        raise ModelError(f"is damaged: {error}", file=index, hint=COPY_AGAIN) from error


def encode_entries(entries: Mapping[str, Entry]) -> bytes:
    """The content of an index with one data file."""
    return write_table([(b"", _HEADER), *((key.encode(), _encode(entry)) for key, entry in entries.items())])


def _shards(message: bytes, file: Path) -> int:
    shards = 0
    for number, kind, first, _ in fields(message, 0, len(message)):
        if kind == VARINT and number == 1:
            shards = first
        elif kind == VARINT and number == 2 and first:
            raise ModelError("was written on a big-endian machine, which is not supported", file=file)
    if not 1 <= shards <= 99_999:
        raise ModelError("is damaged: it has no header", file=file, hint=COPY_AGAIN)
    return shards


def _entry(message: bytes, file: Path, key: str) -> Entry:
    numbers: dict[int, int] = {}
    shape: tuple[int, ...] = ()
    for field, kind, first, last in fields(message, 0, len(message)):
        if kind == VARINT:
            numbers[field] = first
        elif kind == FIXED32 and field == 6:
            numbers[field] = int.from_bytes(message[first:last], "little")
        elif kind == LENGTH and field == 2:
            shape = _shape(message, first, last)
        elif kind == LENGTH and field == 7:
            raise ModelError(
                f"'{key}' is a partitioned variable, stored in slices, which is not supported",
                file=file,
                hint="TensorFlow 2's detectors have none; in TensorFlow, restore it whole (without a partitioner) and "
                "save it again",
            )
    number, shard, offset, size, checksum = (numbers.get(field, 0) for field in (1, 3, 4, 5, 6))
    if number != STRING and number not in DTYPES:
        raise ModelError(f"'{key}' has the unsupported type {number}", file=file)
    if min(shape, default=0) < 0:
        raise ModelError(f"'{key}' has no shape", file=file, hint=COPY_AGAIN)
    # An axis of length 0 makes the size 0, whatever the others are.
    if len(shape) > _MOST_AXES or math.prod(side or 1 for side in shape) > _MOST_VALUES:
        raise ModelError(f"is damaged: no array has the shape {shape} of '{key}'", file=file, hint=COPY_AGAIN)
    if number != STRING and math.prod(shape) * np.dtype(DTYPES[number]).itemsize != size:
        raise ModelError(
            f"is damaged: '{key}' has {size} bytes, which do not fit the shape {shape}", file=file, hint=COPY_AGAIN
        )
    return Entry(number=number, shape=shape, shard=shard, offset=offset, size=size, checksum=checksum)


def _shape(message: bytes, start: int, end: int) -> tuple[int, ...]:
    lengths = []
    for number, kind, first, last in fields(message, start, end):
        if number == 2 and kind == LENGTH:
            length = 0
            for inner, inner_kind, value, _ in fields(message, first, last):
                if inner == 1 and inner_kind == VARINT:
                    length = signed(value)
            lengths.append(length)
    return tuple(lengths)


def _encode(entry: Entry) -> bytes:
    shape = b"".join(length_field(2, varint_field(1, length) if length else b"") for length in entry.shape)
    return b"".join(
        (
            varint_field(1, entry.number),
            length_field(2, shape),
            varint_field(4, entry.offset) if entry.offset else b"",
            varint_field(5, entry.size) if entry.size else b"",
            fixed32_field(6, entry.checksum),
        )
    )
