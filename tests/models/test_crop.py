"""Crop-and-resize against the loop that defines it."""

import math

import numpy as np
import pytest
import torch

from fractura.models.faster_rcnn.crop import crop_and_resize

BOXES = [
    [0.0, 0.0, 1.0, 1.0],
    [0.2, 0.1, 0.7, 0.45],
    [0.5, 0.5, 0.5, 0.5],  # a point
    [-0.3, 0.2, 0.4, 1.5],  # beyond the image
    [0.9, 0.8, 0.1, 0.2],  # turned: mirrored, as the formula says
    [1.2, 1.2, 1.9, 1.9],  # wholly outside
]


def naive(features, box, size):
    """``(c, h, w)`` and one xyxy box in fractions: ``(c, size, size)``; corners aligned, zero outside."""
    channels, height, width = features.shape
    left, top, right, bottom = box
    out = np.zeros((channels, size, size))

    def cell(y, x):
        return features[:, y, x] if 0 <= y < height and 0 <= x < width else np.zeros(channels)

    for i in range(size):
        for j in range(size):
            step_y, step_x = (i / (size - 1), j / (size - 1)) if size > 1 else (0.0, 0.0)
            y = (top + step_y * (bottom - top)) * (height - 1)
            x = (left + step_x * (right - left)) * (width - 1)
            y0, x0 = math.floor(y), math.floor(x)
            for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
                weight = (1 - abs(y - y0 - dy)) * (1 - abs(x - x0 - dx))
                out[:, i, j] += weight * cell(y0 + dy, x0 + dx)
    return out


@pytest.mark.parametrize("size", [1, 2, 7])
def test_it_is_the_naive_loop(size):
    features = torch.randn(2, 3, 9, 6, dtype=torch.float32, generator=torch.Generator().manual_seed(0))
    boxes = torch.tensor([BOXES, BOXES[::-1]])
    crops = crop_and_resize(features, boxes, size)
    assert crops.shape == (2 * len(BOXES), 3, size, size)
    for radiograph in range(2):
        for number, box in enumerate(boxes[radiograph].tolist()):
            expected = naive(features[radiograph].double().numpy(), box, size)
            assert np.abs(crops[radiograph * len(BOXES) + number].numpy() - expected).max() < 1e-4, (radiograph, box)


def test_the_whole_map_at_its_own_size_is_the_map():
    features = torch.randn(1, 2, 5, 5)
    assert torch.allclose(crop_and_resize(features, torch.tensor([[BOXES[0]]]), 5), features, atol=1e-5)


def test_gradients_reach_the_features_and_not_the_boxes():
    features, boxes = torch.randn(1, 2, 5, 5, requires_grad=True), torch.rand(1, 3, 4, requires_grad=True)
    crop_and_resize(features, boxes, 4).sum().backward()
    assert features.grad.abs().sum() > 0
    assert boxes.grad is None


def test_no_regions():
    assert crop_and_resize(torch.randn(2, 3, 5, 5), torch.zeros(2, 0, 4), 7).shape == (0, 3, 7, 7)
