"""Decompress raw Snappy data, as in the blocks of a checkpoint's index.

Follows google/snappy format_description.txt. An index has a few hundred kilobytes: plain Python is fast
enough.
"""

from __future__ import annotations

from fractura.formats.protobuf.wire import WireError, read_varint

_EXPANSION = 22
"""No element yields more per byte: three bytes make a copy of at most 64."""


def decompress(data: bytes) -> bytes:
    r"""The content of ``data``; memory is bounded by its length, whatever the data claims.

    >>> decompress(b"\x08\x00a\x0d\x01")
    b'aaaaaaaa'

    Raises:
        WireError: The data is malformed, cut off, or does not have the length it claims.
    """
    length, position = read_varint(data, 0, len(data))
    if length > _EXPANSION * len(data):
        raise WireError(f"{len(data)} compressed bytes cannot hold {length}", 0)
    out = bytearray()
    while position < len(data):
        tag, start = data[position], position
        kind, number = tag & 3, tag >> 2
        position += 1
        if kind == 0:
            # Lengths above 60 follow the tag, in one to four bytes.
            extra = max(number - 59, 0)
            count, position = _little_endian(data, position, extra) if extra else (number, position)
            count += 1
            if count > len(data) - position:
                raise WireError("the compressed data is cut off", start)
            out += data[position : position + count]
            position += count
        else:
            if kind == 1:
                count, (offset, position) = 4 + (number & 7), _little_endian(data, position, 1)
                offset |= (number >> 3) << 8
            else:
                count, (offset, position) = number + 1, _little_endian(data, position, 2 if kind == 2 else 4)
            if not 1 <= offset <= len(out):
                raise WireError("a copy in the compressed data starts outside it", start)
            # A copy may reach into what it writes: it then repeats the last `offset` bytes.
            first = len(out) - offset
            seed = out[first : first + count]
            out += (seed * -(-count // len(seed)))[:count]
        if len(out) > length:
            raise WireError(f"the compressed data is longer than the {length} bytes it claims", start)
    if len(out) != length:
        raise WireError(f"the compressed data has {len(out)} of the {length} bytes it claims", position)
    return bytes(out)


def _little_endian(data: bytes, position: int, count: int) -> tuple[int, int]:
    if count > len(data) - position:
        raise WireError("the compressed data is cut off", position)
    return int.from_bytes(data[position : position + count], "little"), position + count
