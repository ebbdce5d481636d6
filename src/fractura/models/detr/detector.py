"""A detection transformer of ``transformers`` behind the protocol that all our detectors follow.

The network and its losses are the library's own (models/{d_fine,rt_detr_v2,rf_detr,deimv2}, loss/loss_*.py); what is
here converts images and boxes. There is no suppression: such networks learn to predict one box per object.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from fractura.models.detector import Detector, Target
from fractura.models.detr.library import library_classes, quiet
from fractura.models.detr.settings import DetectionTransformerSettings
from fractura.models.resizer import resize

_BACKBONE_LEARNING_RATE = 0.1
"""Factor for pretrained backbones, about the one that D-FINE and RT-DETR use for fine-tuning."""


class DetectionTransformer(Detector):
    """A backbone, an encoder, and a decoder that turns each query into one box.

    Args:
        settings: The architecture; weights are random.

    Raises:
        ModelError: The library does not know the family, or refuses the configuration.
        MissingDependencyError: The library is not installed.
    """

    def __init__(self, settings: DetectionTransformerSettings) -> None:
        super().__init__()
        self.settings = settings
        config_class, model_class = library_classes(settings.family)
        from huggingface_hub.errors import StrictDataclassError

        with quiet():
            try:
                config = config_class.from_dict({**settings.config, "tie_word_embeddings": False})
                config.num_labels = settings.num_classes
                self.model = model_class(config)
            except StrictDataclassError as error:  # an Exception of no other kind
                raise ValueError(str(error)) from error
        _share_heads(self.model)
        self.image_mean: Tensor
        self.image_std: Tensor
        # Not part of the weights: the card has them.
        self.register_buffer("image_mean", torch.tensor(settings.image_mean).view(3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(settings.image_std).view(3, 1, 1), persistent=False)

    def architecture(self) -> dict[str, Any]:
        """See ``Detector``."""
        return self.settings.model_dump(mode="json")

    def learning_rate_factor(self, name: str) -> float:
        """See ``Detector``: the backbone learns slowly."""
        return _BACKBONE_LEARNING_RATE if "backbone." in name or "conv_encoder." in name else 1.0

    def preprocess(self, images: Sequence[Tensor]) -> Tensor:
        """Resize and normalise images to one batch: float32 ``(n, 3, height, width)``."""
        canvases = [resize(image, self.settings.image_resizer)[0] for image in images]
        return (torch.stack(canvases) / 255.0 - self.image_mean) / self.image_std

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See ``Detector``; one candidate per query, with the best of its classes."""
        output = self.model(pixel_values=self.preprocess([image]))
        scores, labels = output.logits[0].float().sigmoid().max(dim=1)
        scores, order = scores.topk(output.logits.shape[1])  # all of them, best first
        x, y, width, height = output.pred_boxes[0].float()[order].unbind(dim=1)
        # Clipped to the image while they are fractions of it.
        left, right = (x - width / 2).clamp(0, 1), (x + width / 2).clamp(0, 1)
        top, bottom = (y - height / 2).clamp(0, 1), (y + height / 2).clamp(0, 1)
        image_height, image_width = image.shape[0], image.shape[1]
        boxes = torch.stack([left * image_width, top * image_height, right * image_width, bottom * image_height], dim=1)
        return boxes, scores, labels[order]

    def losses(self, images: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """See ``Detector``; named as in the library, each the weighted sum over all layers."""
        labels = [
            {"class_labels": target.labels, "boxes": _centred(target.boxes, image.shape[0], image.shape[1])}
            for image, target in zip(images, targets, strict=True)
        ]
        output = self.model(pixel_values=self.preprocess(images), labels=labels)
        weights = _loss_weights(self.settings.family, self.model.config)
        terms: dict[str, Tensor] = {}
        for name, value in output.loss_dict.items():
            kind = re.match(r"loss_[a-z]+", name)
            if kind is not None:  # "cardinality_error" is a metric
                weighted = value * weights.get(kind[0], 1.0)
                terms[kind[0]] = terms[kind[0]] + weighted if kind[0] in terms else weighted
        return terms


def _centred(boxes: Tensor, height: int, width: int) -> Tensor:
    """xyxy in pixels to centre x, centre y, width and height as fractions of the image."""
    fractions = boxes / boxes.new_tensor([width, height, width, height])
    return torch.cat([(fractions[:, :2] + fractions[:, 2:]) / 2, fractions[:, 2:] - fractions[:, :2]], dim=1)


def _loss_weights(family: str, config: Any) -> dict[str, float]:
    """Weights that the library's terms do not include yet (loss/loss_lw_detr.py:348-358; the other families' do)."""
    if family != "rf_detr":
        return {}
    return {
        "loss_ce": config.class_loss_coefficient,
        "loss_bbox": config.bbox_loss_coefficient,
        "loss_giou": config.giou_loss_coefficient,
    }


def _share_heads(model: Any) -> None:
    """Let the decoder use the model's heads without registering them a second time.

    The library registers each head twice and ties the copies, and its configuration may tie the heads of all layers.
    Here a weight has one name, so averaging, saving and counting see it once.
    """
    decoder = model.model.decoder
    for name in ("class_embed", "bbox_embed"):
        if getattr(decoder, name, None) is not None:
            head = decoder._modules.pop(name)  # the copy that the library has initialised
            setattr(model, name, head)
            decoder.__dict__[name] = head  # as a plain attribute: copied, moved and traced along, but not registered
