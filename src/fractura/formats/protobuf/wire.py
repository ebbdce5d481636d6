"""Protocol-buffer wire format: the part that ``tf.train.Example`` and TensorFlow's checkpoints need.

Reference: https://protobuf.dev/programming-guides/encoding/. Reading copies nothing: a field with a length is
returned as the positions of its first byte and of the byte after its last.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

_SIXTY_FOUR_BITS = (1 << 64) - 1


class WireError(ValueError):
    """The bytes are not a protocol-buffer message.

    Attributes:
        position: Of the offending byte.
    """

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"{problem} at byte {position}")
        self.position = position


def read_varint(data: bytes, position: int, end: int) -> tuple[int, int]:
    """An unsigned integer of up to 64 bits, and the position after it.

    >>> read_varint(bytes.fromhex("ac02"), 0, 2)
    (300, 2)

    Raises:
        WireError: It extends past ``end`` or is longer than ten bytes.
    """
    result = shift = 0
    start = position
    while position < end:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & _SIXTY_FOUR_BITS, position
        shift += 7
        if shift >= 70:
            raise WireError("a number has more than ten bytes", start)
    raise WireError("a number is cut off", start)


def signed(value: int) -> int:
    """An ``int64`` or ``int32`` from the unsigned number on the wire.

    >>> signed(2**64 - 1)
    -1
    """
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of the message in ``data[start:end]``: ``(number, wire type, first, last)``.

    Examples:
        >>> [(number, first) for number, _, first, _ in fields(varint_field(1, 5), 0, 2)]
        [(1, 5)]

    With ``LENGTH``, ``FIXED64`` and ``FIXED32`` the value is ``data[first:last]``; with ``VARINT`` it is ``first``.

    Raises:
        WireError: The message is malformed.
    """
    position = start
    while position < end:
        at = position
        tag, position = read_varint(data, position, end)
        number, wire_type = tag >> 3, tag & 7
        if number == 0:
            raise WireError("a field has the number 0", at)
        if wire_type == VARINT:
            value, position = read_varint(data, position, end)
            yield number, VARINT, value, position
            continue
        if wire_type == LENGTH:
            size, position = read_varint(data, position, end)
        elif wire_type == FIXED64:
            size = 8
        elif wire_type == FIXED32:
            size = 4
        else:
            raise WireError(f"a field has the unsupported wire type {wire_type}", at)
        if size > end - position:
            raise WireError("a field is longer than its message", at)
        yield number, wire_type, position, position + size
        position += size


_ONE_BYTE = tuple(bytes((number,)) for number in range(0x80))


def varint(value: int) -> bytes:
    """An integer of up to 64 bits; negative ones take ten bytes, like ``int64``.

    >>> varint(300).hex()
    'ac02'
    """
    if 0 <= value < 0x80:
        return _ONE_BYTE[value]
    value &= _SIXTY_FOUR_BITS
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def varint_field(number: int, value: int) -> bytes:
    """A field with an integer, bool or enum."""
    return varint(number << 3 | VARINT) + varint(value)


def length_field(number: int, payload: bytes) -> bytes:
    """A field with bytes, text, a message or packed numbers."""
    return b"%b%b%b" % (varint(number << 3 | LENGTH), varint(len(payload)), payload)


def fixed32_field(number: int, value: int) -> bytes:
    """A field with an unsigned number of four bytes."""
    return varint(number << 3 | FIXED32) + value.to_bytes(4, "little")
