import copy
import errno
import json
import os
import random

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from support.training_fakes import FakeDetector

from fractura.core.errors import DataError, ModelError, UsageError
from fractura.models import weights
from fractura.training.model_folder import remove_partial_files
from fractura.training.optimization import MovingAverage, build_optimizer
from fractura.training.state import (
    FORMAT_VERSION,
    STATE_FILE,
    RunIdentity,
    RunProgress,
    load_state,
    refuse_other_run,
    save_state,
    seed_step,
)

IMAGE = torch.randint(0, 255, (20, 30, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def identity(build, changed=(), **changes):
    values = {
        "settings": build(**dict(changed)).to_dict(),
        "data": "d",
        "val": None,
        "architecture": {"name": "fake"},
        "class_names": ["fracture"],
    }
    return RunIdentity(**{**values, **changes})


def trained(settings, optimizer):
    """Detector, average and optimiser after two steps."""
    torch.manual_seed(1)
    detector = FakeDetector(dropout=0.0).to(memory_format=torch.channels_last)
    average = MovingAverage(detector, 0.9)
    chosen = build_optimizer(settings(optimizer=optimizer), detector)
    for update in (1, 2):
        advance(detector, chosen)
        average.update(detector, update)
    return detector, average, chosen


def advance(detector, optimizer):
    optimizer.zero_grad()
    detector._raw(IMAGE).square().sum().backward()
    optimizer.step()


def save(folder, settings, parts, **changes):
    detector, average, optimizer = parts
    values = {"scaler": None, "progress": RunProgress(step=2), "identity": identity(settings), **changes}
    save_state(folder, model=detector, average=average.module, optimizer=optimizer, **values)


@pytest.mark.parametrize("optimizer", ["momentum", "adamw"])
def test_what_is_restored_goes_on_as_the_original(tmp_path, settings, optimizer):
    parts = trained(settings, optimizer)
    progress = RunProgress(step=2, best={"AP50": 0.5}, best_step=1, validations=[{"step": 1}], dropped_boxes=3)
    save(tmp_path, settings, parts, progress=progress, scaler={"scale": 128.0})
    detector = FakeDetector(dropout=0.0).to(memory_format=torch.channels_last)
    average = MovingAverage(detector, 0.9)
    chosen = build_optimizer(settings(optimizer=optimizer), detector)
    saved = load_state(tmp_path)
    assert saved.header.progress == progress
    assert saved.header.identity == identity(settings)
    assert saved.header.scaler == {"scale": 128.0}
    saved.restore(model=detector, average=average.module, optimizer=chosen)
    advance(parts[0], parts[2])
    advance(detector, chosen)
    for name, value in parts[0].state_dict().items():
        assert torch.equal(detector.state_dict()[name], value), name
    for name, value in parts[1].module.state_dict().items():
        assert torch.equal(average.module.state_dict()[name], value), name


def test_a_write_that_fails_leaves_the_former_state(tmp_path, settings, monkeypatch):
    parts = trained(settings, "adamw")
    save(tmp_path, settings, parts)
    before = (tmp_path / STATE_FILE).read_bytes()

    def full_disk(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(weights, "save_file", full_disk)
    with pytest.raises(DataError, match="No space left"):
        save(tmp_path, settings, parts, progress=RunProgress(step=9))
    assert (tmp_path / STATE_FILE).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [STATE_FILE]


def test_a_killed_write_leaves_the_former_state(tmp_path, settings):
    save(tmp_path, settings, trained(settings, "adamw"))
    (tmp_path / ".training_state.safetensors.partial").write_bytes(b"half a state")
    assert load_state(tmp_path).header.progress.step == 2


def test_on_a_read_only_disk_it_is_the_write_that_fails(tmp_path, monkeypatch):
    """Such a disk refuses to delete what is not there; to clear up is no reason to end."""

    def read_only(path, **_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(os, "unlink", read_only)
    remove_partial_files(tmp_path)


def test_weights_that_share_memory_are_saved(tmp_path, settings):
    detector, average, optimizer = trained(settings, "momentum")
    detector.tied = detector.head.weight
    average.module.tied = average.module.head.weight
    save(tmp_path, settings, (detector, average, optimizer))
    assert load_state(tmp_path).header.progress.step == 2


@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 100])
def test_no_state_or_no_state_of_ours(tmp_path, content):
    if content is not None:
        (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(ModelError):
        load_state(tmp_path)


@pytest.mark.parametrize("damage", [{"format_version": 99}, {"identity": {}}, {"progress": None}])
def test_a_damaged_header_is_refused(tmp_path, damage):
    header = {"format_version": FORMAT_VERSION, "groups": [], "scaler": None, "progress": {}, **damage}
    save_file({}, tmp_path / STATE_FILE, metadata={"fractura_training_state": json.dumps(header)})
    with pytest.raises(ModelError, match=r"format 99|is not a training state"):
        load_state(tmp_path)


def test_another_detector_is_refused(tmp_path, settings):
    save(tmp_path, settings, trained(settings, "adamw"))
    other = FakeDetector(num_classes=4)
    with pytest.raises(ModelError, match="does not fit"):
        load_state(tmp_path).restore(
            model=other, average=copy.deepcopy(other), optimizer=build_optimizer(settings(), other)
        )


def test_a_different_run_is_refused_with_every_difference(tmp_path, settings):
    before = identity(settings, val="v")
    refuse_other_run(before, before, tmp_path)
    changed = identity(settings, {"seed": 9, "batch_size": 8, "num_steps": 70}, data="e")
    with pytest.raises(UsageError) as caught:
        refuse_other_run(before, changed, tmp_path)
    text = str(caught.value)
    assert "seed was 0, is 9" in text
    assert "batch_size was 4, is 8" in text
    assert "images to train on" in text
    assert "images to validate on" in text
    assert "num_steps" not in text


def test_seeds_depend_on_run_step_and_process():
    def draw(*seed):
        seed_step(*seed)
        return float(torch.rand(())), random.random(), float(np.random.rand())

    assert draw(1, 2, 3) == draw(1, 2, 3)
    assert len({draw(*seed) for seed in ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (12, 3, 0), (1, 23, 0))}) == 6
