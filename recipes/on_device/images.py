"""All images of a training run in memory, as one tensor of pixels and one of boxes, and a file to move them in."""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fractura.core.dataset import Dataset, Record

LARGEST, SHRUNK = 512, 640
"""Images whose longer side exceeds the first are shrunk to the second, in pixels; others keep their size."""
MOST_BOXES = 8
"""Boxes of an image beyond this number are not trained on; FracAtlas has at most five."""


@dataclass(frozen=True)
class Pictures:
    """Grey images and their ground truth, padded to one size.

    Attributes:
        pixels: uint8 ``(n, 1, SHRUNK, SHRUNK)``: each image in the upper left corner, the rest black.
        sizes: float32 ``(n, 2)``: width and height of each image, in pixels.
        boxes: float32 ``(n, MOST_BOXES, 4)``: xyxy in pixels of the image.
        counts: int64 ``(n,)``: how many of the boxes are real.
    """

    pixels: Tensor
    sizes: Tensor
    boxes: Tensor
    counts: Tensor

    def __len__(self) -> int:
        return len(self.pixels)

    def to(self, device: torch.device) -> Pictures:
        """The same on another device."""
        return Pictures(*(each.to(device) for each in (self.pixels, self.sizes, self.boxes, self.counts)))


def encode(record: Record, quality: int | None = None) -> tuple[bytes, np.ndarray]:
    """An image of at most ``SHRUNK`` pixels as a file's bytes, and its boxes ``(n, 4)``.

    Args:
        record: The image with its boxes.
        quality: Quality of WebP, 0..100; None writes a lossless PNG.
    """
    grey = Image.open(io.BytesIO(record.read_bytes())).convert("L")
    boxes = record.boxes.xyxy.astype(np.float32)
    if max(grey.size) > LARGEST:
        scale = SHRUNK / max(grey.size)
        size = (round(grey.width * scale), round(grey.height * scale))
        boxes = boxes * np.array([size[0] / grey.width, size[1] / grey.height] * 2, dtype=np.float32)
        grey = grey.resize(size, Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    if quality is None:
        grey.save(stream, "PNG", compress_level=1)
    else:
        grey.save(stream, "WEBP", quality=quality, method=5)
    return stream.getvalue(), boxes


def pack(data: Iterable[Dataset], file: Path, *, quality: int | None = None) -> None:
    """Write all images into one file that ``unpack`` reads; with a WebP ``quality`` it is small enough to move."""
    records = [record for dataset in data for record in dataset]
    with ThreadPoolExecutor() as pool:
        encoded = list(pool.map(lambda record: encode(record, quality), records))
    boxes = [each for _, each in encoded]
    np.savez(
        file,
        bytes=np.frombuffer(b"".join(each for each, _ in encoded), np.uint8),
        lengths=np.array([len(each) for each, _ in encoded]),
        boxes=np.concatenate(boxes),
        counts=np.array([len(each) for each in boxes]),
    )


def unpack(file: Path) -> Pictures:
    """Read what ``pack`` wrote."""
    stored: dict[str, Any] = dict(np.load(file))
    ends = np.cumsum(stored["lengths"])
    whole = stored["bytes"].tobytes()
    pieces = [whole[end - length : end] for end, length in zip(ends, stored["lengths"], strict=True)]
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(lambda piece: np.asarray(Image.open(io.BytesIO(piece)).convert("L")), pieces))
    pixels = np.zeros((len(images), 1, SHRUNK, SHRUNK), np.uint8)
    boxes = np.zeros((len(images), MOST_BOXES, 4), np.float32)
    first = 0
    for place, (image, count) in enumerate(zip(images, stored["counts"], strict=True)):
        pixels[place, 0, : image.shape[0], : image.shape[1]] = image
        boxes[place, : min(count, MOST_BOXES)] = stored["boxes"][first : first + count][:MOST_BOXES]
        first += count
    sizes = np.array([image.shape[::-1] for image in images], np.float32)
    counts = np.minimum(stored["counts"], MOST_BOXES)
    return Pictures(*(torch.from_numpy(each) for each in (pixels, sizes, boxes, counts)))
