"""The file ``checkpoint``: which checkpoints there are and which is the latest."""

import pytest

from fractura.core.errors import ModelError
from fractura.tensorflow_od.checkpoint_state import latest_checkpoint, read_checkpoint_state, write_checkpoint_state


def make(folder, *names):
    for name in names:
        (folder / f"{name}.index").touch()
    return [folder / name for name in names]


def test_written_and_read(tmp_path):
    prefixes = make(tmp_path, "ckpt-1", "ckpt-2", "ckpt-10")
    write_checkpoint_state(tmp_path, prefixes)
    assert (tmp_path / "checkpoint").read_text(encoding="utf-8").splitlines() == [
        'model_checkpoint_path: "ckpt-10"',
        'all_model_checkpoint_paths: "ckpt-1"',
        'all_model_checkpoint_paths: "ckpt-2"',
        'all_model_checkpoint_paths: "ckpt-10"',
    ]
    assert read_checkpoint_state(tmp_path) == prefixes
    assert latest_checkpoint(tmp_path) == tmp_path / "ckpt-10"
    with pytest.raises(ValueError, match="no checkpoint"):
        write_checkpoint_state(tmp_path, [])


def test_without_the_file_numbers_count(tmp_path):
    assert latest_checkpoint(tmp_path) is None
    make(tmp_path, "ckpt-2", "ckpt-10", "ckpt-x")
    assert latest_checkpoint(tmp_path) == tmp_path / "ckpt-10"
    assert read_checkpoint_state(tmp_path) == []


def test_a_folder_that_was_moved_and_checkpoints_that_are_gone(tmp_path):
    make(tmp_path, "ckpt-4")
    text = 'model_checkpoint_path: "/old/place/ckpt-4"\nall_model_checkpoint_paths: "/old/place/ckpt-3"\n'
    (tmp_path / "checkpoint").write_text(text + "all_model_checkpoint_timestamps: 1.5\n", encoding="utf-8")
    assert read_checkpoint_state(tmp_path) == [tmp_path / "ckpt-4"]
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "C:\\\\old\\\\ckpt-4"\n', encoding="utf-8")
    assert latest_checkpoint(tmp_path) == tmp_path / "ckpt-4"


def test_a_broken_file(tmp_path):
    (tmp_path / "checkpoint").write_text("model_checkpoint_path", encoding="utf-8")
    with pytest.raises(ModelError, match="line 1"):
        latest_checkpoint(tmp_path)


def test_tensorflow_agrees(tensorflow, tmp_path):
    write_checkpoint_state(tmp_path, make(tmp_path, "ckpt-7", "ckpt-8"))
    assert tensorflow.train.get_checkpoint_state(str(tmp_path)).all_model_checkpoint_paths[:] == [
        str(tmp_path / "ckpt-7"),
        str(tmp_path / "ckpt-8"),
    ]
