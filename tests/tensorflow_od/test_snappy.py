"""Indexes with compressed blocks, as those of the detection zoo are."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.material import REFERENCE
from support.snappy_tables import block_of, compressed, literal, table_with

from fractura.core.errors import ModelError
from fractura.formats.protobuf.wire import WireError, varint
from fractura.tensorflow_od.checkpoint import CheckpointReader
from fractura.tensorflow_od.checkpoint_index import read_table
from fractura.tensorflow_od.snappy import decompress

FOLDER = REFERENCE / "snappy_checkpoint"
DATA = "ckpt-0.data-00000-of-00001"


def copy(count, offset, size=2):
    """An element that repeats ``count`` bytes from ``offset`` bytes back."""
    if size == 1:
        return bytes([(offset >> 8) << 5 | (count - 4) << 2 | 1, offset & 255])
    return bytes([(count - 1) << 2 | (2 if size == 2 else 3)]) + offset.to_bytes(size, "little")


def test_a_compressed_checkpoint_is_the_plain_one(tmp_path):
    for name, index in (("snappy", "ckpt-0.index"), ("plain", "plain.index")):
        (tmp_path / name).mkdir()
        shutil.copy(FOLDER / index, tmp_path / name / "ckpt-0.index")
        shutil.copy(FOLDER / DATA, tmp_path / name / DATA)
    assert (FOLDER / "ckpt-0.index").stat().st_size < (FOLDER / "plain.index").stat().st_size
    ours, plain = (CheckpointReader(tmp_path / name) for name in ("snappy", "plain"))
    assert ours.variables == plain.variables
    assert len(ours.variables) > 12
    for key, value in ours.items():
        np.testing.assert_array_equal(value, plain.read(key))


# Elements of every kind, and what they say.
ELEMENTS = [
    (literal(b"a"), b"a"),
    (literal(b"ab" * 30), b"ab" * 30),
    (literal(bytes(61)), bytes(61)),
    (literal(bytes(256)), bytes(256)),
    (literal(bytes(257)), bytes(257)),
    (literal(bytes(70_000)), bytes(70_000)),
    (literal(b"abc") + copy(4, 3, 1), b"abcabca"),
    (literal(b"abc") + copy(11, 1, 1), b"abc" + b"c" * 11),
    (literal(bytes(range(256)) * 3) + copy(5, 700, 1), bytes(range(256)) * 3 + bytes(range(68, 73))),
    (literal(b"abc") + copy(64, 2), b"abc" + b"bc" * 32),
    (literal(b"abcd") + copy(2, 4, 4), b"abcdab"),
    (literal(b"abcd") + copy(1, 2) + copy(4, 3, 1), b"abcdccdcc"),
    (b"", b""),
]


@pytest.mark.parametrize(("elements", "content"), ELEMENTS)
def test_each_kind_of_element(elements, content):
    assert decompress(varint(len(content)) + elements) == content
    for wrong in (len(content) - 1, len(content) + 1):
        if wrong >= 0:
            with pytest.raises(WireError):
                decompress(varint(wrong) + elements)


@pytest.mark.parametrize("elements", [elements for elements, _ in ELEMENTS if 0 < len(elements) < 300])
def test_cut_off_elements(elements):
    content = dict(ELEMENTS)[elements]
    for length in range(len(elements)):
        with pytest.raises(WireError):
            decompress(varint(len(content)) + elements[:length])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "cut off"),
        (b"\x80", "cut off"),
        (varint(8) + copy(8, 1), "starts outside"),
        (varint(9) + literal(b"a") + copy(8, 0), "starts outside"),
        (varint(9) + literal(b"a") + copy(8, 2), "starts outside"),
        (varint(9) + literal(b"a") + copy(8, 2**32 - 1, 4), "starts outside"),
        (varint(1 << 40) + literal(b"a") + copy(64, 1), "cannot hold"),
        (varint((1 << 64) - 1), "cannot hold"),
        (varint(3) + bytes([63 << 2]) + b"\xff\xff\xff\xffabc", "cut off"),
        (varint(100) + literal(b"a") + copy(64, 1) * 1000, "longer than the 100 bytes it claims"),
        (varint(1000) + literal(b"a") + copy(64, 1) * 15, "961 of the 1000 bytes"),
    ],
)
def test_damage_and_lies(data, problem):
    with pytest.raises(WireError, match=problem):
        decompress(data)


@given(st.binary(max_size=200))
@example(varint(2000) + literal(b"a") + copy(64, 1) * 60)
def test_any_bytes_are_refused_or_stay_within_the_bound(data):
    try:
        content = decompress(data)
    except WireError:
        return
    assert len(content) <= 22 * len(data)


def test_a_bomb_costs_no_more_than_its_content():
    # Each copy is one byte from 60,000 bytes back: nothing but that byte may be copied.
    count = 200_000
    data = varint(60_000 + count) + literal(bytes(60_000)) + copy(1, 60_000) * count
    assert decompress(data) == bytes(60_000 + count)  # minutes, if each copied all that is there


ENTRIES = {b"": b"header", b"model/a": b"1", b"model/b": b"2"}


def test_a_block_is_read_by_its_type():
    block, file = block_of(ENTRIES.items()), Path("x.index")
    assert read_table(table_with(block, 0), file) == ENTRIES
    assert read_table(compressed(ENTRIES.items()), file) == ENTRIES
    with pytest.raises(ModelError, match="unknown compression 2"):
        read_table(table_with(block, 2), file)


@pytest.mark.parametrize(
    "block",
    [b"", b"\x00", varint(3) + literal(b"abc"), varint(1 << 30) + literal(b"a"), varint(4) + literal(b"\xff" * 4)],
)
def test_a_damaged_block_with_a_right_checksum(block):
    with pytest.raises(ModelError, match="is damaged"):
        read_table(table_with(block, 1), Path("x.index"))


def test_changed_bytes_of_a_compressed_index_are_found(tmp_path):
    whole = (FOLDER / "ckpt-0.index").read_bytes()
    shutil.copy(FOLDER / DATA, tmp_path / DATA)
    wanted = CheckpointReader(FOLDER / "ckpt-0").variables
    found = 0
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x21
        (tmp_path / "ckpt-0.index").write_bytes(bytes(changed))
        try:
            assert CheckpointReader(tmp_path / "ckpt-0").variables == wanted
        except ModelError:
            found += 1
    # All but the unused metaindex block and the padding of the footer.
    assert found >= len(whole) - 60
