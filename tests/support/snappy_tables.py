"""Indexes of checkpoints with blocks that are compressed by hand."""

from fractura.formats.protobuf.wire import varint
from fractura.formats.tfrecord.frames import masked_crc32c
from fractura.tensorflow_od.checkpoint_index import write_table


def literal(data):
    """An element that stands for ``data`` itself."""
    count = len(data) - 1
    if count < 60:
        return bytes([count << 2]) + data
    size = (count.bit_length() + 7) // 8
    return bytes([(59 + size) << 2]) + count.to_bytes(size, "little") + data


def table_with(block, kind):
    """A table whose only data block is ``block``, with a right checksum."""
    framed = block + bytes([kind])
    plain = write_table([])  # an empty metaindex, index and footer
    head = framed + masked_crc32c(framed).to_bytes(4, "little")
    handle = varint(0) + varint(len(block))
    entry = varint(0) + varint(1) + varint(len(handle)) + b"z" + handle
    index = entry + (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + b"\0"
    at = len(head)
    body = head + index + masked_crc32c(index).to_bytes(4, "little")
    footer = varint(0) + varint(0) + varint(at) + varint(len(index) - 1)
    return body + footer.ljust(40, b"\0") + plain[-8:]


def block_of(entries):
    """The content of a data block."""
    table = write_table(entries)
    for end in range(8, len(table)):
        if table[end] == 0 and masked_crc32c(table[: end + 1]).to_bytes(4, "little") == table[end + 1 : end + 5]:
            return table[:end]
    raise AssertionError


def compressed(entries):
    """A table of the entries in one block, compressed by Snappy's rules (to literals: no shorter than it was)."""
    block = block_of(entries)
    return table_with(varint(len(block)) + literal(block), 1)
