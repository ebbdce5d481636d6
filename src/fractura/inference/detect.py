"""Run a model over images: one at a time, so that a folder of any size fits into memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, FracturaError
from fractura.core.image_score import image_score
from fractura.imaging.reader import Radiograph, read_radiograph
from fractura.inference.discovery import ImageFile, find_images
from fractura.inference.model import Model
from fractura.inference.views import detect_views, known_views

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model annotated on one image.

    Attributes:
        image: The image's file and its name for the files made from it.
        boxes: Detections from the threshold up, best first, cut to the image, in pixels of the image as displayed.
        image_score: How surely there is anything on it, 0..1, whatever the threshold; see
            ``fractura.core.image_score``.
        pixels: uint8 ``(h, w, 3)``: the image as displayed.
    """

    image: ImageFile
    boxes: Boxes
    image_score: float
    pixels: NDArray[np.uint8] = field(repr=False)

    @property
    def width(self) -> int:
        """Pixels, as displayed."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels, as displayed."""
        return int(self.pixels.shape[0])


def detect_images(
    model: Model,
    paths: Iterable[Path | str | ImageFile],
    threshold: float | None = None,
    *,
    views: Sequence[str] | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    problems: list[FracturaError] | None = None,
) -> Iterator[Prediction]:
    """Look at images one after the other.

    Args:
        model: From ``load_model``.
        paths: Files and folders (see ``find_images``), or images that were found already.
        threshold: Lowest score that counts, 0..1; by default the one on the model's card.
        views: How to look at each image, see ``fractura.inference.views``; by default as the model's card says.
        on_error: ``stop`` at the first image that cannot be read, or ``skip`` it.
        problems: Collects what was skipped; without it that is logged as warnings.

    Raises:
        DataError: A path does not exist, or (``stop``) an image cannot be read.
        UsageError: There is no such view, or its tiles are too small for an image.
        ValueError: The threshold is outside 0..1.
    """
    lowest = model.card.threshold if threshold is None else threshold
    if not 0 <= lowest <= 1:
        raise ValueError(f"the threshold lies in 0..1, not {lowest}")
    chosen = known_views(model.card.views if views is None else views)
    # Found before the first image is asked for, so that a wrong path is an error at once.
    given = list(paths)
    images = [entry for entry in given if isinstance(entry, ImageFile)]
    others = [entry for entry in given if not isinstance(entry, ImageFile)]
    if others or not images:
        images += find_images(others).images
    return _detections(model, images, lowest, chosen, on_error, problems)


def _detections(
    model: Model,
    images: list[ImageFile],
    threshold: float,
    views: tuple[str, ...],
    on_error: Literal["stop", "skip"],
    problems: list[FracturaError] | None,
) -> Iterator[Prediction]:
    for image in images:
        try:
            radiograph = read_radiograph(image.path)
        except DataError as error:
            if on_error == "stop":
                raise
            if problems is None:
                logger.warning("skipped %s", error)
            else:
                problems.append(error)
            continue
        candidates = detect_views(model, radiograph.pixels, views)
        detections = candidates.above(threshold).clip(radiograph.width, radiograph.height)
        yield Prediction(image, detections, image_score(candidates), radiograph.pixels)


def detect_dataset(model: Model, dataset: Dataset, *, views: Sequence[str] | None = None) -> Iterator[Boxes]:
    """All candidates on each image of a data set, in its order, not cut at any threshold: what ``evaluate`` takes.

    Labels are positions in the model's class names. ``views`` as in ``detect_images``.

    Raises:
        DataError: An image cannot be read, or its size is not the one its annotation was made for.
        UsageError: There is no such view, or its tiles are too small for an image.
    """
    chosen = known_views(model.card.views if views is None else views)
    for record in dataset.records:
        radiograph = _image_of(record)
        if (radiograph.width, radiograph.height) != (record.width, record.height):
            raise DataError(
                f"the image has {radiograph.width} x {radiograph.height} pixels, its annotation is for "
                f"{record.width} x {record.height}",
                file=record.annotation or record.image,
                hint="look at the folder with: fractura check",
            )
        yield detect_views(model, radiograph.pixels, chosen)


def _image_of(record: Record) -> Radiograph:
    if record.span is None:
        return read_radiograph(record.image)
    try:
        data = record.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=record.image) from error
    return read_radiograph(data, name=f"{record.image}, {record.name}")
