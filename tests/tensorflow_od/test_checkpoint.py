"""Checkpoints: TensorFlow's own is read, ours is read by TensorFlow, damage is found."""

import ast
import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.material import REFERENCE
from support.tensorflow_checkpoint import DATA, INDEX, VALUES, write_files

from fractura.core.errors import ModelError
from fractura.formats.protobuf.wire import length_field, varint_field
from fractura.tensorflow_od import checkpoint
from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.checkpoint_entries import Entry, encode_entries
from fractura.tensorflow_od.checkpoint_index import write_table
from fractura.tensorflow_od.object_graph import GRAPH_KEY

VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
SLOT = f"model/w/.OPTIMIZER_SLOT/optimizer/momentum{VALUE}"


def same(first, second):
    first, second = np.asarray(first), np.asarray(second)
    assert (first.dtype, first.shape) == (second.dtype, second.shape)
    np.testing.assert_array_equal(first, second)


def test_tensorflows_own_checkpoint(tmp_path):
    reader = CheckpointReader(write_files(tmp_path))
    assert list(reader.variables) == sorted(VALUES)
    for key, value in reader.items():
        same(value, VALUES[key])
    assert reader.key_at("model/a") == "model/a" + VALUE
    assert reader.key_at("other/a") == "model/a" + VALUE  # the same object under a second name
    assert reader.key_at("we..ird") == "we..ird" + VALUE
    assert reader.key_at("model/none") is None
    assert GRAPH_KEY in reader
    assert GRAPH_KEY not in reader.variables
    first = next(iter(CheckpointReader(tmp_path / "ckpt-1.index").variables.values()))
    assert (first.key, first.shape, first.dtype) == ("model/a" + VALUE, (2, 3), "float32")


def test_round_trip(tmp_path):
    write_checkpoint(tmp_path / "new" / "ckpt-3", VALUES)
    reader = CheckpointReader(tmp_path / "new" / "ckpt-3")
    assert list(reader.variables) == sorted(VALUES)
    for key, value in reader.items():
        same(value, VALUES[key])
    assert reader.key_at("we..ird") == "we..ird" + VALUE
    # The values lie side by side exactly as TensorFlow lays them; it puts the object graph behind them, we before.
    ours = (tmp_path / "new" / "ckpt-3.data-00000-of-00001").read_bytes()
    assert ours.endswith(DATA[: DATA.index(np.float32(1.5).tobytes()) + 4])


ARRAYS = st.one_of(
    st.integers(-(2**63), 2**63 - 1).map(np.int64),
    st.lists(st.floats(width=32, allow_nan=False), max_size=6).map(lambda v: np.array(v, np.float32)),
    st.lists(st.binary(max_size=300), max_size=3).map(lambda v: np.array([*v, b""], object)[:-1]),
)
NAMES = st.lists(st.text("ab_0", min_size=1, max_size=40), min_size=1, max_size=4).map("/".join)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, ARRAYS, min_size=1, max_size=30))
def test_any_variables_come_back(tmp_path_factory, named):
    values = {name + VALUE: value for name, value in named.items()}
    prefix = tmp_path_factory.mktemp("c") / "ckpt-1"
    write_checkpoint(prefix, values)
    reader = CheckpointReader(prefix)
    assert set(reader.variables) == set(values)
    for key, value in reader.items():
        same(value, values[key])
    for name in named:
        assert reader.key_at(name) == name + VALUE


def test_slots_hang_on_the_optimiser(tmp_path):
    values = {"model/w" + VALUE: np.ones(2, np.float32), SLOT: np.zeros(2, np.float32)}
    write_checkpoint(tmp_path / "ckpt-1", values)
    nodes = CheckpointReader(tmp_path / "ckpt-1").object_graph
    optimizer = nodes[nodes[0].children["optimizer"]]
    ((variable, name, slot),) = optimizer.slots
    assert variable == nodes[nodes[0].children["model"]].children["w"]
    assert (name, nodes[slot].attributes) == ("momentum", {"VARIABLE_VALUE": SLOT})


def test_what_cannot_be_written(tmp_path):
    with pytest.raises(ValueError, match="does not end in"):
        write_checkpoint(tmp_path / "x", {"model/w": 1.0})
    with pytest.raises(TypeError, match="is complex64"):
        write_checkpoint(tmp_path / "x", {"w" + VALUE: np.complex64(1)})
    assert list(tmp_path.iterdir()) == []


def test_which_checkpoint_is_meant(tmp_path):
    with pytest.raises(ModelError, match="there is no such checkpoint"):
        CheckpointReader(tmp_path / "ckpt-0")
    with pytest.raises(ModelError, match="contains no checkpoint"):
        CheckpointReader(tmp_path)
    write_files(tmp_path)
    with pytest.raises(ModelError, match="that folder contains: ckpt-1"):
        CheckpointReader(tmp_path / "ckpt-0")
    for name in ("", "ckpt-1", "ckpt-1.index", "ckpt-1.data-00000-of-00001"):
        assert CheckpointReader(tmp_path / name).prefix == tmp_path / "ckpt-1"


def test_missing_and_misspelt_things(tmp_path):
    prefix = write_files(tmp_path)
    with pytest.raises(ModelError, match="did you mean"):
        CheckpointReader(prefix).read("model/a/.ATTRIBUTES/VARIABLE")
    (tmp_path / "ckpt-1.data-00000-of-00001").unlink()
    with pytest.raises(ModelError, match=r"data-00000-of-00001: cannot be read"):
        CheckpointReader(prefix).read("step" + VALUE)


def test_changed_bytes_of_the_index_are_found(tmp_path):
    prefix = write_files(tmp_path)
    footer_padding = range(len(INDEX) - 40, len(INDEX) - 8)
    for place in range(0, len(INDEX), 3):
        changed = bytearray(INDEX)
        changed[place] ^= 0x21
        (tmp_path / "ckpt-1.index").write_bytes(bytes(changed))
        try:
            reader = CheckpointReader(prefix)
        except ModelError:
            continue
        # Only the unused metaindex and padding are not covered by a checksum.
        assert list(reader.variables) == sorted(VALUES)
        assert place in footer_padding or place > len(INDEX) - 48 - 13 - 60


def test_changed_bytes_of_values_are_found(tmp_path):
    prefix = write_files(tmp_path)
    reader = CheckpointReader(prefix)

    def read_all():
        for key in [*reader.variables, GRAPH_KEY]:
            reader.read(key)

    for place in range(0, len(DATA), 5):
        changed = bytearray(DATA)
        changed[place] ^= 0x80
        (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(bytes(changed))
        with pytest.raises(ModelError, match="damaged"):
            read_all()


def test_cut_off_files(tmp_path):
    prefix = write_files(tmp_path)
    reader = CheckpointReader(prefix)
    (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(DATA[:-1])
    with pytest.raises(ModelError, match="cut off before the end"):
        reader.read(GRAPH_KEY)
    for length in range(len(INDEX)):
        (tmp_path / "ckpt-1.index").write_bytes(INDEX[:length])
        with pytest.raises(ModelError):
            CheckpointReader(prefix)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_index_is_refused_or_read(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("c")
    (folder / "ckpt-1.index").write_bytes(data + (0xDB4775248B80FB57).to_bytes(8, "little"))
    with pytest.raises(ModelError):
        CheckpointReader(folder / "ckpt-1")


def test_the_zoos_layout(tmp_path):
    with (REFERENCE / "variables_640.tsv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream, delimiter="\t") if row["checkpoint_key"] != GRAPH_KEY]
    # One or two values for each variable are enough to hold the layout; the real shapes would make 238 MB.
    shapes = {row["checkpoint_key"]: [min(n, 2) for n in ast.literal_eval(row["shape"])] for row in rows}
    values = {row["checkpoint_key"]: np.zeros(shapes[row["checkpoint_key"]], row["dtype"]) for row in rows}
    write_checkpoint(tmp_path / "ckpt-0", values, {row["checkpoint_key"]: row["keras_weight_name"] for row in rows})
    reader = CheckpointReader(tmp_path / "ckpt-0")
    assert set(reader.variables) == set(values)
    assert all(reader.key_at(key.removesuffix(VALUE)) == key for key in values)


def test_tensorflow_reads_and_restores_ours(tensorflow, tmp_path):
    tf = tensorflow
    write_checkpoint(tmp_path / "ckpt-3", VALUES)
    theirs = tf.train.load_checkpoint(str(tmp_path / "ckpt-3"))
    assert set(theirs.get_variable_to_shape_map()) == {*VALUES, GRAPH_KEY}
    for key, value in VALUES.items():
        np.testing.assert_array_equal(theirs.get_tensor(key), value)
    model = tf.train.Checkpoint(a=tf.Variable(np.zeros((2, 3), np.float32)), s=tf.Variable(["", "", ""]))
    root = tf.train.Checkpoint(model=model, step=tf.Variable(0, dtype=tf.int64))
    root.restore(str(tmp_path / "ckpt-3")).assert_existing_objects_matched()
    np.testing.assert_array_equal(model.a.numpy(), VALUES["model/a" + VALUE])
    assert root.step.numpy() == 7


def test_we_read_what_tensorflow_saves(tensorflow, tmp_path):
    tf = tensorflow
    rng = np.random.default_rng(0)
    weights = {f"w{i}": rng.standard_normal((i, 3)).astype(np.float32) for i in range(300)}
    model = tf.train.Checkpoint(**{name: tf.Variable(value) for name, value in weights.items()})
    prefix = tf.train.Checkpoint(model=model).save(str(tmp_path / "ckpt"))
    reader = CheckpointReader(prefix)
    for name, value in weights.items():
        np.testing.assert_array_equal(reader.read(f"model/{name}{VALUE}"), value)
        assert reader.key_at(f"model/{name}") == f"model/{name}{VALUE}"


def test_partitioned_variables_are_named(tmp_path):
    shape = length_field(2, varint_field(1, 4))
    entry = varint_field(1, 1) + length_field(2, shape) + length_field(7, length_field(1, varint_field(1, 2)))
    header = varint_field(1, 1)
    (tmp_path / "ckpt-1.index").write_bytes(write_table([(b"", header), (b"w", entry)]))
    with pytest.raises(ModelError, match="'w' is a partitioned variable, stored in slices") as caught:
        CheckpointReader(tmp_path / "ckpt-1")
    assert "restore it whole" in caught.value.hint


def test_tensorflows_partitioned_variables_are_named(tensorflow, tmp_path):
    tf = tensorflow.compat.v1
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("w", [8, 3], partitioner=tf.fixed_size_partitioner(2))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "model.ckpt"), write_meta_graph=False)
    with pytest.raises(ModelError, match="'w' is a partitioned variable"):
        CheckpointReader(tmp_path / "model.ckpt")


@pytest.mark.parametrize("graph", [1.5, [b"a", b"b"], []])
def test_an_object_graph_of_another_kind_is_named(graph, tmp_path):
    array = np.array(graph, object) if isinstance(graph, list) else np.float32(graph)
    number, shape, data, checksum = checkpoint._encoded(array, GRAPH_KEY)
    entry = Entry(number=number, shape=shape, shard=0, offset=0, size=len(data), checksum=checksum)
    (tmp_path / "ckpt-1.index").write_bytes(encode_entries({GRAPH_KEY: entry}))
    (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(data)
    with pytest.raises(ModelError, match="its object graph is not one string"):
        _ = CheckpointReader(tmp_path / "ckpt-1").object_graph


@pytest.mark.parametrize("shape", [(2**61, 0), (2**40, 2**40, 0), (0,) * 33])
@pytest.mark.parametrize("number", [1, 7])
def test_shapes_that_no_array_has_are_named(number, shape, tmp_path):
    """An axis of length 0 makes the size right, whatever the others are."""
    entry = Entry(number=number, shape=shape, shard=0, offset=0, size=0, checksum=0)
    (tmp_path / "ckpt-1.index").write_bytes(encode_entries({"a": entry}))
    (tmp_path / "ckpt-1.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(ModelError, match="no array has the shape"):
        CheckpointReader(tmp_path / "ckpt-1")
