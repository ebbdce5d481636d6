import math

import pytest

from fractura.core.errors import UsageError
from fractura.training.optimization import cosine_decay_with_warmup, learning_rate

CONFIG = {"learning_rate_base": 0.008, "total_steps": 200000, "warmup_learning_rate": 0.0, "warmup_steps": 5000}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.0),
        (1, 0.008 / 5000),
        (2500, 0.004),
        (4999, 0.008 * 4999 / 5000),
        (5000, 0.008),
        (102500, 0.004),
        (200000, 0.0),
        (200001, 0.0),
        (10**9, 0.0),
    ],
)
def test_cosine_at_the_corners(step, expected):
    assert cosine_decay_with_warmup(step, **CONFIG) == pytest.approx(expected, rel=1e-12, abs=1e-18)


def test_cosine_between_the_corners_is_the_formula():
    for step in (5001, 77777, 199999):
        expected = 0.5 * 0.008 * (1 + math.cos(math.pi * (step - 5000) / 195000))
        assert cosine_decay_with_warmup(step, **CONFIG) == expected


def test_warm_up_starts_where_it_is_told():
    values = {**CONFIG, "warmup_learning_rate": 0.002, "warmup_steps": 4}
    found = [cosine_decay_with_warmup(step, **values) for step in range(5)]
    assert found == pytest.approx([0.002, 0.0035, 0.005, 0.0065, 0.008])


@pytest.mark.parametrize("change", [{"warmup_steps": 200001}, {"warmup_learning_rate": 0.1}])
def test_impossible_schedule_is_refused(change):
    with pytest.raises(UsageError):
        cosine_decay_with_warmup(0, **{**CONFIG, **change})


def test_defaults_follow_the_number_of_steps(settings):
    chosen = settings(num_steps=1000, total_steps=None, learning_rate_base=0.1)
    assert chosen.schedule_warmup_steps == 50
    assert learning_rate(chosen, 0) == 0
    assert learning_rate(chosen, 50) == 0.1
    assert 0 < learning_rate(chosen, 999) < 1e-5
    assert settings(num_steps=10**6).schedule_warmup_steps == 1000


def test_constant_stays(settings):
    chosen = settings(learning_rate_schedule="constant", learning_rate_base=0.1, warmup_steps=2, num_steps=100)
    assert [learning_rate(chosen, step) for step in (0, 1, 2, 99, 1000)] == [0, 0.05, 0.1, 0.1, 0.1]
