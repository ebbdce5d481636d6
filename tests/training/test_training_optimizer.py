import copy

import numpy as np
import pytest
import torch
from torch import nn

from fractura.training.optimization import build_optimizer, clip_by_global_norm, set_learning_rate
from fractura.training.tensorflow_optimizers import TensorFlowAdam, TensorFlowMomentum, TensorFlowRMSProp


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


RATES = (0.1, 0.5, 0.02, 0.0, 0.3)


def adam_by_hand(epsilon):
    m = v = 0.0
    for step, rate in enumerate(RATES, 1):
        gradient = yield
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        yield -rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (np.sqrt(v) + epsilon)


def rms_prop_by_hand(momentum, decay, epsilon):
    rms = moved = 0.0
    for done, rate in enumerate(RATES):
        gradient = yield
        rms = 0.9 * rms + 0.1 * gradient**2
        rate = rate / (1 + decay * done)
        if momentum:
            moved = momentum * moved + rate * gradient / np.sqrt(rms + epsilon)
        else:
            moved = rate * gradient / (np.sqrt(rms) + epsilon)
        yield -moved


@pytest.mark.parametrize(
    ("make", "by_hand"),
    [
        (lambda p: TensorFlowAdam(p, 1.0), lambda: adam_by_hand(1e-8)),
        (lambda p: TensorFlowAdam(p, 1.0, epsilon=0.1), lambda: adam_by_hand(0.1)),
        (lambda p: TensorFlowAdam(p, 1.0, epsilon=0.0), lambda: adam_by_hand(1e-7)),
        (lambda p: TensorFlowRMSProp(p, 1.0), lambda: rms_prop_by_hand(0.9, 0.9, 1.0)),
        (lambda p: TensorFlowRMSProp(p, 1.0, decay=0.0, epsilon=0.01), lambda: rms_prop_by_hand(0.9, 0.0, 0.01)),
        (lambda p: TensorFlowRMSProp(p, 1.0, momentum=0.0), lambda: rms_prop_by_hand(0.0, 0.9, 1.0)),
        (lambda p: TensorFlowRMSProp(p, 1.0, 0.5, 0.1, epsilon=0.0), lambda: rms_prop_by_hand(0.5, 0.1, 1e-7)),
    ],
)
def test_adam_and_rms_prop_are_the_hand_formulas(make, by_hand):
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((3, 4))
    parameter = nn.Parameter(torch.tensor(weight))
    optimizer, formula = make([parameter]), by_hand()
    for rate in RATES:
        gradient = generator.standard_normal((3, 4))
        next(formula)
        weight = weight + formula.send(gradient)
        set_learning_rate(optimizer, rate)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(parameter.detach().numpy(), weight, rtol=1e-12)
    assert optimizer.iterations == len(RATES)


def adam_of_tensorflow(tensorflow, variable, slots, gradient, rate, step):
    tensorflow.raw_ops.ResourceApplyAdam(
        var=variable.handle, m=slots["m"].handle, v=slots["v"].handle, lr=rate, beta1=0.9, beta2=0.999, epsilon=1e-8,
        beta1_power=np.float32(0.9**step), beta2_power=np.float32(0.999**step), grad=gradient,
    )  # fmt: skip


def rms_prop_of_tensorflow(tensorflow, variable, slots, gradient, rate, step):
    tensorflow.raw_ops.ResourceApplyRMSProp(
        var=variable.handle, ms=slots["rms"].handle, mom=slots["momentum"].handle, rho=0.9, momentum=0.9, epsilon=1.0,
        lr=np.float32(rate / (1 + 0.9 * (step - 1))), grad=gradient,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "theirs"), [(TensorFlowAdam, adam_of_tensorflow), (TensorFlowRMSProp, rms_prop_of_tensorflow)]
)
def test_steps_are_those_of_the_kernels_that_keras_calls(tensorflow, make, theirs):
    """keras 2.9 optimizer_v2/adam.py:163-174 and rmsprop.py:194-203 with what optimizer_builder.py gives them."""
    generator = np.random.default_rng(1)
    start = generator.standard_normal((5, 7)).astype(np.float32)
    parameter, variable = nn.Parameter(torch.tensor(start)), tensorflow.Variable(start)
    optimizer = make([parameter], 1.0)
    slots = {name: tensorflow.Variable(np.zeros_like(start)) for name in optimizer.slots.values()}
    for step in range(1, 21):
        rate, gradient = np.float32(0.1 / step), generator.standard_normal((5, 7)).astype(np.float32)
        set_learning_rate(optimizer, float(rate))
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        theirs(tensorflow, variable, slots, gradient, rate, step)
        np.testing.assert_allclose(parameter.detach().numpy(), variable.numpy(), rtol=1e-5, atol=1e-6)
    for ours, name in optimizer.slots.items():
        np.testing.assert_allclose(optimizer.slot(parameter, ours).numpy(), slots[name].numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_adam_is_that_of_keras(tensorflow):
    generator = np.random.default_rng(2)
    start = generator.standard_normal(9).astype(np.float32)
    parameter, variable = nn.Parameter(torch.tensor(start)), tensorflow.Variable(start)
    ours, theirs = TensorFlowAdam([parameter], 0.05), tensorflow.keras.optimizers.Adam(0.05, epsilon=1e-8)
    for _ in range(20):
        gradient = generator.standard_normal(9).astype(np.float32)
        parameter.grad = torch.tensor(gradient)
        ours.step()
        theirs.apply_gradients([(tensorflow.constant(gradient), variable)])
    np.testing.assert_allclose(parameter.detach().numpy(), variable.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"), [("momentum", TensorFlowMomentum), ("adam", TensorFlowAdam), ("rms_prop", TensorFlowRMSProp)]
)
def test_settings_name_the_optimiser_and_its_numbers(settings, name, kind):
    chosen = settings(optimizer=name, epsilon=0.25, rms_prop_decay=0.5, momentum_optimizer_value=0.75)
    optimizer = build_optimizer(chosen, nn.Linear(2, 2))
    assert type(optimizer) is kind
    expected = {"epsilon": 0.25, "decay": 0.5, "momentum": 0.75}
    assert all(optimizer.defaults[key] == value for key, value in expected.items() if key in optimizer.defaults)


def test_parameters_without_gradient_stay():
    moved, still = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = TensorFlowMomentum([moved, still], 0.1)
    moved.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(still, torch.ones(2))
    assert not torch.equal(moved, torch.ones(2))


@pytest.mark.parametrize("kind", [TensorFlowMomentum, TensorFlowAdam, TensorFlowRMSProp])
def test_state_survives_saving(kind):
    parameter = nn.Parameter(torch.ones(2))
    optimizer = kind([parameter], 0.1)
    parameter.grad = torch.ones(2)
    optimizer.step()
    other_parameter = nn.Parameter(parameter.detach().clone())
    other = kind([other_parameter], 0.1)
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
