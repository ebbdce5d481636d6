"""The one validator of boxes, and what else makes an annotation unusable."""

import math

import pytest

from fractura.formats.faults import box_fault, size_fault, unknown_class


@pytest.mark.parametrize(
    ("corners", "limits", "said"),
    [
        ((0, 0, 64, 48), {}, None),
        ((-1, -1, 65, 49), {}, None),
        ((-1.5, 0, 20, 20), {}, "lies outside"),
        ((0, 0, 20, 49.5), {}, "lies outside"),
        ((-1, 5, 0, 20), {}, "lies outside"),
        ((64, 5, 65, 20), {}, "lies outside"),
        ((5, 5, 5, 20), {}, "has no area"),
        ((20, 5, 5, 20), {}, "has no area"),
        ((math.nan, 5, 20, 20), {}, "finite"),
        ((5, 5, math.inf, 20), {}, "finite"),
        ((5, 5, 5.5, 20), {}, None),
        ((5, 5, 5.5, 20), {"smallest": 1}, "thinner than 1 pixel"),
        ((60, 5, 90, 20), {}, "lies outside"),
        ((60, 5, 90, 20), {"margin": math.inf}, None),
        ((60, 5, 90, 20), {"margin": math.inf, "smallest": 5}, "less than 5 pixel"),
        ((70, 5, 90, 20), {"margin": math.inf, "smallest": 1}, "lies outside"),
    ],
)
def test_boxes(corners, limits, said):
    problem = box_fault(corners, 64, 48, **limits)
    assert problem is None if said is None else said in problem


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ((64, 48), None),
        ((48, 64), "EXIF"),
        ((64, None), "does not say"),
        ((None, None), "does not say"),
        ((1, 2), "1x2"),
    ],
)
def test_sizes(written, said):
    fault = size_fault(written, (64, 48))
    assert fault is None if said is None else said in fault[0]


def test_a_class_that_is_not_known():
    fault = unknown_class("fractur", ["fracture", "metal"], "object 2")
    assert str(fault) == (
        "object 2: unknown class 'fractur'; known are fracture, metal\n"
        "  → did you mean 'fracture'? Otherwise add 'fractur' to the class names"
    )
