"""The one validator of boxes, and what else makes an annotation unusable."""

import math

import pytest

from fractura.core.errors import DataError
from fractura.formats.faults import Faults, box_fault, reading_fault, size_fault, unknown_class


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
        ((48, 64), "swapped"),
        ((64, None), "does not say"),
        ((None, None), "does not say"),
        ((1, 2), "1x2"),
    ],
)
def test_sizes(written, said):
    fault = size_fault(written, (64, 48))
    assert fault is None if said is None else said in fault[0]


def test_a_swapped_size_on_an_image_that_is_displayed_turned():
    assert "EXIF orientation" in size_fault((48, 64), (64, 48), orientation=6)[0]
    assert "EXIF" not in size_fault((48, 64), (64, 48), orientation=1)[0]


@pytest.mark.parametrize(
    ("corners", "said"),
    [
        ((40, 50, 322, 140), None),
        ((-8, -9.5, 100, 100), None),
        ((40, 50, 331, 140), "lies outside"),
        ((318, 50, 325, 140), "lies outside"),  # less than half of it is on the image
        ((330, 50, 335, 140), "lies outside"),
        ((40, 50, 40, 140), "has no area"),
    ],
)
def test_a_box_a_few_pixels_over_the_edge_can_be_read(corners, said):
    problem = reading_fault(corners, 320, 240)
    assert problem is None if said is None else said in problem
    assert reading_fault((10, 10, 4040, 90), 4000, 100) is None  # 1 % of a large image


@pytest.mark.parametrize(
    ("lost", "kept", "stops"),
    [(0, 0, False), (1, 9, False), (1, 8, True), (1, 0, True), (2, 18, False), (3, 18, True)],
)
def test_skipping_stops_before_a_tenth_of_the_boxes_is_lost(lost, kept, stops):
    for mode in ("skip", "skip-all"):
        faults = Faults(mode)
        for number in range(lost):
            faults.add(DataError("is damaged", file=f"{number}.xml"), image=number)
            faults.add(DataError("is damaged elsewhere, too", file=f"{number}.xml"), image=number)
            faults.add(DataError("a negative image", file="b.xml"), image=f"n{number}", boxes=False)
        if stops and mode == "skip":
            with pytest.raises(
                DataError, match=rf"{lost} of {lost + kept} images with boxes would be left out"
            ) as caught:
                faults.refuse_loss(kept)
            assert "--on-error skip-all" in caught.value.hint
        else:
            faults.refuse_loss(kept)


def test_a_class_that_is_not_known():
    fault = unknown_class("fractur", ["fracture", "metal"], "object 2")
    assert str(fault) == (
        "object 2: unknown class 'fractur'; known are fracture, metal\n"
        "  → did you mean 'fracture'? Otherwise add 'fractur' to the class names"
    )
