"""What is there instead of a checkpoint is named: models of TensorFlow 1, archives, SavedModels, the zoo's folders."""

import pytest

from fractura.core.errors import ModelError, UsageError
from fractura.tensorflow_od import model_main_tf2
from fractura.tensorflow_od.checkpoint import checkpoint_prefix
from fractura.tensorflow_od.checkpoint_folder import refuse_as_checkpoint_dir, refuse_as_model_dir
from fractura.tensorflow_od.checkpoint_state import latest_checkpoint, write_checkpoint_state

TENSORFLOW_1 = ("checkpoint", "frozen_inference_graph.pb", "model.ckpt.meta", "model.ckpt.index")
ZOO = ("checkpoint/ckpt-0.index", "pipeline.config", "saved_model/saved_model.pb")


def folder_with(place, names):
    for name in names:
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    return place


@pytest.mark.parametrize(
    ("names", "given", "problem", "hint"),
    [
        ((), "", "contains no checkpoint", "ending in ckpt-0"),
        ((), "ckpt-3", "there is no such checkpoint", "ends in ckpt-0"),
        (("ckpt-4.index",), "ckpt-3", "there is no such checkpoint", "contains: ckpt-4"),
        (ZOO, "", "in a folder of its own", "checkpoint/ckpt-0"),
        (("saved_model/saved_model.pb",), "", "a SavedModel and no checkpoint", "fractura detect"),
        (("saved_model.pb",), "", "a SavedModel and no checkpoint", "fractura detect"),
        (TENSORFLOW_1, "", "TensorFlow 1 (model.ckpt.meta)", "fractura fetch zoo:"),
        (("frozen_inference_graph.pb",), "", "TensorFlow 1 (frozen_inference_graph.pb)", "fractura fetch zoo:"),
        (TENSORFLOW_1, "model.ckpt", "TensorFlow 1 (model.ckpt.meta)", "fractura fetch zoo:"),
        (TENSORFLOW_1, "model.ckpt.meta", "TensorFlow 1 (model.ckpt.meta)", "fractura fetch zoo:"),
        (TENSORFLOW_1, "model.ckpt.index", "TensorFlow 1 (model.ckpt.meta)", "fractura fetch zoo:"),
        (TENSORFLOW_1, "frozen_inference_graph.pb", "TensorFlow 1 (frozen_inference_graph.pb)", "fractura fetch zoo:"),
        (("model.ckpt-900.meta", "model.ckpt-900.index"), "", "TensorFlow 1 (model.ckpt-900.meta)", "zoo:"),
        (("frozen_inference_graph.pb",), "ckpt-0", "TensorFlow 1 (frozen_inference_graph.pb)", "fractura fetch zoo:"),
        (("model_coco17_tpu-8.tar.gz",), "model_coco17_tpu-8.tar.gz", "is packed", "unpack it"),
        (("weights.h5",), "weights.h5", "is a file of Keras", "ckpt-0"),
        (("model.tflite",), "model.tflite", "a model of TensorFlow Lite", "ckpt-0"),
    ],
)
def test_what_is_there_instead_of_a_checkpoint(tmp_path, names, given, problem, hint):
    place = folder_with(tmp_path / "model", names)
    place.mkdir(exist_ok=True)
    with pytest.raises(ModelError) as caught:
        checkpoint_prefix(place / given)
    assert problem in caught.value.problem
    assert hint in caught.value.hint


def test_a_latest_checkpoint_that_does_not_exist_stops(tmp_path):
    """TensorFlow takes none then; to take an older one would go on from other weights than the file says."""
    write_checkpoint_state(tmp_path, [tmp_path / "ckpt-1", tmp_path / "ckpt-20", tmp_path / "ckpt-21"])
    (tmp_path / "ckpt-1.index").touch()
    with pytest.raises(ModelError) as caught:
        checkpoint_prefix(tmp_path)
    assert caught.value.problem == "the latest checkpoint is ckpt-21, which does not exist"
    assert "there is ckpt-1" in caught.value.hint


def test_older_checkpoints_may_be_gone(tmp_path):
    prefixes = [tmp_path / "ckpt-7", tmp_path / "ckpt-8"]
    write_checkpoint_state(tmp_path, prefixes)
    (tmp_path / "ckpt-8.index").touch()
    assert latest_checkpoint(tmp_path) == tmp_path / "ckpt-8"
    (tmp_path / "ckpt-8.index").rename(tmp_path / "ckpt-7.index")
    with pytest.raises(ModelError, match="ckpt-8, which does not exist"):
        latest_checkpoint(tmp_path)


@pytest.mark.parametrize(
    ("check", "names", "problem", "hint"),
    [
        (refuse_as_model_dir, ZOO, "from the zoo or the exporter", "checkpoint/ckpt-0'"),
        (refuse_as_model_dir, TENSORFLOW_1[1:], "a folder of TensorFlow 1", "new folder"),
        (refuse_as_checkpoint_dir, None, "does not exist", "--model_dir of a training"),
        (refuse_as_checkpoint_dir, ZOO, "in a folder of its own", "model/checkpoint"),
        (refuse_as_checkpoint_dir, TENSORFLOW_1, "a folder of TensorFlow 1", "--model_dir of a training"),
    ],
)
def test_folders_that_the_commands_refuse(tmp_path, check, names, problem, hint):
    place = folder_with(tmp_path / "model", names or ())
    with pytest.raises(UsageError) as caught:
        check(place)
    assert problem in caught.value.problem
    assert hint in caught.value.hint


@pytest.mark.parametrize("names", [("pipeline.config",), ("checkpoint", "ckpt-1.index", "train/events")])
def test_folders_that_the_commands_take(tmp_path, names):
    place = folder_with(tmp_path / "model", names)
    refuse_as_model_dir(place)
    refuse_as_checkpoint_dir(place)


def test_a_missing_folder_of_checkpoints_fails_before_anything_is_read(tmp_path, capsys):
    words = ["--pipeline_config_path", str(tmp_path / "none"), "--model_dir", str(tmp_path)]
    assert model_main_tf2.main([*words, "--checkpoint_dir", str(tmp_path / "gone")]) == 2
    assert "gone does not exist" in capsys.readouterr().err
