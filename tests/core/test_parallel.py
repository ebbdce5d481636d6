"""Results in order, a bounded distance ahead, errors in their place."""

import threading

import pytest

from fractura.core.parallel import in_order


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_order_whatever_comes_first(at_once):
    first_may_end = threading.Event()

    def work(number):
        if number == 0 and at_once > 1:
            assert first_may_end.wait(60)
        first_may_end.set()
        return number

    assert list(in_order(work, range(20), at_once)) == list(range(20))


@pytest.mark.parametrize("at_once", [1, 3])
def test_never_far_ahead(at_once):
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = in_order(lambda number: number, items(), at_once)
    for number in range(10):
        assert next(results) == number
        assert len(taken) <= number + 1 + at_once
    results.close()
    assert len(taken) <= 10 + at_once


@pytest.mark.parametrize("at_once", [1, 3])
def test_an_error_comes_in_its_place(at_once):
    done = []

    def work(number):
        if number == 4:
            raise KeyError(number)
        done.append(number)
        return number

    results = in_order(work, range(1000), at_once)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(KeyError):
        next(results)
    assert len(done) <= 4 + at_once + 1
