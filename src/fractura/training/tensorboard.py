"""TensorBoard events, under the tags of the TF Object Detection API where it has one.

Tags as in tensorflow/models research/object_detection/model_lib_v2.py:629-700 and metrics/coco_evaluation.py:255-311.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

VALIDATION_TAGS = {
    "AP": "DetectionBoxes_Precision/mAP",
    "AP50": "DetectionBoxes_Precision/mAP@.50IOU",
    "AP75": "DetectionBoxes_Precision/mAP@.75IOU",
    "AP30": "DetectionBoxes_Precision/mAP@.30IOU",
    "AP10": "DetectionBoxes_Precision/mAP@.10IOU",
    "AP_small": "DetectionBoxes_Precision/mAP (small)",
    "AP_medium": "DetectionBoxes_Precision/mAP (medium)",
    "AP_large": "DetectionBoxes_Precision/mAP (large)",
    "AR_1": "DetectionBoxes_Recall/AR@1",
    "AR_10": "DetectionBoxes_Recall/AR@10",
    "AR_100": "DetectionBoxes_Recall/AR@100",
    "AR_small": "DetectionBoxes_Recall/AR@100 (small)",
    "AR_medium": "DetectionBoxes_Recall/AR@100 (medium)",
    "AR_large": "DetectionBoxes_Recall/AR@100 (large)",
    "image_auc": "Images/AUC",
    "sensitivity": "AtThreshold/sensitivity",
    "precision": "AtThreshold/precision",
    "false_positives_per_image": "AtThreshold/false_positives_per_image",
    "threshold": "AtThreshold/threshold",
}


class Events:
    """Writes events into a folder.

    Args:
        folder: Where the events go.
        next_step: Step that the run goes on with: events from there on, left by a process that was killed, are hidden.
    """

    def __init__(self, folder: Path, next_step: int = 0) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=next_step or None)

    def scalar(self, tag: str, value: float, step: int) -> None:
        """One number."""
        self._writer.add_scalar(tag, value, step)

    def picture(self, tag: str, pixels: np.ndarray, step: int) -> None:
        """One picture, uint8 ``(height, width, 3)``."""
        self._writer.add_image(tag, pixels, step, dataformats="HWC")

    def step(self, step: int, row: Mapping[str, float], parts: Mapping[str, float]) -> None:
        """Scalars of a logged step.

        Args:
            step: Steps done.
            row: ``loss``, ``learning_rate``, ``gradient_norm``, ``images_per_second``, ``steps_per_second``.
            parts: Losses by name.
        """
        self._writer.add_scalar("Loss/total_loss", row["loss"], step)
        for name, value in parts.items():
            self._writer.add_scalar(f"Loss/{name}", value, step)
        self._writer.add_scalar("learning_rate", row["learning_rate"], step)
        self._writer.add_scalar("steps_per_sec", row["steps_per_second"], step)
        self._writer.add_scalar("images_per_sec", row["images_per_second"], step)
        self._writer.add_scalar("gradient_norm", row["gradient_norm"], step)
        self._writer.flush()

    def validation(self, step: int, metrics: Mapping[str, Any], pictures: Sequence[np.ndarray]) -> None:
        """Scalars and pictures of a validation; metrics that are not defined are left out.

        Args:
            step: Steps done.
            metrics: ``Validation.metrics``.
            pictures: uint8 ``(height, width, 3)`` each.
        """
        for name, tag in VALIDATION_TAGS.items():
            if metrics.get(name) is not None:
                self._writer.add_scalar(tag, metrics[name], step)
        for number, picture in enumerate(pictures):
            self._writer.add_image(f"validation_{number}", picture, step, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        """Write out what is left."""
        self._writer.close()
