"""Run a model over films: one at a time, so that a folder of any size fits into memory."""

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
from fractura.core.film_score import film_score
from fractura.imaging.reader import Radiograph, read_radiograph
from fractura.inference.discovery import Film, find_films
from fractura.inference.model import Model
from fractura.inference.views import known_views, look

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Detection:
    """What a model marked on one film.

    Attributes:
        film: The film's file and its name for the files made from it.
        boxes: Marks from the threshold up, best first, cut to the film, in pixels of the film as displayed.
        film_score: How surely there is anything on it, 0..1, whatever the threshold; see ``fractura.core.film_score``.
        pixels: uint8 ``(h, w, 3)``: the film as displayed.
    """

    film: Film
    boxes: Boxes
    film_score: float
    pixels: NDArray[np.uint8] = field(repr=False)

    @property
    def width(self) -> int:
        """Pixels, as displayed."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels, as displayed."""
        return int(self.pixels.shape[0])


def detect_films(
    model: Model,
    paths: Iterable[Path | str | Film],
    threshold: float | None = None,
    *,
    views: Sequence[str] | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    problems: list[FracturaError] | None = None,
) -> Iterator[Detection]:
    """Look at films one after the other.

    Args:
        model: From ``load_model``.
        paths: Files and folders (see ``find_films``), or films that were found already.
        threshold: Lowest score that counts, 0..1; by default the one on the model's card.
        views: How to look at each film, see ``fractura.inference.views``; by default as the model's card says.
        on_error: ``stop`` at the first film that cannot be read, or ``skip`` it.
        problems: Collects what was skipped; without it that is logged as warnings.

    Raises:
        DataError: A path does not exist, or (``stop``) a film cannot be read.
        UsageError: There is no such view, or its tiles are too small for a film.
        ValueError: The threshold is outside 0..1.
    """
    lowest = model.card.threshold if threshold is None else threshold
    if not 0 <= lowest <= 1:
        raise ValueError(f"the threshold lies in 0..1, not {lowest}")
    chosen = known_views(model.card.views if views is None else views)
    # Found before the first film is asked for, so that a wrong path is an error at once.
    given = list(paths)
    films = [entry for entry in given if isinstance(entry, Film)]
    others = [entry for entry in given if not isinstance(entry, Film)]
    if others or not films:
        films += find_films(others).films
    return _detections(model, films, lowest, chosen, on_error, problems)


def _detections(
    model: Model,
    films: list[Film],
    threshold: float,
    views: tuple[str, ...],
    on_error: Literal["stop", "skip"],
    problems: list[FracturaError] | None,
) -> Iterator[Detection]:
    for film in films:
        try:
            radiograph = read_radiograph(film.path)
        except DataError as error:
            if on_error == "stop":
                raise
            if problems is None:
                logger.warning("skipped %s", error)
            else:
                problems.append(error)
            continue
        candidates = look(model, radiograph.pixels, views)
        marks = candidates.above(threshold).clip(radiograph.width, radiograph.height)
        yield Detection(film, marks, film_score(candidates), radiograph.pixels)


def detect_dataset(model: Model, dataset: Dataset, *, views: Sequence[str] | None = None) -> Iterator[Boxes]:
    """All candidates on each film of a data set, in its order, not cut at any threshold: what ``evaluate`` takes.

    Labels are positions in the model's class names. ``views`` as in ``detect_films``.

    Raises:
        DataError: A film cannot be read, or its size is not the one its annotation was made for.
        UsageError: There is no such view, or its tiles are too small for a film.
    """
    chosen = known_views(model.card.views if views is None else views)
    for record in dataset.records:
        radiograph = _film_of(record)
        if (radiograph.width, radiograph.height) != (record.width, record.height):
            raise DataError(
                f"the film has {radiograph.width} x {radiograph.height} pixels, its annotation is for "
                f"{record.width} x {record.height}",
                file=record.annotation or record.image,
                hint="look at the folder with: fractura check",
            )
        yield look(model, radiograph.pixels, chosen)


def _film_of(record: Record) -> Radiograph:
    if record.span is None:
        return read_radiograph(record.image)
    try:
        data = record.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=record.image) from error
    return read_radiograph(data, name=f"{record.image}, {record.name}")
