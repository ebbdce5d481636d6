"""Small data sets for the tests of the metrics."""

from pathlib import Path

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record


def image(boxes=(), labels=None, difficult=None, *, name="a.png"):
    """An image of 200 x 200 pixels with these boxes."""
    labels = [0] * len(boxes) if labels is None else labels
    flags = tuple(BoxFlags(difficult=bool(flag)) for flag in (difficult or [False] * len(boxes)))
    return Record(image=Path(name), width=200, height=200, boxes=Boxes(boxes, labels), flags=flags)


def dataset(*records, class_names=("fracture",)):
    return Dataset(class_names=tuple(class_names), records=tuple(records))


def detections(*rows, labels=None):
    """Scored boxes from rows ``(left, top, right, bottom, score)``."""
    table = np.array(rows, dtype=np.float32).reshape(-1, 5)
    return Boxes(table[:, :4], [0] * len(table) if labels is None else labels, table[:, 4])


def random_case(seed, *, images=12, classes=2, difficult=True, score_steps=None):
    """Random images with random detections, many of them near a box; with ``score_steps`` scores repeat."""
    random = np.random.default_rng(seed)
    records, predictions = [], []
    for index in range(images):
        count = int(random.integers(0, 5))
        corner = random.uniform(0, 120, (count, 2))
        boxes = np.hstack([corner, corner + random.uniform(4, 110, (count, 2))]).astype(np.float32)
        labels = random.integers(0, classes, count)
        flags = random.random(count) < (0.25 if difficult else 0)
        records.append(image(boxes, labels, flags.tolist(), name=f"{index}.png"))
        copies = np.repeat(np.arange(count), random.integers(0, 4, count))
        near = boxes[copies] + random.normal(0, 8, (len(copies), 4))
        strays = int(random.integers(0, 4))
        corner = random.uniform(0, 120, (strays, 2))
        far = np.hstack([corner, corner + random.uniform(4, 110, (strays, 2))])
        found = np.vstack([near, far]).astype(np.float32)
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        scores = random.random(len(found)).astype(np.float32)
        if score_steps:
            scores = np.round(scores * score_steps) / score_steps
        found_labels = np.concatenate([labels[copies], random.integers(0, classes, strays)])
        predictions.append(Boxes(found, found_labels, scores))
    return dataset(*records, class_names=[f"class {index}" for index in range(classes)]), predictions
