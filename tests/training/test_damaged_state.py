"""Training states that are not whole: each is refused when it is read, not in the step after."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fractura.core.errors import ModelError
from fractura.training.settings import TrainSettings
from fractura.training.state import STATE_FILE, RunIdentity, RunProgress
from fractura.training.store import STATE_FOLDER, RunState, StateStore

KEY = "fractura_training_state"


def run_in(folder):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return RunState(
        output=folder,
        detector=model,
        average=nn.Linear(2, 1),
        optimizer=optimizer,
        scaler=torch.amp.GradScaler("cpu"),
        progress=RunProgress(),
        identity=RunIdentity(
            settings=TrainSettings.create({"data": "d", "output": "o", "model": "m"}).to_dict(),
            data="f",
            val=None,
            architecture={"name": "m"},
            class_names=["a"],
        ),
    )


def damaged(folder, change):
    """Change the tensors and the header of the state in ``folder``."""
    path = folder / STATE_FOLDER / STATE_FILE
    StateStore().save(run_in(folder))
    with path.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
    document, tensors = json.loads(header["__metadata__"][KEY]), load_file(path)
    change(tensors, document)
    save_file(tensors, path, metadata={KEY: json.dumps(document)})


def renamed(before, after):
    return lambda tensors, _: tensors.update({after: tensors.pop(before)})


def shaped(name, value):
    return lambda tensors, _: tensors.update({name: value})


def grouped(**changes):
    return lambda _, document: document["groups"][0].update(changes)


DAMAGE = {
    "a tensor of nothing": renamed("model/weight", "weight"),
    "a tensor of something else": renamed("model/weight", "other/weight"),
    "a tensor that is missing": renamed("average/bias", "average/x"),
    "another shape": shaped("model/weight", torch.zeros(3, 3)),
    "a parameter without a number": renamed("optimizer/0/exp_avg", "optimizer/x/exp_avg"),
    "a parameter that there is not": renamed("optimizer/0/exp_avg", "optimizer/7/exp_avg"),
    "a negative parameter": renamed("optimizer/0/exp_avg", "optimizer/-1/exp_avg"),
    "an average that is missing": lambda tensors, _: tensors.pop("optimizer/0/exp_avg_sq"),
    "an average of another shape": shaped("optimizer/1/exp_avg", torch.zeros(5)),
    "a step that is a list": shaped("optimizer/1/step", torch.ones(1)),
    "whole numbers": shaped("optimizer/0/exp_avg", torch.zeros(1, 2, dtype=torch.int64)),
    "no groups": lambda _, document: document.update(groups=[]),
    "a rate that is a word": grouped(lr="fast"),
    "a rate without end": grouped(lr=1e999),
    "betas of another number": grouped(betas=[0.9]),
    "parameters of another number": grouped(params=[0]),
    "a flag that is a number": grouped(amsgrad=5),
    "a scaler without its scale": lambda _, document: document.update(scaler={"growth_factor": 2}),
    "no progress": lambda _, document: document.pop("progress"),
    "a step that is a word": lambda _, document: document["progress"].update(step="x"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_each_kind_is_refused(kind, tmp_path):
    damaged(tmp_path, DAMAGE[kind])
    with pytest.raises(ModelError):
        StateStore().restore(run_in(tmp_path))


def test_an_older_torch_may_know_fewer_settings(tmp_path):
    damaged(tmp_path, lambda _, document: document["groups"][0].pop("foreach"))
    state = run_in(tmp_path)
    assert StateStore().restore(state).num_steps == 1000
    assert state.optimizer.param_groups[0]["foreach"] is None
    state.optimizer.step()
