"""The protocol that every detector follows: losses from images and targets, ``Boxes`` from images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fractura.core.boxes import Boxes


@dataclass(frozen=True)
class Target:
    """The ground truth of one image.

    Attributes:
        boxes: float32 ``(n, 4)``: left, top, right, bottom in pixels of the image as given to the detector.
        labels: int64 ``(n,)``, from 0.
        weights: float32 ``(n,)``, 0 or more: how much the losses of each box count; None is 1 for all.
    """

    boxes: Tensor
    labels: Tensor
    weights: Tensor | None = None

    def to(self, device: torch.device | str) -> Target:
        """The same target on another device."""
        weights = None if self.weights is None else self.weights.to(device)
        return Target(self.boxes.to(device), self.labels.to(device), weights)


class Detector(nn.Module, ABC):
    """A trainable detector.

    Images are uint8 tensors ``(height, width, 3)`` of any size, exactly as ``read_radiograph`` returns them; each
    detector resizes and normalises them itself, so that training, detection and the exported graph see the same pixels.

    Attributes:
        origin: A line for people about the pretrained weights it was built with; None if there is nothing to report.
        heeds_weights: Its losses heed ``Target.weights``.
    """

    origin: str | None = None
    heeds_weights: bool = False

    @abstractmethod
    def losses(self, images: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """Named scalar losses of one batch; their sum is minimised. Images without boxes are allowed.

        Args:
            images: Images of any sizes.
            targets: One per image.
        """

    @abstractmethod
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The graph that is exported: all candidates of one image, best first.

        Args:
            image: uint8 ``(height, width, 3)``.

        Returns:
            boxes float32 ``(n, 4)`` xyxy in pixels of ``image``, scores float32 ``(n,)`` in 0..1, labels int64
            ``(n,)``.
        """

    @abstractmethod
    def architecture(self) -> dict[str, Any]:
        """Plain JSON values from which ``build_from_architecture`` rebuilds this detector, without its weights."""

    def learning_rate_factor(self, name: str) -> float:
        """Factor on the learning rate of the parameter ``name`` (as in ``named_parameters``)."""
        return 1.0

    @torch.no_grad()
    def detect(self, images: Sequence[Tensor]) -> list[Boxes]:
        """All candidates of each image, best first, in pixels of that image. Train or eval mode is left as it was."""
        was_training = self.training
        self.eval()
        try:
            found = [self(image) for image in images]
        finally:
            self.train(was_training)
        return [
            Boxes(boxes.float().cpu().numpy(), labels.cpu().numpy(), scores.float().cpu().numpy())
            for boxes, scores, labels in found
        ]
