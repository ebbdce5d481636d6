"""What is damaged: small images with boxes of every kind, and files that people sent, where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.phantom import make_phantom
from soak.fuzz.harness import LONGEST, Seed

SHARED = Path(__file__).resolve().parents[3] / "shared"
"""Cases of bug reports and real radiographs, which may not be redistributed; used where they are."""
CLASSES = ("Fractura", "luxación", "yeso 2")
SIZES = {"a.png": (24, 16), "muñeca 2.png": (16, 20)}


def small_dataset(folder: Path) -> Dataset:
    """Two images in ``folder``, boxes of every kind on one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number, (name, (width, height)) in enumerate(SIZES.items()):
        Image.fromarray(np.full((height, width), 40 * number, np.uint8)).save(folder / name)
        boxes, flags = Boxes.empty(), ()
        if not number:
            boxes = Boxes([[1, 2, 11, 12], [5.5, 7.25, 20, 15.125]], [0, 1])
            flags = (BoxFlags(), BoxFlags(difficult=True, truncated=True, pose="Left"))
        records.append(Record(folder / name, width, height, boxes, flags, name=name))
    return Dataset(CLASSES, tuple(records), folder)


def with_facts(dataset: Dataset) -> Dataset:
    """The same, and everything else known that formats have a place for."""
    facts = {"patient": "p 1", "split": "train", "body_part": "WRIST", "view": "AP", "laterality": "L"}
    return replace(dataset, records=tuple(replace(record, **facts) for record in dataset))


def phantom(side: int) -> np.ndarray:
    """An artificial radiograph, uint8 ``(side, side)``."""
    return np.asarray(Image.fromarray(make_phantom(seed=0, index=0).pixels).resize((side, side)))


def shared_files(*patterns: str, largest: int = 1 << 16) -> Iterator[Seed]:
    """The files beside the checkout that fit one of the patterns, in the order of their paths."""
    if SHARED.is_dir():
        for path in sorted({path for pattern in patterns for path in SHARED.glob(pattern)}):
            if path.is_file() and path.stat().st_size <= min(largest, LONGEST):
                yield Seed(path.read_bytes())
