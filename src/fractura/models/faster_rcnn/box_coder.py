"""Encoding boxes as offsets from anchors, and decoding them.

Follows tensorflow/models research/object_detection box_coders/faster_rcnn_box_coder.py:60-118. Codes keep
TensorFlow's order (ty, tx, th, tw), so that its weights fit without a permutation; boxes are xyxy.
"""

from __future__ import annotations

import torch
from torch import Tensor

SCALES = (10.0, 10.0, 5.0, 5.0)
_EPSILON = 1e-8


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    left, top, right, bottom = boxes.unbind(-1)
    height, width = bottom - top, right - left
    return top + height / 2, left + width / 2, height, width


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Encode ``(..., 4)`` xyxy boxes relative to ``(..., 4)`` xyxy anchors: ``(..., 4)`` codes (ty, tx, th, tw).

    >>> encode(torch.tensor([2.0, 0.0, 12.0, 10.0]), torch.tensor([0.0, 0.0, 10.0, 10.0]))
    tensor([0., 2., 0., 0.])
    """
    y, x, height, width = _centre_and_size(boxes)
    anchor_y, anchor_x, anchor_height, anchor_width = _centre_and_size(anchors)
    height, width = height + _EPSILON, width + _EPSILON
    anchor_height, anchor_width = anchor_height + _EPSILON, anchor_width + _EPSILON
    return torch.stack(
        [
            (y - anchor_y) / anchor_height * SCALES[0],
            (x - anchor_x) / anchor_width * SCALES[1],
            torch.log(height / anchor_height) * SCALES[2],
            torch.log(width / anchor_width) * SCALES[3],
        ],
        dim=-1,
    )


def decode(codes: Tensor, anchors: Tensor) -> Tensor:
    """Decode ``(..., 4)`` codes (ty, tx, th, tw) on ``(..., 4)`` xyxy anchors: ``(..., 4)`` xyxy boxes, not clipped.

    >>> decode(torch.tensor([0.0, 2.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 10.0, 10.0]))
    tensor([ 2.,  0., 12., 10.])
    """
    anchor_y, anchor_x, anchor_height, anchor_width = _centre_and_size(anchors)
    ty, tx, th, tw = codes.unbind(-1)
    height = torch.exp(th / SCALES[2]) * anchor_height
    width = torch.exp(tw / SCALES[3]) * anchor_width
    y = ty / SCALES[0] * anchor_height + anchor_y
    x = tx / SCALES[1] * anchor_width + anchor_x
    return torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=-1)
