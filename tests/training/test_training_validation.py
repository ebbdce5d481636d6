import numpy as np
import pytest
from training_fakes import make_films

from fractura.boxes import Boxes
from fractura.training.validation import best_threshold, is_better


def figures(ap50, ap=0.1, ap30=0.2, auc=0.5):
    return {"AP50": ap50, "AP": ap, "AP30": ap30, "film_auc": auc}


@pytest.mark.parametrize(
    ("now", "best", "expected"),
    [
        (figures(0.0), None, True),
        (figures(0.3), figures(0.2, ap=0.9), True),
        (figures(0.2), figures(0.3), False),
        (figures(0.3), figures(0.3), False),
        (figures(0.3 + 1e-9), figures(0.3), False),
        (figures(0.3, ap=0.2), figures(0.3, ap=0.1, ap30=0.9), True),
        (figures(0.3, ap30=0.3), figures(0.3), True),
        (figures(0.3, auc=0.6), figures(0.3), True),
        (figures(0.3, auc=None), figures(0.3), False),
        (figures(None), figures(None), True),
    ],
)
def test_better(now, best, expected):
    assert is_better(now, best) is expected


def test_threshold_with_the_best_f1(tmp_path):
    data = make_films(tmp_path, 4, negative_every=0)
    truth = [record.boxes.xyxy[0] for record in data]
    # The three best marks are right, the fourth box is only found below two false marks.
    marks = [
        Boxes([truth[0], [0, 0, 3, 3]], [0, 0], [0.9, 0.4]),
        Boxes([truth[1], [0, 0, 3, 3]], [0, 0], [0.8, 0.3]),
        Boxes([truth[2]], [0], [0.6]),
        Boxes([truth[3]], [0], [0.1]),
    ]
    assert best_threshold(data, marks) == pytest.approx(np.float32(0.6))
    # Without the false marks it pays to go down to the fourth.
    assert best_threshold(data, [m.select([0]) for m in marks]) == pytest.approx(np.float32(0.1))


def test_threshold_where_nothing_is_found(tmp_path):
    data = make_films(tmp_path, 3)
    assert best_threshold(data, [Boxes.empty(scored=True)] * 3) == 0.5
    assert best_threshold(data, [Boxes([[0, 0, 1, 1]], [0], [0.7])] * 3) == 0.5
    faint = [Boxes(record.boxes.xyxy, record.boxes.labels, [1e-9] * len(record.boxes)) for record in data]
    assert best_threshold(data, faint) == 0.5
