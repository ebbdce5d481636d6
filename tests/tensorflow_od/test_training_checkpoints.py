"""A run kept as TensorFlow keeps it: ckpt-N, seven of them, and on from the latest."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.pipeline_files import small_config

from fractura.core.errors import ModelError
from fractura.models import build_from_architecture
from fractura.tensorflow_od import training_checkpoints
from fractura.tensorflow_od.checkpoint import CheckpointReader
from fractura.tensorflow_od.checkpoint_state import latest_checkpoint, read_checkpoint_state
from fractura.tensorflow_od.evaluation import new_checkpoints
from fractura.tensorflow_od.pipeline_mapping import detector_settings
from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
from fractura.tensorflow_od.restoring import read_number, restore_averages
from fractura.tensorflow_od.training_checkpoints import TensorFlowCheckpoints, open_latest
from fractura.tensorflow_od.variables import (
    BASE_OPTIMIZER,
    key_of,
    model_paths,
    parameters_by_path,
    slot_key,
    trainable_paths,
)
from fractura.training.state import RunProgress
from fractura.training.store import RunState
from fractura.training.tensorflow_optimizers import TensorFlowAdam, TensorFlowMomentum


@pytest.fixture(scope="module")
def architecture(tmp_path_factory):
    config = read_pipeline_config(small_config(tmp_path_factory.mktemp("config") / "pipeline.config"))
    return detector_settings(config).model_dump(mode="json")


def state_of(detector, folder, step=0, kind=TensorFlowMomentum):
    identity = SimpleNamespace(settings={"batch_size": 2})
    optimizer = kind(detector.parameters(), 0.01)
    average = build_from_architecture(detector.architecture())
    return RunState(
        output=folder,
        detector=detector,
        average=average,
        optimizer=optimizer,
        scaler=None,
        progress=RunProgress(step=step),
        identity=identity,
    )


@pytest.mark.slow
def test_a_run_goes_on_with_weights_velocities_and_numbers(architecture, tmp_path):
    torch.manual_seed(0)
    state = state_of(build_from_architecture(architecture), tmp_path)
    for parameter in state.detector.parameters():
        parameter.grad = torch.randn_like(parameter)
    state.optimizer.step()
    state.progress.step = 30
    first = TensorFlowCheckpoints()
    first.save(state)
    first.save(state)  # the end of a run that was just saved
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checkpoint", "ckpt-1.data-00000-of-00001", "ckpt-1.index",
    ]  # fmt: skip
    assert read_number(open_latest(tmp_path), "step") == 30

    other = state_of(build_from_architecture(architecture), tmp_path)
    second = TensorFlowCheckpoints(latest=open_latest(tmp_path))
    restored = second.restore(other)
    assert (restored.progress.step, restored.progress.images_shown, restored.num_steps) == (30, 60, None)
    theirs = other.detector.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in state.detector.state_dict().items())
    assert all(torch.equal(value, theirs[name]) for name, value in other.average.state_dict().items())
    for ours, its in zip(state.detector.parameters(), other.detector.parameters(), strict=True):
        assert torch.equal(state.optimizer.state[ours]["velocity"], other.optimizer.state[its]["velocity"])
    other.progress.step = 31
    second.save(other)
    assert latest_checkpoint(tmp_path).name == "ckpt-2"

    reader = CheckpointReader(tmp_path / "ckpt-2")
    assert int(reader.read(key_of("step"))) == int(reader.read(key_of("optimizer/iter"))) == 31
    assert int(reader.read(key_of("save_counter"))) == 2
    slots = [key for key in reader.variables if key.endswith(slot_key("", "momentum"))]
    assert len(slots) == len(list(parameters_by_path(other.detector))) == 498
    assert len(reader.variables) == len(model_paths("inception_resnet_v2")) + 498 + 5


@pytest.mark.slow
def test_adam_and_moving_averages_go_on_too(architecture, tmp_path):
    """Keys: official/modeling/optimization/ema_optimizer.py tracks the optimiser that it wraps as base_optimizer."""
    torch.manual_seed(0)
    state = state_of(build_from_architecture(architecture), tmp_path, 30, TensorFlowAdam)
    for parameter in state.detector.parameters():
        parameter.grad = torch.randn_like(parameter)
    state.optimizer.step()
    TensorFlowCheckpoints(averaged=True).save(state)

    other = state_of(build_from_architecture(architecture), tmp_path, kind=TensorFlowAdam)
    TensorFlowCheckpoints(averaged=True, latest=open_latest(tmp_path)).restore(other)
    assert other.optimizer.iterations == 30
    for ours, its in zip(state.detector.parameters(), other.detector.parameters(), strict=True):
        for slot in ("m", "v"):
            assert torch.equal(state.optimizer.state[ours][slot], other.optimizer.state[its][slot])
    for ours, its in zip(state.average.parameters(), other.average.parameters(), strict=True):
        assert torch.equal(ours, its)

    reader = open_latest(tmp_path)
    path, parameter = next(parameters_by_path(state.detector))
    assert {reader.variables[slot_key(path, slot, BASE_OPTIMIZER)].shape for slot in ("m", "v")} == {
        reader.variables[slot_key(path, "average")].shape
    }
    for name, value in {"beta_1": 0.9, "beta_2": 0.999, "decay": 0.0}.items():
        assert reader.read(key_of(f"optimizer/base_optimizer/{name}")) == np.float32(value)
    assert int(reader.read(key_of("optimizer/base_optimizer/iter"))) == 30
    assert len(reader.variables) == len(model_paths("inception_resnet_v2")) + 3 * 498 + 6

    restore_averages(other.detector, reader, trainable_paths(other.detector))
    for ours, its in zip(state.average.parameters(), other.detector.parameters(), strict=True):
        assert torch.equal(ours, its)


def test_seven_are_kept(tmp_path, monkeypatch):
    """The files alone: no detector is needed to count to nine."""
    store = TensorFlowCheckpoints()
    monkeypatch.setattr(store, "_variables", lambda state, step: {key_of("step"): np.int64(step)})
    for step in range(12):
        store.save(SimpleNamespace(output=tmp_path, detector=None, progress=RunProgress(step=step)))
    numbers = sorted(int(path.name.split("-")[1].split(".")[0]) for path in tmp_path.glob("*.index"))
    assert numbers == list(range(6, 13))
    assert len(list(tmp_path.glob("*.data-*"))) == 7
    text = (tmp_path / "checkpoint").read_text(encoding="utf-8")
    assert text.splitlines()[0] == 'model_checkpoint_path: "ckpt-12"'
    assert text.count("all_model_checkpoint_paths") == 7


@pytest.mark.parametrize("saved", [1, 8])
def test_killed_before_a_checkpoint_is_listed_no_earlier_one_is_forgotten(tmp_path, monkeypatch, saved):
    def started(latest, counter):
        store = TensorFlowCheckpoints(latest=latest)
        store._counter = counter
        monkeypatch.setattr(store, "_variables", lambda state, step: {key_of("step"): np.int64(step)})
        return store

    def save(store, step):
        store.save(SimpleNamespace(output=tmp_path, detector=None, progress=RunProgress(step=step)))

    def dies(*_):
        raise KeyboardInterrupt

    first = started(None, 0)
    for step in range(saved - 1):
        save(first, step)
    monkeypatch.setattr(training_checkpoints, "write_checkpoint_state", dies)
    with pytest.raises(KeyboardInterrupt):
        save(first, saved - 1)
    monkeypatch.undo()
    latest = open_latest(tmp_path)
    second = started(latest, read_number(latest, "step") + 1)
    for step in range(read_number(latest, "step") + 1, 9):
        save(second, step)
    listed = [path.name for path in read_checkpoint_state(tmp_path)]
    assert listed == [f"ckpt-{number}" for number in range(3, 10)]
    assert sorted(path.stem for path in tmp_path.glob("*.index")) == listed


def test_an_exported_checkpoint_is_no_state_to_go_on_from(architecture, tmp_path):
    from fractura.tensorflow_od.checkpoint import write_checkpoint
    from fractura.tensorflow_od.variables import model_variables

    detector = build_from_architecture(architecture)
    write_checkpoint(tmp_path / "ckpt-0", model_variables(detector))
    with pytest.raises(ModelError, match="at which step") as caught:
        TensorFlowCheckpoints(latest=open_latest(tmp_path)).restore(state_of(detector, tmp_path))
    assert "fine_tune_checkpoint" in caught.value.hint


def test_a_checkpoint_without_moving_averages_has_none_to_evaluate(architecture, tmp_path):
    from fractura.tensorflow_od.checkpoint import write_checkpoint
    from fractura.tensorflow_od.variables import model_variables

    detector = build_from_architecture(architecture)
    write_checkpoint(tmp_path / "ckpt-0", model_variables(detector))
    with pytest.raises(ModelError, match="no moving average"):
        restore_averages(detector, CheckpointReader(tmp_path / "ckpt-0"), trainable_paths(detector))


def test_evaluation_waits_for_checkpoints(tmp_path):
    """A clock that only sleeping moves on; a checkpoint appears at 0, 40 and 45 seconds, none afterwards."""
    from fractura.tensorflow_od.checkpoint import write_checkpoint
    from fractura.tensorflow_od.checkpoint_state import write_checkpoint_state

    now = [0.0]

    def appear(number):
        prefix = tmp_path / f"ckpt-{number}"
        write_checkpoint(prefix, {key_of("step"): np.int64(number)})
        write_checkpoint_state(tmp_path, [prefix])

    def sleep(seconds):
        for number, moment in ((1, 0), (2, 40), (3, 45)):
            if now[0] <= moment < now[0] + seconds:
                appear(number)
        now[0] += seconds

    said = []
    found = [
        (prefix.name, now[0])
        for prefix in new_checkpoints(
            tmp_path, timeout=100, interval=30, say=said.append, clock=lambda: now[0], sleep=sleep
        )
    ]
    assert found == [("ckpt-1", 1), ("ckpt-2", 41), ("ckpt-3", 71)]
    assert now[0] == 71 + 30 + 100
    assert "no new checkpoint" in said[-1]
