import pytest
import torch
from torch import nn

from fractura.training.optimization import MovingAverage


def module():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))


def test_follows_the_formula():
    trained = module()
    average = MovingAverage(trained, 0.9)
    expected = trained[0].weight.detach().clone()
    for update in range(1, 200):
        with torch.no_grad():
            trained[0].weight.add_(0.01 * update)
        average.update(trained, update)
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * trained[0].weight.detach()
    torch.testing.assert_close(average.module[0].weight, expected)


def test_without_decay_it_is_the_trained_module():
    trained = module()
    average = MovingAverage(trained, 0)
    trained(torch.randn(4, 3))
    with torch.no_grad():
        trained[0].bias.fill_(7)
    average.update(trained, 1)
    for name, value in trained.state_dict().items():
        assert torch.equal(average.module.state_dict()[name], value), name


def test_buffers_follow_and_counters_are_copied():
    trained = module()
    average = MovingAverage(trained, 0.99)
    for update in range(1, 4):
        trained[1](torch.randn(8, 3) + 5)
        average.update(trained, update)
    assert average.module[1].num_batches_tracked == 3
    assert 0 < average.module[1].running_mean.mean() < trained[1].running_mean.mean()


def test_is_apart_from_the_trained_module():
    trained = module()
    average = MovingAverage(trained, 0.9)
    assert not average.module.training
    assert trained.training
    assert not any(p.requires_grad for p in average.module.parameters())
    assert all(p.requires_grad for p in trained.parameters())
    before = average.module[0].weight.clone()
    with torch.no_grad():
        trained[0].weight.zero_()
    assert torch.equal(average.module[0].weight, before)


def test_decay_warms_up():
    trained = module()
    average = MovingAverage(trained, 0.9999)
    with torch.no_grad():
        trained[0].weight.fill_(1)
    start = average.module[0].weight.clone()
    average.update(trained, 1)
    expected = start * 2 / 11 + 9 / 11
    assert average.module[0].weight.flatten().tolist() == pytest.approx(expected.flatten().tolist())
