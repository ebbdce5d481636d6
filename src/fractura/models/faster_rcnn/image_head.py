"""A score for the whole image: the pyramid's maps, pooled where the network pays attention.

Pooling is by attention (Ilse, Tomczak and Welling 2018, arXiv 1802.04712) rather than by the mean: a fracture covers
half a percent of an image, and the amount of black around the image must not matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fractura.models.faster_rcnn.settings import ImageHeadSettings

_SMALLEST = 1e-6


class ImageHead(nn.Module):
    """Feature maps to one logit per image.

    Args:
        maps: Number of feature maps it takes.
        channels_in: Channels of each feature map.
        settings: Its settings.
    """

    def __init__(self, maps: int, channels_in: int, settings: ImageHeadSettings) -> None:
        super().__init__()
        self.settings = settings
        self.embed = nn.ModuleList(nn.Conv2d(channels_in, settings.channels, 1) for _ in range(maps))
        self.attend = nn.ModuleList(nn.Conv2d(settings.channels, 1, 1) for _ in range(maps))
        self.decide = nn.Sequential(
            nn.LayerNorm(maps * settings.channels),
            nn.Dropout(settings.dropout),
            nn.Linear(maps * settings.channels, settings.channels),
            nn.ReLU(),
            nn.Linear(settings.channels, 1),
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """``(n, channels_in, h, w)`` per map to float32 ``(n,)``: log-odds that the image shows anything."""
        pooled = []
        for level, embed, attend in zip(features, self.embed, self.attend, strict=True):
            values = F.relu(embed(level))
            weights = attend(values).flatten(2).float().softmax(dim=2)
            pooled.append((values.flatten(2).float() * weights).sum(dim=2))
        logits: Tensor = self.decide(torch.cat(pooled, dim=1)).float()
        return logits[:, 0]

    def loss(self, logits: Tensor, positive: Tensor) -> Tensor:
        """Cross entropy of ``(n,)`` logits against bool ``(n,)``, labels smoothed, weighted among the losses."""
        smoothed = positive.float() * (1 - self.settings.label_smoothing) + self.settings.label_smoothing / 2
        return F.binary_cross_entropy_with_logits(logits, smoothed) * self.settings.loss_weight

    def rescore(self, scores: Tensor, logit: Tensor) -> Tensor:
        """Adjust the scores ``(k,)``, best first, of an image's detections by the image's logit.

        If the image as a whole seems normal, all scores fall; if not, only the best one rises, since the others are
        mostly false positives there too. Their order stays.
        """
        shift = self.settings.score_weight * logit
        # Not len(): an exported graph would keep the number of the traced image.
        first = torch.arange(scores.shape[0], device=scores.device) == 0
        return torch.sigmoid(torch.logit(scores, eps=_SMALLEST) + shift.clamp(max=0) + first * shift.clamp(min=0))
