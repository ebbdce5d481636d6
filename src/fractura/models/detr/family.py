"""The detection transformers as a family of the registry: catalogue names, and any ``hf:`` model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fractura.models.catalogue import CATALOGUE
from fractura.models.detector import Detector
from fractura.models.detr.hub import PREFIX, find_folder, public_name
from fractura.models.detr.library import FAMILY_NAMES
from fractura.models.family import Family


class DetectionTransformerFamily(Family):
    """D-FINE, RT-DETRv2, RF-DETR and DEIMv2, from the Hugging Face Hub or a local folder."""

    names = tuple(entry.name for entry in CATALOGUE if entry.hub_id is not None)
    architectures = FAMILY_NAMES

    def knows(self, name: str) -> bool:
        """See ``Family``."""
        return name.startswith(PREFIX) or name in self.names

    def build(self, name: str, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
        """See ``Family``; starts from the pretrained weights.

        Raises:
            ModelError: There is no such model, or it cannot be used.
            MissingDependencyError: The library, or a network to fetch the model over, is not there.
        """
        from fractura.models.detr.pretrained import load_pretrained

        if name.startswith(PREFIX):
            source, label = name.removeprefix(PREFIX), public_name(name.removeprefix(PREFIX))
        else:
            source, label = next(entry.hub_id or "" for entry in CATALOGUE if entry.name == name), name
        return load_pretrained(find_folder(source), label, num_classes, class_names)

    def rebuild(self, architecture: Mapping[str, Any]) -> Detector:
        """See ``Family``."""
        from fractura.models.detr.detector import DetectionTransformer
        from fractura.models.detr.settings import DetectionTransformerSettings

        return DetectionTransformer(DetectionTransformerSettings.model_validate(dict(architecture)))

    def recommended_training(self, name: str, *, trained: bool) -> dict[str, Any]:
        """See ``Family``: what D-FINE and RT-DETR are fine-tuned with, one for all."""
        return {
            "optimizer": "adamw",
            "learning_rate_base": 1e-4,
            "gradient_clipping_by_norm": 0.1,
            "negatives_per_positive": 1.0,
            "ema_decay": 0.999,
        }
