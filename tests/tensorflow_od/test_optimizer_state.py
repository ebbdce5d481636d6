"""The state of an optimiser goes to TensorFlow and back bit for bit, slots included."""

import numpy as np
import pytest

from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.variables import key_of, slot_key

OPTIMIZERS = {
    "momentum": (("momentum",), lambda v1: v1.MomentumOptimizer(0.1, 0.9)),
    "adam": (("m", "v"), lambda v1: v1.AdamOptimizer(0.1)),
    "rms_prop": (("rms", "momentum"), lambda v1: v1.RMSPropOptimizer(0.1, momentum=0.9)),
}
"""Names of the slots, and an optimiser of TensorFlow's that has them (Keras's of the reference are gone from it)."""


def values(slots):
    random = np.random.default_rng(1)
    return {
        **{
            key_of(path): random.normal(size=(3, 2)).astype(np.float32) for path in ("model/head/kernel", "model/other")
        },
        **{
            slot_key(path, slot): random.normal(size=(3, 2)).astype(np.float32)
            for path in ("model/head/kernel", "model/other")
            for slot in slots
        },
        key_of("step"): np.int64(70),
        key_of("save_counter"): np.int64(3),
    }


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_tensorflow_restores_the_slots(tensorflow, tmp_path, name):
    tf = tensorflow
    slots, make = OPTIMIZERS[name]
    written = values(slots)
    write_checkpoint(tmp_path / "ckpt-3", written)
    kernel, other = tf.Variable(tf.zeros((3, 2))), tf.Variable(tf.zeros((3, 2)))
    model = tf.train.Checkpoint(head=tf.train.Checkpoint(kernel=kernel), other=other)
    optimizer, step = make(tf.compat.v1.train), tf.Variable(0, dtype=tf.int64)
    root = tf.train.Checkpoint(model=model, optimizer=optimizer, step=step)
    root.restore(str(tmp_path / "ckpt-3"))
    optimizer._create_slots([kernel, other])  # as its first step does
    assert int(step) == 70
    for path, variable in (("model/head/kernel", kernel), ("model/other", other)):
        assert np.array_equal(variable.numpy(), written[key_of(path)])
        for slot in slots:
            restored = optimizer.get_slot(variable, slot).numpy()
            assert np.array_equal(restored, written[slot_key(path, slot)]), (path, slot)

    back = CheckpointReader(root.save(str(tmp_path / "theirs" / "ckpt")))
    for key, value in written.items():
        if key != key_of("save_counter"):
            assert np.array_equal(back.read(key), value), key
