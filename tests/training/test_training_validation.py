import pytest

from fractura.training.validation import is_better


def metrics(ap50, ap=0.1, ap30=0.2, auc=0.5):
    return {"AP50": ap50, "AP": ap, "AP30": ap30, "image_auc": auc}


@pytest.mark.parametrize(
    ("now", "best", "expected"),
    [
        (metrics(0.0), None, True),
        (metrics(0.3), metrics(0.2, ap=0.9), True),
        (metrics(0.2), metrics(0.3), False),
        (metrics(0.3), metrics(0.3), False),
        (metrics(0.3 + 1e-9), metrics(0.3), False),
        (metrics(0.3, ap=0.2), metrics(0.3, ap=0.1, ap30=0.9), True),
        (metrics(0.3, ap30=0.3), metrics(0.3), True),
        (metrics(0.3, auc=0.6), metrics(0.3), True),
        (metrics(0.3, auc=None), metrics(0.3), False),
        (metrics(None), metrics(None), True),
    ],
)
def test_better(now, best, expected):
    assert is_better(now, best) is expected
