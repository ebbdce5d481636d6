"""TFRecord framing: checksums, cut-off files, shards and patterns."""

import contextlib
import gzip
import io
import subprocess
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fractura.core.errors import DataError
from fractura.formats.tfrecord.frames import masked_crc32c, matching_files, read_frames, shard_paths, write_frame

PAYLOADS = [b"first", b"", b"third" * 100]


@pytest.fixture
def record_file(tmp_path):
    file = tmp_path / "a.tfrecord"
    with file.open("wb") as stream:
        for payload in PAYLOADS:
            write_frame(stream, payload)
    return file


def test_known_checksum():
    # RFC 3720 B.4 gives the CRC-32C of 32 zero bytes as 0x8a9136aa; TensorFlow's mask turns it into this.
    assert masked_crc32c(bytes(32)) == ((0x8A9136AA >> 15 | 0x8A9136AA << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_frames_come_back_with_their_offsets(record_file):
    data = record_file.read_bytes()
    frames = list(read_frames(record_file))
    assert [frame.payload for frame in frames] == PAYLOADS
    assert all(data[f.offset : f.offset + len(f.payload)] == f.payload for f in frames)


def test_an_empty_file_has_no_frames(tmp_path):
    (tmp_path / "empty").touch()
    assert list(read_frames(tmp_path / "empty")) == []


@pytest.mark.parametrize(
    ("position", "problem", "place"),
    [
        (0, "is not a TFRecord file", "byte 0"),
        (9, "is not a TFRecord file", "byte 0"),
        (13, "a record is damaged", "byte 0"),
        (18, "a record is damaged", "byte 0"),
        (22, "the length of a record is damaged", "byte 21"),
        (60, "a record is damaged", "byte 37"),
    ],
)
def test_a_changed_byte_is_found(record_file, position, problem, place):
    data = bytearray(record_file.read_bytes())
    data[position] ^= 0x40
    record_file.write_bytes(bytes(data))
    with pytest.raises(DataError) as caught:
        list(read_frames(record_file))
    assert problem in caught.value.problem
    assert (caught.value.file, caught.value.place) == (str(record_file), place)


def test_reading_goes_on_behind_a_damaged_payload(record_file):
    data = bytearray(record_file.read_bytes())
    data[13] ^= 1
    record_file.write_bytes(bytes(data))
    errors = []
    assert [frame.payload for frame in read_frames(record_file, errors.append)] == PAYLOADS[1:]
    assert [error.place for error in errors] == ["byte 0"]


def test_a_cut_off_file_is_found_wherever_it_was_cut(record_file):
    data = record_file.read_bytes()
    starts = [0, 21, 37]
    for length in range(1, len(data)):
        record_file.write_bytes(data[:length])
        if length in starts:
            assert list(read_frames(record_file))
            continue
        with pytest.raises(DataError, match="cut off") as caught:
            list(read_frames(record_file))
        assert caught.value.place == f"byte {max(s for s in starts if s < length)}"


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("any") / "x"
    file.write_bytes(data)
    with contextlib.suppress(DataError):
        assert sum(len(frame.payload) for frame in read_frames(file)) < max(1, len(data))


def test_an_enormous_length_takes_no_memory(tmp_path):
    length = (2**62).to_bytes(8, "little")
    (tmp_path / "x").write_bytes(length + masked_crc32c(length).to_bytes(4, "little") + b"abc")
    with pytest.raises(DataError, match="cut off"):
        list(read_frames(tmp_path / "x"))


@pytest.mark.parametrize(
    ("pack", "content", "problem"),
    [
        (gzip.compress, None, "is a TFRecord file compressed with gzip"),
        (zlib.compress, None, "is a TFRecord file compressed with zlib"),
        (gzip.compress, b"x" * 50, "is compressed with gzip"),
        (zlib.compress, b"x" * 50, "is not a TFRecord file"),
        (lambda data: gzip.compress(data)[:11], b"", "is compressed with gzip"),
    ],
    ids=["record, gzip", "record, zlib", "text, gzip", "text, zlib", "cut off"],
)
def test_compression_is_named(record_file, pack, content, problem):
    plain = record_file.read_bytes()
    record_file.write_bytes(pack(plain if content is None else content))
    with pytest.raises(DataError) as caught:
        list(read_frames(record_file))
    assert caught.value.problem.startswith(problem)
    if problem.startswith("is a TFRecord file"):
        program = caught.value.hint.partition('python -c "')[2].removesuffix('"')
        subprocess.run([sys.executable, "-c", program], cwd=record_file.parent, check=True)
        assert (record_file.parent / "unpacked.record").read_bytes() == plain


def test_a_length_that_looks_like_gzip_is_none(tmp_path):
    payload = bytes(0x8B1F)
    with (tmp_path / "x").open("wb") as stream:
        write_frame(stream, payload)
    assert (tmp_path / "x").read_bytes()[:2] == b"\x1f\x8b"
    assert [frame.payload for frame in read_frames(tmp_path / "x")] == [payload]


@pytest.mark.parametrize("kind", ["GZIP", "ZLIB"])
def test_what_tensorflow_compresses_is_named(tensorflow, tmp_path, kind):
    with tensorflow.io.TFRecordWriter(str(tmp_path / "x"), options=kind) as writer:
        writer.write(b"payload")
    with pytest.raises(DataError, match=f"is a TFRecord file compressed with {kind.lower()}"):
        list(read_frames(tmp_path / "x"))


def test_shard_names(tmp_path):
    assert shard_paths(tmp_path / "train", None) == [tmp_path / "train"]
    assert [p.name for p in shard_paths(tmp_path / "t.tfrecord", 2)] == [
        "t.tfrecord-00000-of-00002",
        "t.tfrecord-00001-of-00002",
    ]
    with pytest.raises(DataError, match="cannot write 0 files"):
        shard_paths(tmp_path / "train", 0)


def test_which_files_a_name_stands_for(tmp_path):
    shards = shard_paths(tmp_path / "train", 3)
    for file in shards:
        file.touch()
    (tmp_path / "val.tfrecord").touch()
    assert matching_files(tmp_path / "train") == shards
    assert matching_files(str(tmp_path / "train-?????-of-00003")) == shards
    assert matching_files(shards[1]) == [shards[1]]
    assert matching_files([tmp_path / "val.tfrecord", tmp_path / "train", shards[0]]) == [
        tmp_path / "val.tfrecord",
        *shards,
    ]
    shards[1].unlink()
    with pytest.raises(DataError, match="1 of 3 shards are missing, the first is number 00001"):
        matching_files(tmp_path / "train-*")
    with pytest.raises(DataError, match="no file of this name"):
        matching_files(tmp_path / "test")
    with pytest.raises(DataError, match="is a folder"):
        matching_files(tmp_path)
    with pytest.raises(DataError, match="no TFRecord file is named"):
        matching_files([])


def test_shards_with_an_ending(tmp_path):
    # The names of the reference's pipeline.config: train2017-?????-of-00256.tfrecord
    for index in range(2):
        (tmp_path / f"train2017-{index:05d}-of-00002.tfrecord").touch()
    assert len(matching_files(tmp_path / "train2017-?????-of-00002.tfrecord")) == 2
    (tmp_path / "train2017-00000-of-00002.tfrecord").unlink()
    with pytest.raises(DataError, match="1 of 2 shards"):
        matching_files(tmp_path / "train2017-?????-of-00002.tfrecord")


def test_tensorflow_reads_our_frames_and_we_read_its(tensorflow, record_file, tmp_path):
    assert [r.numpy() for r in tensorflow.data.TFRecordDataset(str(record_file))] == PAYLOADS
    theirs = tmp_path / "theirs"
    with tensorflow.io.TFRecordWriter(str(theirs)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert theirs.read_bytes() == record_file.read_bytes()


def test_bytes_written_are_counted():
    stream = io.BytesIO()
    assert write_frame(stream, b"abc") == len(stream.getvalue())
