"""Checkpoints of TensorFlow 2 (``ckpt-0.index`` + ``ckpt-0.data-00000-of-00001``), read and written without TensorFlow.

Format: tensorflow/core/util/tensor_bundle/tensor_bundle.cc and core/protobuf/tensor_bundle.proto. The index is a sorted
table of ``BundleEntryProto``; the data files hold the raw little-endian values, each with a masked CRC-32C.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import FracturaError, ModelError, suggest_name
from fractura.core.files import open_atomically, write_atomically
from fractura.formats.protobuf.wire import (
    FIXED32,
    LENGTH,
    VARINT,
    WireError,
    fields,
    fixed32_field,
    length_field,
    read_varint,
    signed,
    varint,
    varint_field,
)
from fractura.formats.tfrecord.frames import mask_crc32c
from fractura.tensorflow_od.checkpoint_index import read_table, write_table
from fractura.tensorflow_od.object_graph import GRAPH_KEY, Node, decode_graph, encode_graph, find_key, graph_of_keys

_STRING = 7
_DTYPES = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "|u1", 5: "<i2", 6: "|i1", 9: "<i8", 10: "|b1", 17: "<u2", 19: "<f2",
    22: "<u4", 23: "<u8",
}  # fmt: skip
_NUMBERS = {np.dtype(name): number for number, name in _DTYPES.items()}
_COPY_AGAIN = "copy the checkpoint again; both its .index and its .data files are needed"


@dataclass(frozen=True)
class Variable:
    """What the index knows about one variable.

    Attributes:
        key: Such as ``model/…/kernel/.ATTRIBUTES/VARIABLE_VALUE``.
        shape: Lengths of its axes.
        dtype: NumPy's name, or ``string``.
    """

    key: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class _Entry:
    number: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


class CheckpointReader:
    """The variables of one checkpoint; values are read on demand.

    Args:
        checkpoint: Path ending in ``ckpt-0``, or that with ``.index``, or a folder (its latest checkpoint).

    Attributes:
        prefix: Path without ``.index``.
        variables: All of them by key, in the order of the index, without the object graph.

    Raises:
        ModelError: There is no checkpoint, or its index is damaged or of TensorFlow 1.
    """

    def __init__(self, checkpoint: Path | str) -> None:
        self.prefix = checkpoint_prefix(checkpoint)
        self._index = self.prefix.with_name(self.prefix.name + ".index")
        try:
            table = read_table(self._index.read_bytes(), self._index)
        except OSError as error:
            raise ModelError(
                f"cannot be read: {error.strerror or error}", file=self._index, hint=_COPY_AGAIN
            ) from error
        try:
            self._shards = _header(table.pop(b"", b""), self._index)
            self._entries = {
                key.decode("utf-8", "replace"): _entry(value, self._index, key) for key, value in table.items()
            }
        except WireError as error:
            raise ModelError(f"is damaged: {error}", file=self._index, hint=_COPY_AGAIN) from error
        self.variables = {
            key: Variable(
                key, entry.shape, "string" if entry.number == _STRING else np.dtype(_DTYPES[entry.number]).name
            )
            for key, entry in self._entries.items()
            if key != GRAPH_KEY
        }

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def read(self, key: str) -> NDArray[Any]:
        """The value of a variable; its checksum is verified. Strings are returned as an object array of bytes.

        Raises:
            ModelError: There is no such variable, or the data file is missing, cut off or damaged.
        """
        entry = self._entries.get(key)
        if entry is None:
            raise ModelError(f"has no variable '{key}'", file=self.prefix, hint=suggest_name(key, self.variables))
        data = self._bytes(entry, key)
        if entry.number == _STRING:
            return _strings(data, entry, self._data_file(entry), key)
        if mask_crc32c(google_crc32c.value(data)) != entry.checksum:
            raise self._damaged(entry, key)
        return np.frombuffer(data, _DTYPES[entry.number]).reshape(entry.shape)

    def items(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """Every key with its value, one value in memory at a time.

        Raises:
            ModelError: As ``read``.
        """
        for key in self.variables:
            yield key, self.read(key)

    @cached_property
    def object_graph(self) -> list[Node]:
        """The objects that own the variables; empty if the checkpoint has no graph (TensorFlow 1).

        Raises:
            ModelError: The graph is damaged.
        """
        if GRAPH_KEY not in self._entries:
            return []
        try:
            return decode_graph(self.read(GRAPH_KEY).item())
        except WireError as error:
            raise ModelError(f"is damaged: {error}", file=self.prefix, hint=_COPY_AGAIN) from error

    def key_at(self, path: str) -> str | None:
        """The key of the variable that TensorFlow finds at ``path`` (names of objects joined by ``/``), or None."""
        return find_key(self.object_graph, path)

    def _data_file(self, entry: _Entry) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.data-{entry.shard:05d}-of-{self._shards:05d}")

    def _damaged(self, entry: _Entry, key: str) -> ModelError:
        return ModelError(
            f"the value of '{key}' is damaged (its checksum differs)",
            file=self._data_file(entry),
            place=f"byte {entry.offset}",
            hint=_COPY_AGAIN,
        )

    def _bytes(self, entry: _Entry, key: str) -> bytes:
        file = self._data_file(entry)
        try:
            if entry.offset + entry.size > file.stat().st_size:
                raise ModelError(f"is cut off before the end of '{key}'", file=file, hint=_COPY_AGAIN)
            with file.open("rb") as stream:
                stream.seek(entry.offset)
                data = stream.read(entry.size)
        except OSError as error:
            raise ModelError(f"cannot be read: {error.strerror or error}", file=file, hint=_COPY_AGAIN) from error
        if len(data) != entry.size:
            raise ModelError(f"is cut off before the end of '{key}'", file=file, hint=_COPY_AGAIN)
        return data


def write_checkpoint(
    prefix: Path | str, variables: Mapping[str, Any], full_names: Mapping[str, str] | None = None
) -> None:
    """Write a checkpoint that ``tf.train.load_checkpoint`` reads and ``tf.train.Checkpoint`` restores from.

    Args:
        prefix: Path ending in ``ckpt-1`` or the like.
        variables: Values by key (``…/.ATTRIBUTES/VARIABLE_VALUE``): arrays or numbers. The object
            graph is derived from the keys, including optimiser slots (``/.OPTIMIZER_SLOT/``).
        full_names: The variables' names in Keras, by key; only used in TensorFlow's messages.

    Raises:
        DataError: The files cannot be written.
        ValueError: A key is not of that form.
        TypeError: A value has a type that checkpoints cannot store.
    """
    prefix = Path(prefix)
    graph = encode_graph(graph_of_keys(variables, full_names or {}))
    values: dict[str, Any] = {GRAPH_KEY: graph, **variables}
    entries: list[tuple[bytes, bytes]] = [(b"", varint_field(1, 1) + length_field(3, varint_field(1, 1)))]
    offset = 0
    with open_atomically(prefix.with_name(prefix.name + ".data-00000-of-00001")) as stream:
        for key in sorted(values, key=str.encode):
            number, shape, data, checksum = _encoded(values[key], key)
            stream.write(data)
            entries.append((key.encode(), _encode_entry(_Entry(number, shape, 0, offset, len(data), checksum))))
            offset += len(data)
    # The index comes last: while it is missing there is no checkpoint.
    write_atomically(prefix.with_name(prefix.name + ".index"), write_table(entries))


def checkpoint_prefix(checkpoint: Path | str) -> Path:
    """The prefix that ``checkpoint`` refers to: a prefix, an index or data file, or a folder (its latest checkpoint).

    Raises:
        ModelError: There is no checkpoint.
    """
    from fractura.tensorflow_od.checkpoint_state import latest_checkpoint

    path = Path(checkpoint)
    if path.is_dir():
        latest = latest_checkpoint(path)
        if latest is None:
            raise ModelError(
                "contains no checkpoint", file=path, hint="give the checkpoint itself: a path ending in ckpt-0"
            )
        return latest
    name = path.name.removesuffix(".index").split(".data-")[0]
    prefix = path.with_name(name) if name else path
    if not prefix.with_name(prefix.name + ".index").is_file():
        others = sorted(p.name.removesuffix(".index") for p in prefix.parent.glob("*.index")) if name else []
        hint = f"that folder contains: {', '.join(others)}" if others else "give the path that ends in ckpt-0"
        raise ModelError("there is no such checkpoint", file=prefix, hint=hint)
    return prefix


def _header(message: bytes, file: Path) -> int:
    """The number of data files."""
    shards = 0
    for number, kind, first, _ in fields(message, 0, len(message)):
        if kind == VARINT and number == 1:
            shards = first
        elif kind == VARINT and number == 2 and first:
            raise ModelError("was written on a big-endian machine, which is not supported", file=file)
    if not 1 <= shards <= 99_999:
        raise ModelError("is damaged: it has no header", file=file, hint=_COPY_AGAIN)
    return shards


def _entry(message: bytes, file: Path, key: bytes) -> _Entry:
    number = shard = offset = size = checksum = 0
    shape: tuple[int, ...] = ()
    for field, kind, first, last in fields(message, 0, len(message)):
        if kind == VARINT:
            number, shard = (first if field == 1 else number), (first if field == 3 else shard)
            offset, size = (first if field == 4 else offset), (first if field == 5 else size)
        elif kind == LENGTH and field == 2:
            shape = _shape(message, first, last)
        elif kind == FIXED32 and field == 6:
            checksum = int.from_bytes(message[first:last], "little")
        elif kind == LENGTH and field == 7:
            raise ModelError(f"'{key.decode(errors='replace')}' is sliced, which is not supported", file=file)
    if number != _STRING and number not in _DTYPES:
        raise ModelError(f"'{key.decode(errors='replace')}' has the unsupported type {number}", file=file)
    if min(shape, default=0) < 0:
        raise ModelError(f"'{key.decode(errors='replace')}' has no shape", file=file, hint=_COPY_AGAIN)
    if number != _STRING and math.prod(shape) * np.dtype(_DTYPES[number]).itemsize != size:
        raise ModelError(
            f"is damaged: '{key.decode(errors='replace')}' has {size} bytes, which do not fit the shape {shape}",
            file=file,
            hint=_COPY_AGAIN,
        )
    return _Entry(number, shape, shard, offset, size, checksum)


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


def _encode_entry(entry: _Entry) -> bytes:
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


def _encoded(value: Any, key: str) -> tuple[int, tuple[int, ...], bytes, int]:
    """Type number, shape, bytes and masked checksum of a value."""
    if isinstance(value, bytes):
        value = np.array(value, dtype=object)
    array = np.asarray(value)
    if array.dtype == object:
        return (_STRING, array.shape, *_encode_strings([bytes(item) for item in array.ravel().tolist()]))
    dtype = array.dtype.newbyteorder("<")
    if dtype not in _NUMBERS:
        raise TypeError(f"'{key}' is {array.dtype}, which checkpoints cannot store")
    data = np.ascontiguousarray(array, dtype).tobytes()
    return _NUMBERS[dtype], array.shape, data, mask_crc32c(google_crc32c.value(data))


def _encode_strings(values: list[bytes]) -> tuple[bytes, int]:
    """Lengths as varints, their checksum, the strings; the checksum of all is over the lengths as fixed numbers."""
    crc = google_crc32c.value(b"".join(_fixed(len(value)) for value in values))
    lengths_checksum = mask_crc32c(crc).to_bytes(4, "little")
    body = b"".join(values)
    crc = google_crc32c.extend(google_crc32c.extend(crc, lengths_checksum), body)
    return b"".join(varint(len(value)) for value in values) + lengths_checksum + body, mask_crc32c(crc)


def _fixed(length: int) -> bytes:
    return length.to_bytes(4 if length <= 0xFFFFFFFF else 8, "little")


def _strings(data: bytes, entry: _Entry, file: Path, key: str) -> NDArray[Any]:
    def damaged() -> FracturaError:
        return ModelError(f"the value of '{key}' is damaged", file=file, place=f"byte {entry.offset}", hint=_COPY_AGAIN)

    count, position, lengths = math.prod(entry.shape), 0, []
    if count > len(data):
        raise damaged()
    try:
        for _ in range(count):
            length, position = read_varint(data, position, len(data))
            lengths.append(length)
    except WireError:
        raise damaged() from None
    start = position + 4
    if start + sum(lengths) != len(data):
        raise damaged()
    values = []
    for length in lengths:
        values.append(data[start : start + length])
        start += length
    if _encode_strings(values) != (data, entry.checksum):
        raise damaged()
    array = np.empty(count, dtype=object)
    array[:] = values
    return array.reshape(entry.shape)
