"""Anchors: the reference's twelve shapes, its order, its centres."""

import pytest
import torch

from fractura.models.faster_rcnn.anchors import clip, grid_anchors, inside
from fractura.models.faster_rcnn.settings import AnchorSettings

REFERENCE = {
    "stride": 16,
    "base_size": 256.0,
    "scales": (0.25, 0.5, 1.0, 2.0),
    "aspect_ratios": (0.5, 1.0, 2.0),
    "offset": 0.0,
}
SHAPES = [  # (height, width): aspect ratio outer, scale inner
    (90.5, 45.3), (181.0, 90.5), (362.0, 181.0), (724.1, 362.0),
    (64.0, 64.0), (128.0, 128.0), (256.0, 256.0), (512.0, 512.0),
    (45.3, 90.5), (90.5, 181.0), (181.0, 362.0), (362.0, 724.1),
]  # fmt: skip


def test_shapes_and_their_order():
    anchors = grid_anchors(1, 1, **REFERENCE)
    assert anchors.dtype == torch.float32
    sizes = torch.stack([anchors[:, 3] - anchors[:, 1], anchors[:, 2] - anchors[:, 0]], dim=1)
    assert (sizes - torch.tensor(SHAPES)).abs().max() < 0.06
    assert ((anchors[:, :2] + anchors[:, 2:]) == 0).all(), "centred on the offset"


@pytest.mark.parametrize(("side", "count"), [(640, 19200), (1024, 49152)])
def test_counts_of_the_reference(side, count):
    assert len(grid_anchors(side // 16, side // 16, **REFERENCE)) == count


@pytest.mark.parametrize("offset", [0.0, 8.0])
def test_rows_then_columns_then_shapes(offset):
    anchors = grid_anchors(3, 5, **REFERENCE | {"offset": offset})
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    expected = [[x * 16 + offset, y * 16 + offset] for y in range(3) for x in range(5) for _ in range(12)]
    assert torch.allclose(centres, torch.tensor(expected), atol=1e-4)
    assert torch.allclose(anchors[12:24] - anchors[:12], torch.tensor([16.0, 0, 16, 0]), atol=1e-4)


def test_clip_and_inside():
    boxes = torch.tensor(
        [[-5.0, -6, 120, 70], [0, 0, 100, 50], [0, 0, 100.1, 50], [10, -0.1, 20, 20], [10, 10, 20, 51]]
    )
    assert clip(boxes, 50, 100).tolist()[0] == [0, 0, 100, 50]
    assert inside(boxes, 50, 100).tolist() == [False, True, False, False, False]
    assert inside(clip(boxes, 50, 100), 50, 100).all()
    assert clip(boxes[None, None], 50, 100).shape == (1, 1, 5, 4)


def test_each_map_needs_its_own_size_and_offset():
    assert AnchorSettings().per_location == 12
    with pytest.raises(ValueError, match="one value per feature map"):
        AnchorSettings(strides=(8, 16), base_sizes=(24.0,), offsets=(4.0, 8.0))
