import pytest

from fractura.training.validation import is_better


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
