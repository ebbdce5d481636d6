"""The ``.index`` file of a TensorFlow checkpoint: a sorted table of keys and values in LevelDB's format.

Follows tensorflow/tsl lib/io/{format.cc,block.cc,table_builder.cc}: data blocks with
prefix-compressed keys, an index block, a footer of 48 bytes; each block ends with a type byte and a masked CRC-32C.
TensorFlow compressed the blocks with Snappy until 2020, so those of the detection zoo are; what is written here is not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from fractura.core.errors import ModelError
from fractura.formats.protobuf.wire import WireError, read_varint, varint
from fractura.formats.tfrecord.frames import masked_crc32c
from fractura.tensorflow_od.snappy import decompress

COPY_AGAIN = "copy the checkpoint again; both its .index and its .data files are needed"

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_TRAILER = 5
_PLAIN, _SNAPPY = 0, 1
_RESTART_INTERVAL = 16
_BLOCK_BYTES = 262_144
_MAXIMUM_KEY = 65_536
_MAXIMUM_KEY_BYTES = 1 << 28  # of all keys together: prefix compression must not inflate a small file


def read_table(data: bytes, file: Path) -> dict[bytes, bytes]:
    """All keys and values, in the order of the file.

    Raises:
        ModelError: The table is damaged or cut off, or a block has an unknown compression.
    """
    try:
        return dict(_entries(data, file))
    except (WireError, struct.error) as error:
        raise _damaged(file, str(error)) from error


def write_table(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a table.

    >>> read_table(write_table([(b"a", b"1"), (b"b", b"2")]), Path("ckpt-0.index"))
    {b'a': b'1', b'b': b'2'}

    Args:
        entries: Keys and values, sorted by key, each key once.

    Raises:
        ValueError: The keys are not sorted.
    """
    blocks: list[bytes] = []
    handles: list[tuple[bytes, bytes]] = []
    position = 0

    def add(content: bytes) -> bytes:
        nonlocal position
        handle = varint(position) + varint(len(content))
        framed = content + b"\0"
        blocks.append(framed + masked_crc32c(framed).to_bytes(4, "little"))
        position += len(blocks[-1])
        return handle

    pending: list[tuple[bytes, bytes]] = []
    size, previous = 0, None
    for key, value in entries:
        if previous is not None and key <= previous:
            raise ValueError(f"keys are not sorted: {previous!r}, {key!r}")
        pending.append((key, value))
        size += len(key) + len(value)
        previous = key
        if size >= _BLOCK_BYTES:
            handles.append((key, add(_block(pending, _RESTART_INTERVAL))))
            pending, size = [], 0
    if pending:
        handles.append((pending[-1][0], add(_block(pending, _RESTART_INTERVAL))))
    metaindex = add(_block([], _RESTART_INTERVAL))
    index = add(_block(handles, 1))
    footer = (metaindex + index).ljust(_FOOTER - 8, b"\0") + struct.pack("<Q", _MAGIC)
    return b"".join(blocks) + footer


def _entries(data: bytes, file: Path) -> Iterator[tuple[bytes, bytes]]:
    if len(data) < _FOOTER or struct.unpack_from("<Q", data, len(data) - 8)[0] != _MAGIC:
        raise ModelError(
            "is not the index of a TensorFlow 2 checkpoint, or is cut off",
            file=file,
            hint=COPY_AGAIN,
        )
    footer, stop = len(data) - _FOOTER, len(data) - 8
    position = footer
    for _ in range(2):  # the metaindex, which TensorFlow leaves empty
        _, position = read_varint(data, position, stop)
    offset, position = read_varint(data, position, stop)
    size, _ = read_varint(data, position, stop)
    budget = _MAXIMUM_KEY_BYTES
    previous = None
    for _, handle in _read_block(data, offset, size, file):
        block_offset, at = read_varint(handle, 0, len(handle))
        block_size, _ = read_varint(handle, at, len(handle))
        for key, value in _read_block(data, block_offset, block_size, file):
            budget -= len(key)
            if budget < 0 or (previous is not None and key <= previous):
                raise _damaged(file, "its keys are not sorted")
            previous = key
            yield key, value


def _read_block(data: bytes, offset: int, size: int, file: Path) -> Iterator[tuple[bytes, bytes]]:
    end = offset + size
    if end + _TRAILER > len(data):
        raise _damaged(file, "a block is outside the file")
    if struct.unpack_from("<I", data, end + 1)[0] != masked_crc32c(data[offset : end + 1]):
        raise _damaged(file, f"the checksum of the block at byte {offset} is wrong")
    if data[end] not in (_PLAIN, _SNAPPY):
        raise ModelError(
            f"has a block of the unknown compression {data[end]}",
            file=file,
            hint="restore and save it again with TensorFlow",
        )
    block = data[offset:end] if data[end] == _PLAIN else decompress(data[offset:end])
    if len(block) < 4:
        raise _damaged(file, f"the block at byte {offset} has a malformed end")
    (restarts,) = struct.unpack_from("<I", block, len(block) - 4)
    stop = len(block) - 4 - 4 * restarts
    if stop < 0:
        raise _damaged(file, f"the block at byte {offset} has a malformed end")
    key, position = b"", 0
    while position < stop:
        shared, position = read_varint(block, position, stop)
        unshared, position = read_varint(block, position, stop)
        length, position = read_varint(block, position, stop)
        if shared > len(key) or unshared + length > stop - position or shared + unshared > _MAXIMUM_KEY:
            raise _damaged(file, f"an entry of the block at byte {offset} is malformed")
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _block(entries: list[tuple[bytes, bytes]], restart_interval: int) -> bytes:
    out, restarts, previous = bytearray(), [0], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart_interval:
            limit = min(len(key), len(previous))
            while shared < limit and key[shared] == previous[shared]:
                shared += 1
        elif number:
            restarts.append(len(out))
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        previous = key
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _damaged(file: Path, what: str) -> ModelError:
    return ModelError(f"is damaged: {what}", file=file, hint=COPY_AGAIN)
