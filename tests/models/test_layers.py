"""TensorFlow's SAME padding by its formula, and batch norm in its three lives: folded, frozen, learning."""

import math
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from fractura.models.layers import BatchNorm, ConvNorm, fold_norms, identity, max_pool_same, pad_same, same_padding


@given(st.integers(1, 60), st.integers(1, 9), st.integers(1, 4))
def test_same_padding_gives_ceil_cells_and_the_odd_one_after(size, kernel, stride):
    before, after = same_padding(size, kernel, stride)
    cells = math.ceil(size / stride)
    total = max((cells - 1) * stride + kernel - size, 0)
    assert (before, after) == (total // 2, total - total // 2)
    assert (size + before + after - kernel) // stride + 1 == cells
    assert 0 <= after - before <= 1


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 2, (1, 2)), (5, 3, 1, (1, 1)), (4, 1, 2, (0, 0)), (3, 2, 1, (0, 1))],
)
def test_same_padding_by_hand(size, kernel, stride, expected):
    assert same_padding(size, kernel, stride) == expected


def test_each_axis_is_padded_by_its_own_size_and_kernel():
    x = torch.ones(1, 1, 8, 7)
    padded = pad_same(x, (3, 5), 2)
    assert padded.shape == (1, 1, 9, 11)
    assert padded[0, 0, :, 0].sum() == 0
    assert padded[0, 0, 0].tolist() == [0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0]
    assert padded[0, 0, 8].sum() == 0
    assert pad_same(x, (1, 1), 1) is x


def test_padding_never_wins_a_maximum():
    x = torch.full((1, 1, 4, 5), -3.0)
    assert torch.equal(max_pool_same(x, 3, 2), torch.full((1, 1, 2, 3), -3.0))


def naive_convolution(x, weight, stride):
    """SAME convolution of ``(h, w)`` by one ``(k, k)`` kernel, a window at a time."""
    (top, bottom), (left, right) = (same_padding(n, weight.shape[0], stride) for n in x.shape)
    padded = np.pad(x, ((top, bottom), (left, right)))
    rows, columns = -(-x.shape[0] // stride), -(-x.shape[1] // stride)
    side = weight.shape[0]
    return np.array(
        [
            [
                (padded[r * stride : r * stride + side, c * stride : c * stride + side] * weight).sum()
                for c in range(columns)
            ]
            for r in range(rows)
        ]
    )


def norm(*, trainable, scaled=True, momentum=0.9):
    return partial(BatchNorm, momentum=momentum, epsilon=1e-3, scaled=scaled, trainable=trainable)


@pytest.mark.parametrize("size", [(8, 7), (9, 12), (1, 1)])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 2), (1, 2)])
def test_a_convolution_has_tensorflows_windows(size, kernel, stride):
    layer = ConvNorm(1, 1, kernel, stride, activation=identity, norm=norm(trainable=False)).double()
    x = torch.randn(size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = naive_convolution(x.numpy(), layer.weight.detach().numpy()[0, 0], stride) / math.sqrt(1 + 1e-3)
    assert np.abs(layer(x[None, None]).detach().numpy()[0, 0] - expected).max() < 1e-12


def filled(layer):
    """``layer`` with weights and statistics that are not the neutral ones."""
    generator = torch.Generator().manual_seed(1)
    for value in (*layer.parameters(), layer.bn.running_mean):
        value.data = torch.randn(value.shape, dtype=value.dtype, generator=generator)
    layer.bn.running_var.data = torch.rand(layer.bn.running_var.shape, dtype=torch.float64, generator=generator) + 0.2
    return layer


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize(("trainable", "training"), [(False, True), (False, False), (True, False)])
def test_folded_frozen_norm_is_batch_norm(scaled, groups, trainable, training):
    layer = filled(
        ConvNorm(
            4, 8, (3, 1), groups=groups, activation=F.relu6, norm=norm(trainable=trainable, scaled=scaled)
        ).double()
    ).train(training)
    x = torch.randn(2, 4, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    before = layer.bn.running_mean.clone(), layer.bn.running_var.clone()
    plain = F.conv2d(x, layer.weight, padding=(1, 0), groups=groups)
    bn = layer.bn
    expected = F.relu6(F.batch_norm(plain, bn.running_mean, bn.running_var, bn.weight, bn.bias, False, 0.0, 1e-3))
    assert (layer(x) - expected).abs().max() < 1e-12
    assert torch.equal(bn.running_mean, before[0])
    assert torch.equal(bn.running_var, before[1])
    layer(x).sum().backward()
    learning = {name for name, value in layer.named_parameters() if value.grad is not None}
    assert learning == {"weight", "bn.bias"} | ({"bn.weight"} if scaled else set()), "beta learns when frozen, too"


@pytest.mark.parametrize("scaled", [True, False])
def test_a_network_with_its_norms_folded_once_is_the_same_network(scaled):
    conv = ConvNorm(3, 5, 3, activation=F.relu, norm=norm(trainable=True, scaled=scaled)).double()
    network = torch.nn.Sequential(filled(conv), torch.nn.Conv2d(5, 2, 1).double()).eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    folded = fold_norms(network)
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert torch.equal(folded(x), network(x))
    assert {name for name, _ in folded.named_parameters()} == {"0.weight", "0.bn.bias", "1.weight", "1.bias"}
    assert folded[1].weight is network[1].weight, "what is not folded is not copied"
    assert network.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("scaled", [True, False])
def test_a_learning_norm_uses_the_batch_and_updates_its_statistics(scaled):
    layer = filled(ConvNorm(3, 5, 3, activation=identity, norm=norm(trainable=True, scaled=scaled)).double()).train()
    x = torch.randn(4, 3, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    mean, variance = layer.bn.running_mean.clone(), layer.bn.running_var.clone()
    plain = F.conv2d(x, layer.weight, padding=1)
    batch_mean = plain.mean((0, 2, 3))
    gain = layer.bn.weight if scaled else torch.ones(5, dtype=torch.float64)
    normal = (plain - batch_mean[:, None, None]) / (plain.var((0, 2, 3), correction=0) + 1e-3).sqrt()[:, None, None]
    expected = normal * gain[:, None, None] + layer.bn.bias[:, None, None]
    assert (layer(x) - expected).abs().max() < 1e-10
    # Old statistics keep their share ``momentum`` (TensorFlow's meaning of the word, not PyTorch's).
    assert torch.allclose(layer.bn.running_mean, 0.9 * mean + 0.1 * batch_mean, atol=1e-12)
    assert torch.allclose(layer.bn.running_var, 0.9 * variance + 0.1 * plain.var((0, 2, 3)), atol=1e-12)


def test_statistics_are_saved_with_the_weights_and_gamma_only_where_there_is_one():
    names = set(ConvNorm(1, 1, 1, activation=identity, norm=norm(trainable=True, scaled=False)).state_dict())
    assert names == {"weight", "bn.bias", "bn.running_mean", "bn.running_var"}
