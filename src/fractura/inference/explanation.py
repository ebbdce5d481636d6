"""Where the evidence for a detection lies: parts of the image are blurred one after the other, and the drop of the
detection's score is measured.

Follows the occlusion of Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, section
4.2, from coarse to fine: where blurring costs most, the place is divided further, and what it costs is shared among its
quarters in proportion to what each of them costs. It needs nothing but the model's answers, so that it works with every
runtime.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.inference.runtimes.runtime import Runtime
from fractura.inference.views import WHOLE, Part, known_views, parts_of

PASSES = 60
"""Runs of the model on one image after the first ones: what bounds the time."""
MOST_DETECTIONS = 3
_LONGEST_SIDE = 1024
_COARSE = 4  # places along the longer side to begin with
_SMALLEST = 1 / 36  # of the longer side: what is not larger is not divided
_BLUR = 24  # pixels that are left of the longer side in what a place is replaced with
_SAME_DETECTION_IOU = 0.3  # what is left of a detection moves a little


_Square = tuple[int, int, int]
"""Left, top and side of a place, in pixels of what the model is shown."""


def explain(
    model: Runtime, image: NDArray[np.uint8], detections: Boxes, views: Sequence[str] = WHOLE, *, passes: int = PASSES
) -> NDArray[np.float32]:
    """How much each place of an image matters for its best detections.

    Every detection is watched in the part of the image, among those that the views show, in which it scores highest, or
    in one that is examined anyway for a better detection and shows it half as well.

    Args:
        model: From ``load_model``.
        image: uint8 ``(h, w, 3)``.
        detections: What was found on it, best first; the first ``MOST_DETECTIONS`` are explained.
        views: How the image was examined.
        passes: Runs of the model to spend.

    Returns:
        float32 ``(h, w)``: evidence by area, 1 where it is densest; all 0 if blurring no place costs anything.
    """
    height, width = image.shape[:2]
    heat = np.zeros((height, width), dtype=np.float32)
    explained = detections.select(np.arange(min(len(detections), MOST_DETECTIONS)))
    groups = _detections_by_part(model, image, explained, known_views(views))
    for part, rows in groups.items():
        left, top, right, bottom = part.window
        shown = _heat_of_part(model, part.cut(image), part.locate(explained.select(rows)), passes // len(groups))
        shown = shown[:, ::-1] if part.mirrored else shown
        heat[top:bottom, left:right] = np.maximum(heat[top:bottom, left:right], shown)
    return np.asarray(heat / heat.max()) if heat.any() else heat


def _detections_by_part(
    model: Runtime, image: NDArray[np.uint8], detections: Boxes, views: Sequence[str]
) -> dict[Part, list[int]]:
    """The parts to examine, and for each the positions of the detections to watch there."""
    if not len(detections):
        return {}
    height, width = image.shape[:2]
    parts = [part for view in views for part in parts_of(view, width, height) if part.shows_some(detections)]
    scores = np.stack([_scores_of(detections, part.place(model.detect(part.cut(image)))) for part in parts])
    groups: dict[int, list[int]] = {}
    for row in range(len(detections)):
        good = [part for part in groups if scores[part, row] >= scores[:, row].max() / 2]
        groups.setdefault(good[0] if good else int(scores[:, row].argmax()), []).append(row)
    return {parts[part]: rows for part, rows in groups.items()}


def _scores_of(detections: Boxes, found: Boxes) -> NDArray[np.float32]:
    """What each detection scores among the boxes that were found: the best one of its class at its place, or 0."""
    same = (detections.iou(found) >= _SAME_DETECTION_IOU) & (detections.labels[:, None] == found.labels[None, :])
    scores = np.zeros(0, np.float32) if found.scores is None else found.scores
    return np.asarray(np.where(same, scores[None, :], 0).max(axis=1, initial=0.0), np.float32)


def _heat_of_part(model: Runtime, pixels: NDArray[np.uint8], detections: Boxes, passes: int) -> NDArray[np.float32]:
    """The heat of what the model is shown in one pass: float32, as high and wide as ``pixels``."""
    full_height, full_width = pixels.shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(full_height, full_width))
    width, height = max(round(full_width * scale), 1), max(round(full_height * scale), 1)
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height), Image.Resampling.BOX)
    shown = np.asarray(image)
    detections = detections.scale(width / full_width, height / full_height)
    longer = max(width, height)
    small = (max(round(_BLUR * width / longer), 1), max(round(_BLUR * height / longer), 1))
    blurred = np.asarray(image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.BICUBIC))
    scores = _scores_of(detections, model.detect(shown))

    def shared_out(evidence: float, squares: list[_Square]) -> list[tuple[float, _Square]]:
        losses = []
        for square in squares:
            without = _scores_of(detections, model.detect(_replaced(shown, blurred, square)))
            losses.append(float(np.max(scores - without, initial=0.0)))
        total = sum(losses)
        # Where no part of a place costs anything, the place keeps what it has.
        return [(-evidence * loss / total, square) for loss, square in zip(losses, squares, strict=True) if total]

    heat = np.zeros((height, width), dtype=np.float32)
    side = max(-(-longer // _COARSE), 1)
    squares = [(left, top, side) for top in range(0, height, side) for left in range(0, width, side)]
    evidence = 1.0
    waiting: list[tuple[float, _Square]] = []  # what has most evidence comes first: hence the minus
    while len(squares) <= passes:
        passes -= len(squares)
        parts = shared_out(evidence, squares)
        for less, (left, top, side) in parts:
            heat[top : top + side, left : left + side] = -less / side**2
        waiting += [part for part in parts if part[0] < 0 and part[1][2] > _SMALLEST * longer]
        if not waiting:
            break
        heapq.heapify(waiting)
        less, (left, top, side) = heapq.heappop(waiting)
        evidence, half = -less, -(-side // 2)
        squares = [(x, y, half) for y in (top, top + half) for x in (left, left + half) if x < width and y < height]
    return _smooth(heat, (full_width, full_height))


def _replaced(shown: NDArray[np.uint8], blurred: NDArray[np.uint8], square: _Square) -> NDArray[np.uint8]:
    """The image with one square taken from its blurred twin; the seam is soft, since an edge would be something new."""
    left, top, side = square
    height, width = shown.shape[:2]
    soft = max(side / 4, 1.0)

    def share(start: int, length: int) -> NDArray[np.float32]:
        middle = np.arange(length, dtype=np.float32) + 0.5
        inside = np.minimum(middle - start, start + side - middle)
        return np.asarray(np.clip(inside / soft + 0.5, 0, 1))

    mask = (share(top, height)[:, None] * share(left, width)[None, :])[:, :, None]
    changed: NDArray[np.uint8] = np.rint(shown + mask * (blurred.astype(np.float32) - shown)).astype(np.uint8)
    return changed


def _smooth(heat: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The heat at another size (width, height), without the steps from place to place."""
    height, width = heat.shape
    longer = max(height, width)
    cells = (max(round(width / longer / _SMALLEST), 1), max(round(height / longer / _SMALLEST), 1))
    picture = Image.fromarray(heat).resize(cells, Image.Resampling.BOX).resize(size, Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)
