"""ResNet-50, -101 and -152 (version 1) as the TensorFlow 2 Object Detection API uses them: no biases, stride 16.

Follows tensorflow/models research/object_detection models/faster_rcnn_resnet_keras_feature_extractor.py and
models/keras_models/resnet_v1.py over keras/src/applications/resnet.py. Module names are Keras' names of the blocks.
"""

from __future__ import annotations

from collections import OrderedDict
from functools import partial
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fractura.models.faster_rcnn.feature_extractor import FeatureExtractor
from fractura.models.faster_rcnn.settings import FasterRCNNSettings, ResNetSettings
from fractura.models.layers import BatchNorm, ConvNorm, MaxPoolSame, identity

_MEANS = (123.68, 116.779, 103.939)
_EXPANSION = 4  # channels of a block's output per channel of its 3x3 convolution


class ResNet(FeatureExtractor):
    """The first stage ends at the last block of ``conv4``; the second is ``conv5``.

    Args:
        blocks: How many blocks ``conv2`` to ``conv5`` have.
        batch_norm_trainable: Batch statistics in training (the zoo's square models) or frozen (its 800x1333 ones).
    """

    strides = (16,)
    channels = 1024
    region_channels = 2048

    def __init__(self, *, blocks: tuple[int, int, int, int], batch_norm_trainable: bool) -> None:
        super().__init__()
        norm = partial(BatchNorm, momentum=0.997, epsilon=1e-5, scaled=True, trainable=batch_norm_trainable)
        first: OrderedDict[str, nn.Module] = OrderedDict(
            conv1=ConvNorm(3, 64, 7, 2, padding=3, activation=F.relu, norm=norm), pool1=MaxPoolSame(3, 2)
        )
        second: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 64
        for number, count in enumerate(blocks, start=2):
            inner = 64 << number - 2
            for block in range(1, count + 1):
                stride = 2 if block == 1 and number > 2 else 1
                stage = first if number < 5 else second
                stage[f"conv{number}_block{block}"] = _Block(channels, inner, stride, shortcut=block == 1, norm=norm)
                channels = inner * _EXPANSION
        self.first_stage = nn.Sequential(first)
        self.second_stage = nn.Sequential(second)
        self.means: Tensor
        self.register_buffer("means", torch.tensor(_MEANS)[:, None, None], persistent=False)

    @classmethod
    def from_settings(cls, settings: FasterRCNNSettings) -> Self:
        """See ``FeatureExtractor``."""
        own = settings.feature_extractor
        assert isinstance(own, ResNetSettings)
        return cls(blocks=own.blocks, batch_norm_trainable=own.batch_norm_trainable)

    def proposal_features(self, canvas: Tensor) -> list[Tensor]:
        """See ``FeatureExtractor``; ImageNet's means are subtracted, also from the padding."""
        return [self.first_stage(canvas - self.means)]

    def box_classifier_features(self, crops: Tensor) -> Tensor:
        """See ``FeatureExtractor``; the mean over the 4x4 cells of the last block."""
        features: Tensor = self.second_stage(crops)
        return features.mean(dim=(2, 3))


class _Block(nn.Module):
    """1x1, 3x3 and 1x1 convolution, added to the input or to its projection ``conv_0``."""

    def __init__(self, channels: int, inner: int, stride: int, *, shortcut: bool, norm: partial[BatchNorm]) -> None:
        super().__init__()
        outer = inner * _EXPANSION
        self.conv_0 = ConvNorm(channels, outer, 1, stride, activation=identity, norm=norm) if shortcut else None
        self.conv_1 = ConvNorm(channels, inner, 1, stride, activation=F.relu, norm=norm)
        self.conv_2 = ConvNorm(inner, inner, 3, activation=F.relu, norm=norm)
        self.conv_3 = ConvNorm(inner, outer, 1, activation=identity, norm=norm)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.conv_0 is None else self.conv_0(x)
        return F.relu(shortcut + self.conv_3(self.conv_2(self.conv_1(x))))
