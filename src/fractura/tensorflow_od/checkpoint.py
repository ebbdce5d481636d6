"""Checkpoints of TensorFlow 2 (``ckpt-0.index`` + ``ckpt-0.data-00000-of-00001``), read and written without TensorFlow.

Format: tensorflow/core/util/tensor_bundle/tensor_bundle.cc. The index says where each value is; the data files contain
the raw little-endian values.
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
from fractura.formats.protobuf.wire import WireError, read_varint, varint
from fractura.formats.tfrecord.frames import mask_crc32c
from fractura.tensorflow_od.checkpoint_entries import (
    DTYPES,
    STRING,
    TYPE_NUMBERS,
    Entry,
    encode_entries,
    read_entries,
)
from fractura.tensorflow_od.checkpoint_index import COPY_AGAIN
from fractura.tensorflow_od.object_graph import GRAPH_KEY, Node, decode_graph, encode_graph, find_key, graph_of_keys


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
        self._shards, self._entries = read_entries(self.prefix.with_name(self.prefix.name + ".index"))
        self.variables = {
            key: Variable(key, entry.shape, entry.dtype) for key, entry in self._entries.items() if key != GRAPH_KEY
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
        if entry.number == STRING:
            return _strings(data, entry, self._data_file(entry), key)
        if mask_crc32c(google_crc32c.value(data)) != entry.checksum:
            raise self._damaged(entry, key)
        return np.frombuffer(data, DTYPES[entry.number]).reshape(entry.shape)

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
        value = self.read(GRAPH_KEY)
        if value.shape or value.dtype != object:
            raise ModelError("is damaged: its object graph is not one string", file=self.prefix, hint=COPY_AGAIN)
        try:
            return decode_graph(value.item())
        except WireError as error:
            raise ModelError(f"is damaged: {error}", file=self.prefix, hint=COPY_AGAIN) from error

    def key_at(self, path: str) -> str | None:
        """The key of the variable that TensorFlow finds at ``path`` (names of objects joined by ``/``), or None."""
        return find_key(self.object_graph, path)

    def _data_file(self, entry: Entry) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.data-{entry.shard:05d}-of-{self._shards:05d}")

    def _damaged(self, entry: Entry, key: str) -> ModelError:
        return ModelError(
            f"the value of '{key}' is damaged (its checksum differs)",
            file=self._data_file(entry),
            place=f"byte {entry.offset}",
            hint=COPY_AGAIN,
        )

    def _bytes(self, entry: Entry, key: str) -> bytes:
        file = self._data_file(entry)
        try:
            if entry.offset + entry.size > file.stat().st_size:
                raise ModelError(f"is cut off before the end of '{key}'", file=file, hint=COPY_AGAIN)
            with file.open("rb") as stream:
                stream.seek(entry.offset)
                data = stream.read(entry.size)
        except OSError as error:
            raise ModelError(f"cannot be read: {error.strerror or error}", file=file, hint=COPY_AGAIN) from error
        if len(data) != entry.size:
            raise ModelError(f"is cut off before the end of '{key}'", file=file, hint=COPY_AGAIN)
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
    entries: dict[str, Entry] = {}
    offset = 0
    with open_atomically(prefix.with_name(prefix.name + ".data-00000-of-00001")) as stream:
        for key in sorted(values, key=str.encode):
            number, shape, data, checksum = _encoded(values[key], key)
            stream.write(data)
            entries[key] = Entry(number=number, shape=shape, shard=0, offset=offset, size=len(data), checksum=checksum)
            offset += len(data)
    # The index comes last: while it is missing there is no checkpoint.
    write_atomically(prefix.with_name(prefix.name + ".index"), encode_entries(entries))


def checkpoint_prefix(checkpoint: Path | str) -> Path:
    """The prefix that ``checkpoint`` refers to: a prefix, an index or data file, or a folder (its latest checkpoint).

    Raises:
        ModelError: There is no checkpoint, or it is of TensorFlow 1.
    """
    from fractura.tensorflow_od.checkpoint_folder import absent_checkpoint, refuse_tensorflow_1
    from fractura.tensorflow_od.checkpoint_state import latest_checkpoint

    path = Path(checkpoint)
    if path.is_dir():
        latest = latest_checkpoint(path)
        if latest is None:
            raise absent_checkpoint(path)
        refuse_tensorflow_1(latest)
        return latest
    name = path.name.removesuffix(".index").split(".data-")[0]
    prefix = path.with_name(name) if name else path
    if not prefix.with_name(prefix.name + ".index").is_file():
        raise absent_checkpoint(prefix)
    refuse_tensorflow_1(prefix)
    return prefix


def _encoded(value: Any, key: str) -> tuple[int, tuple[int, ...], bytes, int]:
    """Type number, shape, bytes and masked checksum of a value."""
    if isinstance(value, bytes):
        value = np.array(value, dtype=object)
    array = np.asarray(value)
    if array.dtype == object:
        return (STRING, array.shape, *_encode_strings([bytes(item) for item in array.ravel().tolist()]))
    dtype = array.dtype.newbyteorder("<")
    if dtype not in TYPE_NUMBERS:
        raise TypeError(f"'{key}' is {array.dtype}, which checkpoints cannot store")
    data = np.ascontiguousarray(array, dtype).tobytes()
    return TYPE_NUMBERS[dtype], array.shape, data, mask_crc32c(google_crc32c.value(data))


def _encode_strings(values: list[bytes]) -> tuple[bytes, int]:
    """Lengths as varints, their checksum, the strings; the checksum of all is over the lengths as fixed numbers."""
    crc = google_crc32c.value(b"".join(_fixed(len(value)) for value in values))
    lengths_checksum = mask_crc32c(crc).to_bytes(4, "little")
    body = b"".join(values)
    crc = google_crc32c.extend(google_crc32c.extend(crc, lengths_checksum), body)
    return b"".join(varint(len(value)) for value in values) + lengths_checksum + body, mask_crc32c(crc)


def _fixed(length: int) -> bytes:
    return length.to_bytes(4 if length <= 0xFFFFFFFF else 8, "little")


def _strings(data: bytes, entry: Entry, file: Path, key: str) -> NDArray[Any]:
    def damaged() -> FracturaError:
        return ModelError(f"the value of '{key}' is damaged", file=file, place=f"byte {entry.offset}", hint=COPY_AGAIN)

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
