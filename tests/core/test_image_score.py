"""One rule for the score of an image."""

import pytest

from fractura.core.boxes import Boxes
from fractura.core.image_score import image_score


@pytest.mark.parametrize(("scores", "expected"), [([], 0.0), ([0.25], 0.25), ([0.25, 0.75, 0.5], 0.75), ([1.0], 1.0)])
def test_a_image_scores_as_its_best_box(scores, expected):
    assert image_score(Boxes([[0, 0, 1, 1]] * len(scores), [0] * len(scores), scores)) == expected


def test_boxes_without_scores_are_a_wrong_call():
    with pytest.raises(ValueError, match="scored boxes"):
        image_score(Boxes.empty())
