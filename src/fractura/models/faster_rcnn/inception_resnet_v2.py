"""Inception ResNet V2 as the TensorFlow 2 Object Detection API uses it: SAME padding everywhere, stride 16.

Follows tensorflow/models research/object_detection models/faster_rcnn_inception_resnet_v2_keras_feature_extractor.py
and models/keras_models/inception_resnet_v2.py:97-222 over keras/src/applications/inception_resnet_v2.py. Module names
are places in the architecture; weights keep their Keras meaning (kernel, beta, moving mean and variance; no gamma).
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fractura.models.faster_rcnn.feature_extractor import FeatureExtractor
from fractura.models.faster_rcnn.settings import FasterRCNNSettings, InceptionResNetV2Settings
from fractura.models.layers import BatchNorm, ConvNorm, MaxPoolSame, identity

_REGIONS_AT_ONCE = 20
"""On a CPU. The memory of more would be taken from the system anew for each layer: a third of the time."""
_CONV = tuple[str, int, int | tuple[int, int], int]  # name, channels, kernel, stride


class InceptionResNetV2(FeatureExtractor):
    """59 million parameters; the first stage ends at ``block17_20``, the second is ``mixed_7a`` to ``conv_7b``.

    Args:
        batch_norm_trainable: Batch statistics in training (the zoo's 640x640 model) or frozen (its 1024x1024 one).
    """

    strides = (16,)
    channels = 1088
    region_channels = 1536

    def __init__(self, *, batch_norm_trainable: bool) -> None:
        super().__init__()
        self._norm = partial(BatchNorm, momentum=0.9997, epsilon=0.001, scaled=False, trainable=batch_norm_trainable)
        conv = self._conv
        first: OrderedDict[str, nn.Module] = OrderedDict(
            conv2d_1a_3x3=conv(3, 32, 3, 2),
            conv2d_2a_3x3=conv(32, 32, 3),
            conv2d_2b_3x3=conv(32, 64, 3),
            maxpool_1=MaxPoolSame(3, 2),
            conv2d_3b_1x1=conv(64, 80, 1),
            conv2d_4a_3x3=conv(80, 192, 3),
            maxpool_2=MaxPoolSame(3, 2),
            mixed_5b=_Mixed(
                branch0=self._branch(192, [("conv1x1", 96, 1, 1)]),
                branch1=self._branch(192, [("conv_a_1x1", 48, 1, 1), ("conv_b_5x5", 64, 5, 1)]),
                branch2=self._branch(
                    192, [("conv_a_1x1", 64, 1, 1), ("conv_b_3x3", 96, 3, 1), ("conv_c_3x3", 96, 3, 1)]
                ),
                branch_pool=nn.Sequential(OrderedDict(pool=_AveragePool(), conv1x1=conv(192, 64, 1))),
            ),
        )
        for number in range(1, 11):
            first[f"block35_{number}"] = _Residual(
                320,
                scale=0.17,
                branch0=self._branch(320, [("conv1x1", 32, 1, 1)]),
                branch1=self._branch(320, [("conv_a_1x1", 32, 1, 1), ("conv_b_3x3", 32, 3, 1)]),
                branch2=self._branch(
                    320, [("conv_a_1x1", 32, 1, 1), ("conv_b_3x3", 48, 3, 1), ("conv_c_3x3", 64, 3, 1)]
                ),
            )
        first["mixed_6a"] = _Mixed(
            branch0=self._branch(320, [("conv3x3s2", 384, 3, 2)]),
            branch1=self._branch(
                320, [("conv_a_1x1", 256, 1, 1), ("conv_b_3x3", 256, 3, 1), ("conv_c_3x3s2", 384, 3, 2)]
            ),
            branch_pool=MaxPoolSame(3, 2),
        )
        for number in range(1, 21):
            first[f"block17_{number}"] = _Residual(
                1088,
                scale=0.1,
                branch0=self._branch(1088, [("conv1x1", 192, 1, 1)]),
                branch1=self._branch(
                    1088, [("conv_a_1x1", 128, 1, 1), ("conv_b_1x7", 160, (1, 7), 1), ("conv_c_7x1", 192, (7, 1), 1)]
                ),
            )
        self.first_stage = nn.Sequential(first)

        second: OrderedDict[str, nn.Module] = OrderedDict(
            mixed_7a=_Mixed(
                branch0=self._branch(1088, [("conv_a_1x1", 256, 1, 1), ("conv_b_3x3s2", 384, 3, 2)]),
                branch1=self._branch(1088, [("conv_a_1x1", 256, 1, 1), ("conv_b_3x3s2", 288, 3, 2)]),
                branch2=self._branch(
                    1088, [("conv_a_1x1", 256, 1, 1), ("conv_b_3x3", 288, 3, 1), ("conv_c_3x3s2", 320, 3, 2)]
                ),
                branch_pool=MaxPoolSame(3, 2),
            )
        )
        for number in range(1, 11):
            last = number == 10
            second[f"block8_{number}"] = _Residual(
                2080,
                scale=1.0 if last else 0.2,
                relu=not last,
                branch0=self._branch(2080, [("conv1x1", 192, 1, 1)]),
                branch1=self._branch(
                    2080, [("conv_a_1x1", 192, 1, 1), ("conv_b_1x3", 224, (1, 3), 1), ("conv_c_3x1", 256, (3, 1), 1)]
                ),
            )
        second["conv_7b"] = conv(2080, 1536, 1)
        self.second_stage = nn.Sequential(second)

    @classmethod
    def from_settings(cls, settings: FasterRCNNSettings) -> Self:
        """See ``FeatureExtractor``."""
        own = settings.feature_extractor
        assert isinstance(own, InceptionResNetV2Settings)
        return cls(batch_norm_trainable=own.batch_norm_trainable)

    def _conv(self, channels_in: int, channels_out: int, kernel: int | tuple[int, int], stride: int = 1) -> ConvNorm:
        return ConvNorm(channels_in, channels_out, kernel, stride, activation=F.relu, norm=self._norm)

    def _branch(self, channels: int, convs: list[_CONV]) -> nn.Sequential:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for name, channels_out, kernel, stride in convs:
            layers[name] = self._conv(channels, channels_out, kernel, stride)
            channels = channels_out
        return nn.Sequential(layers)

    def proposal_features(self, canvas: Tensor) -> list[Tensor]:
        """See ``FeatureExtractor``; the canvas is mapped to -1..1, so that padding (0) becomes -1."""
        return [self.first_stage(canvas * (2.0 / 255.0) - 1.0)]

    def box_classifier_features(self, crops: Tensor) -> Tensor:
        """See ``FeatureExtractor``; the mean over the 9x9 cells of ``conv_7b``."""
        if self.training or crops.is_cuda or torch.compiler.is_exporting():
            return self._region_features(crops)
        crops = crops.contiguous(memory_format=torch.channels_last)
        return torch.cat([self._region_features(few) for few in torch.split(crops, _REGIONS_AT_ONCE)])

    def _region_features(self, crops: Tensor) -> Tensor:
        features: Tensor = self.second_stage(crops)
        return features.mean(dim=(2, 3))


class _AveragePool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class _Mixed(nn.Module):
    """Branches side by side, concatenated in order."""

    def __init__(self, **branches: nn.Module) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class _Residual(nn.Module):
    """``activation(x + scale * up(concatenated branches))``; ``up`` is a 1x1 convolution with bias and no norm."""

    def __init__(self, channels: int, *, scale: float, relu: bool = True, **branches: nn.Sequential) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)
        self._branch_names = tuple(branches)
        self.up_1x1 = nn.Conv2d(sum(_channels_out(branch) for branch in branches.values()), channels, 1)
        nn.init.xavier_uniform_(self.up_1x1.weight)
        nn.init.zeros_(self.up_1x1.bias)  # type: ignore[arg-type]  # it has one
        self.scale = scale
        self.activation = F.relu if relu else identity

    def forward(self, x: Tensor) -> Tensor:
        up = self.up_1x1(torch.cat([self.get_submodule(name)(x) for name in self._branch_names], dim=1))
        return self.activation(x + up * self.scale)


def _channels_out(branch: nn.Sequential) -> int:
    last = branch[-1]
    assert isinstance(last, ConvNorm)
    return last.weight.shape[0]
