"""Dividing artificial data sets of 10,000 and 100,000 images: time, and how it grows.

    python benchmarks/split.py [--images 10000 100000]

The images exist as records and fingerprints only (about 6 images a patient, half of the patients known, 2 % copies);
reading real images comes on top and is measured by ``fractura split`` itself.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.quality.perceptual_hash import Fingerprint, near_duplicate_pairs
from fractura.quality.splits import split_dataset


def artificial(images: int, seed: int = 0) -> tuple[Dataset, list[Fingerprint]]:
    """Records and fingerprints."""
    generator = np.random.default_rng(seed)
    parts = ("WRIST", "HAND", "ANKLE", "KNEE")
    noise = generator.integers(0, 256, (images, 64 + 1024), dtype=np.uint8)
    copies = generator.random(images) < 0.02
    copies[0] = False
    records, prints = [], []
    for number in range(images):
        patient = number // 6
        known = f"{patient:08x}" if patient % 2 else None
        positive = generator.random() < 0.3
        left, top = generator.uniform(0, 300, 2)
        boxes = (
            Boxes([[left, top, left + 20, top + 30]], [int(generator.integers(0, 3))]) if positive else Boxes.empty()
        )
        records.append(Record(Path(f"{number:06d}.png"), 373, 454, boxes, patient=known, body_part=parts[patient % 4]))
        source = noise[number - 1] if copies[number] else noise[number]
        prints.append(Fingerprint(source[:32].tobytes(), source[32:64].tobytes(), source[64:].tobytes(), 1.0))
    return Dataset(("fracture", "metal", "cast"), tuple(records)), prints


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    arguments = parser.parse_args()
    print(
        f"{'images':>9}{'near-duplicates s':>15}{'split s':>10}{'µs an image':>11}{'groups':>9}{'worst share off':>17}"
    )
    for images in arguments.images:
        dataset, prints = artificial(images)
        start = time.perf_counter()
        near_duplicate_pairs(prints)
        middle = time.perf_counter()
        split = split_dataset(dataset, fingerprints=prints)
        end = time.perf_counter()
        off = 0.0
        for name, share in split.shares.items():
            part = split.part(name)
            got = [
                len(part) / images,
                *(part.boxes_by_class[c] / dataset.boxes_by_class[c] for c in dataset.class_names),
            ]
            off = max(off, *(abs(each - share) for each in got))
        print(
            f"{images:9}{middle - start:15.2f}{end - middle:10.2f}{(end - middle) / images * 1e6:11.1f}{split.groups:9}"
            f"{off:17.4f}"
        )
    print("split s includes the near-duplicate search; shares off: of images and of boxes of each class")


if __name__ == "__main__":
    main()
