"""The interface between Faster R-CNN and its backbones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn

from fractura.models.faster_rcnn.settings import FasterRCNNSettings


class FeatureExtractor(nn.Module, ABC):
    """A backbone in two parts: feature maps for proposals, and features of each cropped region.

    Attributes:
        strides: Pixels of the canvas per cell, one per feature map, finest first. Regions are cropped from the finest.
        channels: Channels of each feature map.
        region_channels: Length of the vector that each cropped region becomes.
        canvas_multiple: Both sides of the canvas must be a multiple of this.
        memory_format: Layout of the canvas in memory. On CPUs channels-last halves the time of depthwise convolutions,
            but batch statistics are summed less exactly.
    """

    strides: tuple[int, ...]
    channels: int
    region_channels: int
    canvas_multiple: int = 1
    memory_format: torch.memory_format = torch.contiguous_format

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: FasterRCNNSettings) -> Self:
        """The backbone of a detector with ``settings``, whose ``feature_extractor`` is of this backbone's kind."""

    def load_pretrained_weights(self) -> None:
        """Load the weights that training starts from; a backbone without any keeps its random ones."""

    @abstractmethod
    def proposal_features(self, canvas: Tensor) -> list[Tensor]:
        """float32 ``(n, 3, h, w)`` of 0..255 to ``(n, channels, ceil(h / stride), ceil(w / stride))`` per stride."""

    @abstractmethod
    def box_classifier_features(self, crops: Tensor) -> Tensor:
        """``(regions, channels, crop, crop)`` to ``(regions, region_channels)``."""
