"""Each operation of PyTorch gives the same numbers in TensorFlow; one without a translation is named."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fractura.core.errors import ModelError
from fractura.models.layers import BatchNorm, ConvNorm, max_pool_same


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return (self.function(x),)


def conv_norm(*args, **kwargs):
    def norm(channels):
        made = BatchNorm(channels, momentum=0.9, epsilon=1e-3, scaled=True, trainable=False)
        nn.init.uniform_(made.running_var, 0.5, 1.5)
        nn.init.uniform_(made.running_mean, -1, 1)
        return made

    return Function(ConvNorm(*args, activation=F.relu6, norm=norm, **kwargs).eval())


MODULES = {
    "same": lambda: conv_norm(6, 8, 3),
    "one-sided": lambda: conv_norm(6, 8, (1, 7)),
    "stride": lambda: conv_norm(6, 8, 5, 2),
    "depthwise": lambda: conv_norm(6, 6, 3, 2, groups=6),
    "padding": lambda: Function(nn.Conv2d(6, 4, 3, stride=2, padding=1)),
    "max pool": lambda: Function(lambda x: max_pool_same(x, 3, 2)),
    "average pool": lambda: Function(lambda x: F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)),
    "group norm": lambda: Function(nn.GroupNorm(2, 6)),
    "upsample": lambda: Function(lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")),
    "flatten": lambda: Function(nn.Sequential(nn.Flatten(), nn.Linear(6 * 9 * 8, 5), nn.LayerNorm(5), nn.ReLU())),
    "permuted": lambda: Function(lambda x: x.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 3))),
    "turned": lambda: Function(lambda x: x.permute(3, 0, 2, 1) * 2.0),
    "mean": lambda: Function(lambda x: x.mean(dim=(2, 3))),
    "cat": lambda: Function(lambda x: torch.cat([x * 2.0 - 1.0, x / 3.0 + x], dim=1)),
}


@pytest.mark.parametrize("name", MODULES)
def test_the_same_numbers(tensorflow, name):
    from fractura.export.aten_tensorflow import AtenGraph

    torch.manual_seed(0)
    module, x = MODULES[name](), torch.randn(2, 6, 9, 8)
    kept = {}

    def store(key, value):
        if key not in kept:
            with tensorflow.init_scope():
                kept[key] = tensorflow.Variable(value)
        return kept[key]

    graph = AtenGraph("part", module, x)
    # Traced for one size, it is right for others: (9, 8) pads otherwise than (12, 7).
    for image in (x, torch.randn(2, 6, 12, 7)) if name != "flatten" else (x,):
        signature = [tensorflow.TensorSpec([2, None, None, 6])]
        run = tensorflow.function(lambda image: graph(image, store), input_signature=signature, autograph=False)
        known = tensorflow.constant(image.permute(0, 2, 3, 1).numpy())
        with torch.no_grad():
            (expected,) = module(image)
        stays = expected.ndim == 4 and name != "turned"
        expected = expected.permute(0, 2, 3, 1).numpy() if stays else expected.numpy()
        outcomes = [graph(known, store)] + ([run(known)] if name != "flatten" else [])
        for (found,) in outcomes:
            assert found.shape == expected.shape
            # Each value is a sum of up to 150 products, in an order that depends on the processor.
            assert np.abs(found.numpy() - expected).max() <= 1e-6 * max(1.0, np.abs(expected).max())
    assert all(key.startswith("part/") for key in kept)
    assert len(kept) <= 4


def test_what_has_no_translation_is_named(tensorflow):
    from fractura.export.aten_tensorflow import AtenGraph

    with pytest.raises(ModelError, match=r"without a translation to TensorFlow: aten.cumsum.default, aten.sin.default"):
        AtenGraph("part", Function(lambda x: x.sin().cumsum(1)), torch.zeros(1, 6, 4, 4))
