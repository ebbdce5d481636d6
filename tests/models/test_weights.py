"""Weights of another model are taken over where they fit, or not at all."""

from pathlib import Path

import pytest
import torch
from torch import nn

from fractura.core.errors import ModelError
from fractura.models.weights import load_matching_weights

FILE = Path("other.safetensors")


def network(classes=2):
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, classes, bias=False))


def load(module, found, **options):
    return load_matching_weights(module, found, file=FILE, hint="take another", **options)


@pytest.mark.parametrize(
    ("change", "wanted", "taken", "unused", "fresh"),
    [
        ({}, None, 3, 0, ()),
        ({"other.weight": torch.ones(9)}, None, 3, 1, ()),
        ({"1.weight": torch.ones(7, 4)}, None, 2, 1, ("1.weight",)),
        ({}, ["0.weight", "0.bias"], 2, 1, ("1.weight",)),
    ],
)
def test_what_fits_and_is_wanted_is_taken(change, wanted, taken, unused, fresh):
    source, module = network(), network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    found = {**source.state_dict(), **change}
    loaded = load(module, found, wanted=wanted)
    assert (loaded.taken, loaded.unused, loaded.fresh) == (taken, unused, fresh)
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name] if name in fresh else found[name]), name


def test_another_network_changes_nothing_and_the_share_counts_wanted_weights_only():
    module = network()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    half = {"1.weight": torch.ones(2, 4)}
    with pytest.raises(
        ModelError, match=r"only 29% of the detector's weights; the first missing one is 0.weight"
    ) as caught:
        load(module, half)
    assert caught.value.file == str(FILE)
    assert caught.value.hint == "take another"
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert load(module, half, wanted=["1.weight"]).taken == 1


def test_many_fresh_names_are_shortened():
    module = nn.Sequential(*(nn.Linear(2, 2) for _ in range(4)))
    loaded = load(
        module, {f"{n}.{part}": torch.ones(shape) for n in (0, 1) for part, shape in (("weight", (2, 2)), ("bias", 2))}
    )
    assert str(loaded) == "4 tensors taken, 0 not used, 4 left fresh: 2.weight, 2.bias, 3.weight, 3.bias"
    more = nn.Sequential(*(nn.Linear(2, 2) for _ in range(5)))
    found = {name: value for name, value in more.state_dict().items() if int(name[0]) < 3 and name != "2.bias"}
    assert str(load(more, found)).endswith("5 left fresh: 2.bias, 3.weight, 3.bias, 4.weight, …")
