"""Boxes as offsets from anchors: the formula by hand, and back again."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fractura.models.faster_rcnn import box_coder

coordinate = st.floats(-200, 800, width=32)
side = st.floats(1, 600, width=32)
box = st.tuples(coordinate, coordinate, side, side).map(lambda b: [b[0], b[1], b[0] + b[2], b[1] + b[3]])


def test_the_formula_by_hand():
    anchor = torch.tensor([10.0, 20.0, 50.0, 40.0])  # centre (30, 30), 40 wide, 20 high
    annotated = torch.tensor([26.0, 25.0, 46.0, 55.0])  # centre (36, 40), 20 wide, 30 high
    # ty, tx, th, tw with factors 10, 10, 5, 5
    expected = [10 * 10 / 20, 10 * 6 / 40, 5 * math.log(30 / 20), 5 * math.log(20 / 40)]
    codes = box_coder.encode(annotated, anchor)
    assert codes.tolist() == pytest.approx(expected, abs=1e-5)
    assert box_coder.decode(torch.tensor(expected), anchor).tolist() == pytest.approx(annotated.tolist(), abs=1e-4)


def test_zeros_are_the_anchor_itself():
    anchors = torch.tensor([[10.0, 20.0, 50.0, 40.0], [0, 0, 7, 9]])
    assert torch.allclose(box_coder.decode(torch.zeros(2, 4), anchors), anchors)
    assert box_coder.encode(anchors, anchors).abs().max() < 1e-5


@given(box, box)
def test_there_and_back(annotated, anchor):
    annotated, anchor = torch.tensor(annotated, dtype=torch.float64), torch.tensor(anchor, dtype=torch.float64)
    assert torch.allclose(box_coder.decode(box_coder.encode(annotated, anchor), anchor), annotated, atol=1e-4)


def test_leading_dimensions_broadcast():
    codes, anchors = torch.randn(2, 7, 3, 4), torch.rand(7, 1, 4)
    anchors[..., 2:] += 1
    assert box_coder.decode(codes, anchors).shape == (2, 7, 3, 4)
    assert torch.allclose(
        box_coder.decode(codes, anchors)[1, 5, 2], box_coder.decode(codes[1, 5, 2], anchors[5, 0]), atol=1e-6
    )


def test_a_box_without_area_gives_finite_codes():
    """The reference's 1e-8 on every side keeps the logarithm finite."""
    flat, full = torch.tensor([5.0, 5.0, 5.0, 5.0]), torch.tensor([0.0, 0.0, 10.0, 10.0])
    assert box_coder.encode(flat, full).isfinite().all()
    assert box_coder.encode(full, flat).isfinite().all()
