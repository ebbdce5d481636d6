import copy

import numpy as np
import pytest
import torch
from torch import nn

from fractura.training.optimization import (
    TensorFlowMomentum,
    build_optimizer,
    clip_by_global_norm,
    set_learning_rate,
)


def test_momentum_is_the_hand_formula_with_a_changing_learning_rate():
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((3, 4))
    parameter = nn.Parameter(torch.tensor(weight))
    optimizer = TensorFlowMomentum([parameter], lr=1.0, momentum=0.9)
    velocity = np.zeros_like(weight)
    for rate in (0.1, 0.5, 0.02, 0.0, 0.3):
        gradient = generator.standard_normal((3, 4))
        velocity = 0.9 * velocity - rate * gradient
        weight = weight + velocity
        set_learning_rate(optimizer, rate)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(parameter.detach().numpy(), weight, rtol=1e-12)


def test_momentum_differs_from_torch_where_the_rate_changes():
    ours, theirs = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    first, second = TensorFlowMomentum([ours], 0.1, 0.9), torch.optim.SGD([theirs], 0.1, 0.9)
    for rate in (0.1, 0.01):
        for optimizer, parameter in ((first, ours), (second, theirs)):
            set_learning_rate(optimizer, rate)
            parameter.grad = torch.ones(2)
            optimizer.step()
    assert not torch.allclose(ours, theirs)


def test_parameters_without_gradient_stay():
    moved, still = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = TensorFlowMomentum([moved, still], 0.1)
    moved.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(still, torch.ones(2))
    assert not torch.equal(moved, torch.ones(2))


def test_momentum_state_survives_saving():
    parameter = nn.Parameter(torch.ones(2))
    optimizer = TensorFlowMomentum([parameter], 0.1)
    parameter.grad = torch.ones(2)
    optimizer.step()
    other_parameter = nn.Parameter(parameter.detach().clone())
    other = TensorFlowMomentum([other_parameter], 0.1)
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    parameter.grad = other_parameter.grad = torch.tensor([0.5, -1])
    optimizer.step()
    other.step()
    assert torch.equal(parameter, other_parameter)


def test_adamw_decays_neither_norms_nor_biases(settings):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    optimizer = build_optimizer(settings(optimizer="adamw", weight_decay=0.3), model)
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert decay == {
        id(model[0].weight): 0.3,
        id(model[0].bias): 0.0,
        id(model[1].weight): 0.0,
        id(model[1].bias): 0.0,
    }


def test_frozen_parameters_are_left_out(settings):
    model = nn.Linear(2, 2).requires_grad_(False)
    model.bias.requires_grad_(True)
    optimizer = build_optimizer(settings(optimizer="momentum"), model)
    assert [p for group in optimizer.param_groups for p in group["params"]] == [model.bias]


@pytest.mark.parametrize(("longest", "expected"), [(0, 5.0), (10, 5.0), (5, 5.0), (1, 1.0)])
def test_clipping_by_the_joint_length(longest, expected):
    first, second, third = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    first.grad, second.grad = torch.tensor([3.0]), torch.tensor([-4.0])
    assert clip_by_global_norm([first, second, third], longest) == 5.0
    assert torch.hypot(first.grad, second.grad).item() == pytest.approx(expected)
    assert first.grad / second.grad == pytest.approx(-0.75)


def test_clipping_leaves_what_is_not_finite():
    parameter = nn.Parameter(torch.zeros(2))
    parameter.grad = torch.tensor([float("inf"), 1.0])
    assert not torch.isfinite(clip_by_global_norm([parameter], 1))
    assert parameter.grad[1] == 1
