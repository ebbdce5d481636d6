"""How far do classical image operations get on the phantoms? Prints the AP50 of a tuned baseline on unseen images.

The peer of every detector that is tried on phantoms: if thresholds, edges and blobs found the fractures, a network
that finds them would prove nothing. For every image a map of suspicion is made (dark thin structure, blobs, edges or
local contrast, at several scales, inside the bone or everywhere), cut at a quantile, and every connected region that
is neither too small nor too large becomes a box with the region's strength as score. All parameters are chosen on
training images by AP50; the metric printed is that of other images.

Usage: python benchmarks/phantom_baseline.py [--train 50] [--val 80] [--seed 7]
Needs SciPy (``pip install "fractura[train]"``).
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.evaluation.coco_metrics import average_precision
from fractura.phantom import Phantom, make_phantom

SUSPICIONS = ("dark lines", "ridges", "blobs", "edges", "contrast")
SCALES = (1.0, 1.6, 2.5)
BONE_QUANTILES = (0.0, 0.7)
POOLINGS = (0.0, 3.0, 6.0)
CUTS = (0.99, 0.995, 0.998, 0.999)
GROWTHS = (0, 3, 6)
LARGEST_SHARE = 0.03
DETECTIONS = 20


def suspicion(image: NDArray[np.float32], kind: str, scale: float) -> NDArray[np.float32]:
    """A map that is high where something of this kind and size lies."""
    if kind == "dark lines":
        size = 2 * round(2 * scale) + 1
        smooth = ndimage.gaussian_filter(image, 0.5 * scale)
        return ndimage.grey_closing(smooth, size=(size, size)) - smooth
    if kind == "ridges":
        yy, yx, xx = (ndimage.gaussian_filter(image, scale, order=order) for order in ((2, 0), (1, 1), (0, 2)))
        return np.maximum((yy + xx) / 2 + np.hypot((yy - xx) / 2, yx), 0) * scale**2
    if kind == "blobs":
        return np.abs(ndimage.gaussian_laplace(image, scale)) * scale**2
    if kind == "edges":
        return ndimage.gaussian_gradient_magnitude(image, scale) * scale
    mean = ndimage.gaussian_filter(image, 2 * scale)
    return np.sqrt(np.maximum(ndimage.gaussian_filter(image**2, 2 * scale) - mean**2, 0))


def detections(
    strength: NDArray[np.float32], cut: float, growth: int
) -> tuple[list[tuple[int, int, int, int]], list[float]]:
    """Boxes around the regions above a quantile, grown by some pixels, and the mean strength in each."""
    regions, count = ndimage.label(strength > np.quantile(strength, cut))
    if not count:
        return [], []
    scores = ndimage.mean(strength, regions, range(1, count + 1)) * np.sqrt(np.bincount(regions.ravel())[1:])
    height, width = strength.shape
    found = []
    for (rows, columns), score in zip(ndimage.find_objects(regions), scores, strict=True):
        box = (
            max(columns.start - growth, 0),
            max(rows.start - growth, 0),
            min(columns.stop + growth, width),
            min(rows.stop + growth, height),
        )
        area = (box[2] - box[0]) * (box[3] - box[1])
        if 80 <= area <= LARGEST_SHARE * height * width:
            found.append((float(score), box))
    found.sort(reverse=True)
    return [box for _, box in found[:DETECTIONS]], [score for score, _ in found[:DETECTIONS]]


def strengths(phantom: Phantom, kind: str, scale: float, bone: float, pooling: float) -> NDArray[np.float32]:
    """The map of one image, restricted to bright surroundings (bone) and pooled, freed of the image's own contrast."""
    image = phantom.pixels.astype(np.float32)
    strength = suspicion(image, kind, scale)
    if bone:
        around = ndimage.grey_closing(ndimage.gaussian_filter(image, 1.0), size=(9, 9))
        body = ndimage.binary_erosion(around > np.quantile(around[around < 250], bone), iterations=2)
        # White strips of unexposed image are no bone.
        strength = strength * (body & ~ndimage.binary_dilation(ndimage.minimum_filter(image, 15) > 245, iterations=15))
    if pooling:
        strength = ndimage.gaussian_filter(strength, pooling)
    return strength / (image.std() + 1)


def as_dataset(phantoms: list[Phantom]) -> Dataset:
    """The phantoms as the evaluation wants them; nothing is written."""
    return Dataset(
        ("Fractura",),
        tuple(
            Record(Path(f"{index}.jpg"), phantom.pixels.shape[1], phantom.pixels.shape[0], phantom.boxes)
            for index, phantom in enumerate(phantoms)
        ),
    )


def score(phantoms: list[Phantom], maps: list[NDArray[np.float32]], cut: float, growth: int) -> float:
    """AP50 of one choice of parameters."""
    found = [detections(strength, cut, growth) for strength in maps]
    top = max((value for _, values in found for value in values), default=1.0)
    predictions = [Boxes(boxes, [0] * len(boxes), np.array(values) / top) for boxes, values in found]
    metric = average_precision(as_dataset(phantoms), predictions)["AP50"]
    return 0.0 if metric is None else metric


def main() -> None:
    """Choose parameters on the training images, measure on the others, print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=50, help="images to choose parameters on")
    parser.add_argument("--val", type=int, default=80, help="images to measure on")
    parser.add_argument("--seed", type=int, default=7, help="seed of the phantoms")
    arguments = parser.parse_args()
    started = time.monotonic()
    train = [make_phantom(arguments.seed, index) for index in range(arguments.train)]
    val = [make_phantom(arguments.seed, index, stream=1) for index in range(arguments.val)]
    tried = 0
    best: tuple[float, tuple[str, float, float, float], float, int] | None = None
    for choice in itertools.product(SUSPICIONS, SCALES, BONE_QUANTILES, POOLINGS):
        maps = [strengths(phantom, *choice) for phantom in train]
        for cut, growth in itertools.product(CUTS, GROWTHS):
            metric = score(train, maps, cut, growth)
            tried += 1
            if best is None or metric > best[0]:
                best = (metric, choice, cut, growth)
    assert best is not None
    train_metric, choice, cut, growth = best
    names = ("suspicion", "scale", "bone_quantile", "pooling")
    result = {
        "AP50": round(score(val, [strengths(phantom, *choice) for phantom in val], cut, growth), 4),
        "AP50_on_training_images": round(train_metric, 4),
        "images": {"train": arguments.train, "val": arguments.val},
        "choices_tried": tried,
        "chosen": {**dict(zip(names, choice, strict=True)), "cut": cut, "growth": growth},
        "seconds": round(time.monotonic() - started, 1),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
