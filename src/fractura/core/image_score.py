"""The score of an image as a whole: how surely there is a fracture somewhere on it. The one place for this rule."""

from __future__ import annotations

import numpy as np

from fractura.core.boxes import Boxes


def image_score(boxes: Boxes) -> float:
    """The score of an image from all that a model found on it: that of its best box.

    So an image has a detection at a threshold exactly if its score reaches the threshold.

    Args:
        boxes: Scored, not cut at any threshold.

    Returns:
        0..1; 0 where nothing was found.

    Raises:
        ValueError: The boxes have no scores.
    """
    if boxes.scores is None:
        raise ValueError("an image's score comes from scored boxes")
    return float(np.max(boxes.scores, initial=0.0))
