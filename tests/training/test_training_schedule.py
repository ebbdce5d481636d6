import math

import pytest

from fractura.core.errors import UsageError
from fractura.training.schedules import (
    ExponentialDecay,
    ManualStep,
    cosine_decay_with_warmup,
    describe_schedule,
    learning_rate,
)

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


@pytest.mark.parametrize("hold", [0, 3])
def test_the_base_rate_is_held_between_warm_up_and_cosine(hold):
    values = {**CONFIG, "total_steps": 20, "warmup_steps": 4, "hold_base_rate_steps": hold}
    found = [cosine_decay_with_warmup(step, **values) for step in range(22)]
    assert found[4 : 4 + hold + 1] == [0.008] * (hold + 1)
    for step in range(5 + hold, 21):
        wanted = 0.5 * 0.008 * (1 + math.cos(math.pi * (step - 4 - hold) / (16 - hold)))
        assert found[step] == pytest.approx(wanted, rel=1e-12, abs=1e-18)
    assert found[21] == 0


def test_without_warm_up_its_rate_does_not_count():
    assert cosine_decay_with_warmup(0, **{**CONFIG, "warmup_steps": 0, "warmup_learning_rate": 0.1}) == 0.008


@pytest.mark.parametrize(
    ("change", "rates"),
    [
        ({}, [1, 1, 1, 0.5, 0.5, 0.5, 0.25]),
        ({"staircase": False}, [0.5 ** (step / 3) for step in range(7)]),
        ({"burnin_steps": 2}, [1, 1, 1, 1, 1, 0.5, 0.5]),
        ({"burnin_steps": 2, "burnin_learning_rate": 0.1}, [0.1, 0.1, 1, 1, 1, 0.5, 0.5]),
        ({"min_learning_rate": 0.3}, [1, 1, 1, 0.5, 0.5, 0.5, 0.3]),
        ({"min_learning_rate": 0.3, "burnin_steps": 1, "burnin_learning_rate": 0.1}, [0.3, 1, 1, 1, 0.5, 0.5, 0.5]),
    ],
)
def test_exponential_decay(change, rates):
    decay = ExponentialDecay(**{"decay_steps": 3, "decay_factor": 0.5, **change})
    assert [decay.rate(step, 1.0) for step in range(7)] == pytest.approx(rates, rel=1e-12)


def manual(entries, warmup=False):
    return ManualStep(schedule=[{"step": step, "learning_rate": rate} for step, rate in entries], warmup=warmup)


@pytest.mark.parametrize(
    ("entries", "warmup", "rates"),
    [
        ([(3, 0.5), (5, 0.1)], False, [1, 1, 1, 0.5, 0.5, 0.1, 0.1]),
        ([(4, 0.2)], True, [1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2]),
        ([(1, 0.2)], True, [1, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]),
    ],
)
def test_manual_steps(entries, warmup, rates):
    chosen = manual(entries, warmup)
    assert [chosen.rate(step, 1.0) for step in range(7)] == pytest.approx(rates, rel=1e-12)


@pytest.mark.parametrize("entries", [[], [(0, 0.1)], [(5, 0.1), (5, 0.2)], [(5, 0.1), (4, 0.2)]])
def test_manual_steps_that_tensorflow_refuses(entries):
    with pytest.raises(UsageError):
        manual(entries).rate(0, 1.0)


def test_settings_choose_the_schedule(settings):
    steps = {"schedule": [{"step": 2, "learning_rate": 0.01}]}
    chosen = settings(learning_rate_schedule="manual_step", learning_rate_base=0.1, manual_step=steps, num_steps=9)
    assert [learning_rate(chosen, step) for step in (0, 1, 2, 100)] == [0.1, 0.1, 0.01, 0.01]
    assert describe_schedule(chosen) == "learning rate 0.1 at first, 0.01 at the end"
    chosen = settings(
        learning_rate_schedule="exponential_decay", learning_rate_base=0.1, exponential_decay={"decay_steps": 2}
    )
    assert [learning_rate(chosen, step) for step in (0, 1, 2, 4)] == pytest.approx([0.1, 0.1, 0.095, 0.1 * 0.95**2])


@pytest.mark.parametrize("name", ["exponential_decay", "manual_step"])
def test_a_schedule_without_its_settings_is_refused(settings, name):
    with pytest.raises(UsageError, match=name):
        learning_rate(settings(learning_rate_schedule=name), 0)


@pytest.mark.slow
def test_exponential_decay_is_tensorflows(tensorflow):
    for staircase in (True, False):
        theirs = tensorflow.keras.optimizers.schedules.ExponentialDecay(0.002, 7, 0.93, staircase=staircase)
        for step in (0, 1, 6, 7, 8, 50, 1000):
            ours = ExponentialDecay(decay_steps=7, decay_factor=0.93, staircase=staircase)
            assert ours.rate(step, 0.002) == pytest.approx(float(theirs(step)), rel=1e-5)
