"""The wire format and tf.train.Example: what is written is read, what is broken is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractura.formats.protobuf.wire import WireError, fields, length_field, read_varint, signed, varint, varint_field
from fractura.formats.tfrecord.example import Example, encode_example

FEATURES = st.one_of(
    st.binary(max_size=200),
    st.integers(-(2**63), 2**63 - 1),
    st.lists(st.binary(max_size=20), max_size=4),
    st.lists(st.floats(width=32, allow_nan=False), max_size=5).map(lambda v: np.array(v, np.float32)),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(lambda v: np.array(v, np.int64)),
)


@given(st.integers(-(2**63), 2**64 - 1))
def test_varints_come_back(number):
    data = varint(number)
    value, end = read_varint(data, 0, len(data))
    assert end == len(data) <= 10
    assert value == number % 2**64
    assert signed(value) == (number if number < 2**63 else number - 2**64)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"\x80", "cut off"),
        (b"\xff" * 11, "more than ten bytes"),
        (b"\x0a\x05ab", "longer than its message"),
        (b"\x0d\x00\x00", "longer than its message"),
        (b"\x0b", "wire type 3"),
        (b"\x00\x01", "number 0"),
    ],
)
def test_broken_messages(data, problem):
    with pytest.raises(WireError, match=problem):
        list(fields(data, 0, len(data)))


@given(st.dictionaries(st.text(max_size=8), FEATURES, max_size=5))
def test_examples_come_back(features):
    example = Example(encode_example(features))
    assert example.keys == list(features)
    for key, value in features.items():
        if isinstance(value, bytes):
            assert example.byte_strings(key) == [value]
        elif isinstance(value, int):
            assert example.integers(key).tolist() == [value]
        elif isinstance(value, list):
            assert example.byte_strings(key) == value
        elif value.dtype == np.float32:
            np.testing.assert_array_equal(example.floats(key), value)
        else:
            np.testing.assert_array_equal(example.integers(key), value)


def entry(key, *feature_messages):
    return length_field(1, length_field(1, key.encode()) + b"".join(length_field(2, m) for m in feature_messages))


def example_of(*entries):
    return Example(length_field(1, b"".join(entries)))


def test_numbers_need_not_be_packed():
    one, two = np.float32(1.5), np.float32(-2)
    floats = length_field(2, b"\x0d" + one.tobytes() + length_field(1, two.tobytes() + one.tobytes()))
    integers = length_field(3, varint_field(1, 7) + length_field(1, varint(-1) + varint(300)) + varint_field(1, 0))
    example = example_of(entry("f", floats), entry("i", integers))
    assert example.floats("f").tolist() == [1.5, -2.0, 1.5]
    assert example.integers("i").tolist() == [7, -1, 300, 0]


def test_unknown_fields_are_skipped():
    noise = varint_field(9, 5) + length_field(15, b"noise") + b"\x39" + bytes(8) + b"\x75" + bytes(4)
    value = noise + length_field(3, noise + varint_field(1, 4)) + noise
    message = noise + length_field(1, noise + length_field(1, noise + length_field(1, b"k") + length_field(2, value)))
    assert Example(message).integers("k").tolist() == [4]


def test_the_last_entry_of_a_key_counts_and_pieces_are_joined():
    first, second = (length_field(3, varint_field(1, n)) for n in (1, 2))
    assert example_of(entry("k", first), entry("k", second)).integers("k").tolist() == [2]
    assert example_of(entry("k", first, second)).integers("k").tolist() == [1, 2]
    text = length_field(1, length_field(1, b"x"))
    assert example_of(entry("k", first, text)).byte_strings("k") == [b"x"]


def test_missing_empty_and_wrong_kinds():
    example = Example(encode_example({"i": 1, "none": np.zeros(0, np.float32), "latin": b"\xf1"}))
    assert example.spans("absent") == []
    assert example.integers("none").tolist() == []
    assert "none" in example
    assert "absent" not in example
    with pytest.raises(WireError, match="'i' holds int64 values instead of bytes"):
        example.spans("i")
    with pytest.raises(WireError, match="not UTF-8"):
        example.texts("latin")


@given(st.data())
def test_mutated_examples_are_read_or_refused(data):
    good = bytearray(encode_example({"a": b"image" * 5, "f": np.array([0.25, 0.5], np.float32), "i": 3, "t": [b"x"]}))
    for _ in range(data.draw(st.integers(1, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        example = Example(bytes(good))
        for key in example.keys:
            for reader in (example.floats, example.integers, example.byte_strings):
                assert len(reader(key)) <= len(good)
    except WireError:
        pass


def test_read_as_tensorflow_reads_it(tensorflow):
    features = {
        "a": b"\xff\xd8",
        "f": np.array([0.1, -3], np.float32),
        "i": np.array([-5, 2**40], np.int64),
        "t": [b"x", b""],
    }
    message = tensorflow.train.Example.FromString(encode_example(features))
    assert message.features.feature["a"].bytes_list.value[:] == [b"\xff\xd8"]
    assert message.features.feature["f"].float_list.value[:] == features["f"].tolist()
    assert message.features.feature["i"].int64_list.value[:] == [-5, 2**40]
    assert message.features.feature["t"].bytes_list.value[:] == [b"x", b""]
    example = Example(message.SerializeToString())
    assert example.floats("f").tolist() == features["f"].tolist()
    assert example.integers("i").tolist() == [-5, 2**40]
    assert example.byte_strings("t") == [b"x", b""]
