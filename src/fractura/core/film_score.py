"""The score of a film as a whole: how surely there is a fracture somewhere on it. The one place for this rule."""

from __future__ import annotations

import numpy as np

from fractura.core.boxes import Boxes


def film_score(boxes: Boxes) -> float:
    """The score of a film from all that a model found on it: that of its best box.

    So a film has a mark at a threshold exactly if its score reaches the threshold.

    Args:
        boxes: Scored, not cut at any threshold.

    Returns:
        0..1; 0 where nothing was found.

    Raises:
        ValueError: The boxes have no scores.
    """
    if boxes.scores is None:
        raise ValueError("a film's score comes from scored boxes")
    return float(np.max(boxes.scores, initial=0.0))
