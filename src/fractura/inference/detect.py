"""Run a model over images, a few at a time, so that a folder of any size fits into memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.calibrator import Calibrator
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, FracturaError, NotEnoughMemoryError
from fractura.core.image_score import image_score
from fractura.core.parallel import in_order
from fractura.imaging.reader import read_radiograph, read_record
from fractura.inference.answer import measured_sensitivity
from fractura.inference.discovery import ImageFile, find_images
from fractura.inference.domain import Domain
from fractura.inference.prediction import Prediction
from fractura.inference.runtimes.runtime import Runtime, images_at_once
from fractura.inference.settings import DetectionSettings
from fractura.inference.views import detect_in_views, known_views

OnError = Literal["stop", "skip"]
_logger = logging.getLogger(__name__)


class Predictor:
    """Applies a model to pixels, always with the same settings.

    Args:
        model: From ``load_model``.
        settings: Views and threshold.

    Raises:
        ModelError: The card's calibration or domain cannot be read.
    """

    def __init__(self, model: Runtime, settings: DetectionSettings) -> None:
        self._model, self._settings = model, settings
        self._calibrator = Calibrator.from_card(model.card, settings.views)
        self._domain = Domain.from_card(model.card)
        self._sensitivity = measured_sensitivity(model.card, settings)
        self.at_once = images_at_once(model)
        """How many threads may call ``predict`` at the same time to advantage."""

    def predict(
        self, image: NDArray[np.uint8], name: str, path: Path | None = None, body_part: str | None = None
    ) -> Prediction:
        """Detect on one image, uint8 ``(h, w, 3)``, of this body part if its header says so."""
        candidates = detect_in_views(self._model, image, self._settings.views)
        height, width = image.shape[:2]
        return Prediction(
            name=name,
            path=path,
            image=image,
            boxes=candidates.above(self._settings.threshold).clip(width, height).with_area(),
            image_score=image_score(candidates),
            class_names=self._model.card.class_names,
            settings=self._settings,
            calibrator=self._calibrator,
            sensitivity=self._sensitivity,
            warning=None if self._domain is None else self._domain.warning(image, body_part),
        )


def detect_images(
    model: Runtime,
    paths: Iterable[Path | str | ImageFile],
    settings: DetectionSettings | None = None,
    *,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
) -> Iterator[Prediction]:
    """Detect on images in order, as each is asked for; a model opened for ``many`` is a few images ahead.

    Args:
        model: From ``load_model``.
        paths: Files and folders (see ``find_images``), or images that were found already.
        settings: Views and threshold; by default those of the model's card.
        on_error: ``stop`` at the first image that cannot be read, or ``skip`` it.
        problems: Collects what was skipped; without it that is logged as warnings.

    Raises:
        DataError: A path does not exist, or (``stop``) an image cannot be read.
        NotEnoughMemoryError: An image does not fit into memory (one that cannot even be read is skipped by ``skip``).
        UsageError: Tiles are too small for an image.
        ModelError: The card's calibration or domain cannot be read.

    Example:
        ``for prediction in detect_images(model, ["radiographs/"]): print(prediction.to_dict())``
    """
    predictor = Predictor(model, settings or DetectionSettings.of(model.card))
    # Found before the first image is asked for, so that a wrong path is an error at once.
    given = list(paths)
    images = [entry for entry in given if isinstance(entry, ImageFile)]
    others = [entry for entry in given if not isinstance(entry, ImageFile)]
    if others or not images:
        images += find_images(others).images
    return _predictions(predictor, images, on_error, problems)


def _predictions(
    predictor: Predictor, images: list[ImageFile], on_error: OnError, problems: list[FracturaError] | None
) -> Iterator[Prediction]:
    def examine(image: ImageFile) -> Prediction | DataError | NotEnoughMemoryError:
        try:
            radiograph = read_radiograph(image.path)
        except (DataError, NotEnoughMemoryError) as error:
            return error
        return predictor.predict(radiograph.pixels, image.name, image.path, radiograph.facts.body_part)

    for found in in_order(examine, images, predictor.at_once):
        if isinstance(found, Prediction):
            yield found
        elif on_error == "stop":
            raise found
        elif problems is None:
            _logger.warning("skipped %s", found)
        else:
            problems.append(found)


def detect_dataset(model: Runtime, dataset: Dataset, *, views: Sequence[str] | None = None) -> Iterator[Boxes]:
    """Find all candidates on each image of a data set, in its order, not cut at any threshold: for ``evaluate``.

    Labels are positions in the model's class names.

    Args:
        model: From ``load_model``.
        dataset: The images.
        views: How each image is examined, see ``fractura.inference.views``; by default as the model's card says.

    Raises:
        DataError: An image cannot be read, or its size is not the one its annotation was made for.
        UsageError: There is no such view, or its tiles are too small for an image.
    """
    chosen = known_views(model.card.views if views is None else views)

    def examine(record: Record) -> Boxes:
        return detect_in_views(model, read_record(record).pixels, chosen)

    yield from in_order(examine, dataset.records, images_at_once(model))
