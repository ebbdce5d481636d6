"""``Model``: a detector ready for use, which predicts on files, Pillow images and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.errors import DataError
from fractura.core.model_card import ModelCard
from fractura.imaging.reader import read_radiograph
from fractura.inference.detect import Predictor
from fractura.inference.origin import model_digest
from fractura.inference.pixels import pixels_of
from fractura.inference.prediction import Prediction
from fractura.inference.runtimes.runtime import Runtime, images_at_once
from fractura.inference.settings import DetectionSettings

ImageInput = Path | str | Image.Image | NDArray[Any]
"""A file, a Pillow image, or an array: uint8 or uint16 ``(h, w)``, or uint8 ``(h, w, 3)`` RGB."""
Input = TypeVar("Input", bound=ImageInput)
_UNNAMED = "image"


class Model:
    """A detector ready for use; ``load_model`` opens one.

    Args:
        runtime: What runs it.
        path: Its file or folder, where it came from one.

    Examples:
        >>> from fractura import load_model, make_phantom
        >>> model = load_model("built-in")
        >>> prediction = model.predict(make_phantom(seed=1, index=0).pixels)
        >>> prediction.settings == DetectionSettings.of(model.card)
        True
    """

    def __init__(self, runtime: Runtime, path: Path | None = None) -> None:
        self._runtime, self._path = runtime, path

    @property
    def card(self) -> ModelCard:
        """Class names, threshold and everything else known about the model."""
        return self._runtime.card

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order."""
        return self.card.class_names

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the model's files, by which a result names it; empty for a model that came from no file.

        Raises:
            ModelError: A file cannot be read any more.
        """
        return "" if self._path is None else model_digest(self._path)

    @property
    def device(self) -> str:
        """Where it runs: ``cuda`` or ``cpu``."""
        return self._runtime.device

    @property
    def precision(self) -> str:
        """``float32`` or ``bf16``: what it computes in, whatever was asked for."""
        return getattr(self._runtime, "precision", "float32")

    @property
    def at_once(self) -> int:
        """How many images it takes at the same time to advantage; see ``many`` of ``load_model``."""
        return images_at_once(self._runtime)

    def __repr__(self) -> str:
        return f"Model({self.card.name!r}, class_names={self.class_names}, device={self.device!r})"

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """Find all candidates on one image seen once, whole; best first, not cut at any threshold.

        Most callers want ``predict``, which applies the card's views and threshold.

        Args:
            image: uint8 ``(h, w, 3)`` RGB, as ``read_radiograph`` gives it.

        Returns:
            Scored boxes in pixels of ``image``; labels are positions in ``class_names``.

        Raises:
            ValueError: The array is not an image.
        """
        return self._runtime.detect(image)

    @overload
    def predict(
        self,
        image: ImageInput,
        threshold: float | None = None,
        *,
        fast: bool = False,
        tile: bool | int = False,
        views: Sequence[str] | None = None,
    ) -> Prediction: ...

    @overload
    def predict(
        self,
        image: list[Input] | tuple[Input, ...],
        threshold: float | None = None,
        *,
        fast: bool = False,
        tile: bool | int = False,
        views: Sequence[str] | None = None,
    ) -> list[Prediction]: ...

    def predict(
        self,
        image: ImageInput | list[Input] | tuple[Input, ...],
        threshold: float | None = None,
        *,
        fast: bool = False,
        tile: bool | int = False,
        views: Sequence[str] | None = None,
    ) -> Prediction | list[Prediction]:
        """Find fractures, with the same views and threshold as ``fractura detect``.

        Args:
            image: A file, a Pillow image or an array, or a list of them; see ``ImageInput``. For folders, and for more
                images than fit into memory, there is ``detect_images``.
            threshold: Lowest score of a detection, 0..1; by default the one on the model's card.
            fast: Use the whole image only: about twice as fast, less accurate (``--fast``).
            tile: Use overlapping tiles as well; a number is their side in pixels (``--tile``, ``--tile-size``).
            views: Use exactly these views, see ``fractura.inference.views``.

        Returns:
            One prediction; for a list a list, in its order.

        Raises:
            DataError: A file does not exist or cannot be read as an image.
            UsageError: The threshold lies outside 0..1, the views are not possible, or an array is not an image.
            ModelError: The model fails on an image, or its card's calibration cannot be read.
            TypeError: The input is neither a path nor an image nor a list of them.

        Example:
            ``prediction = model.predict("wrist.png")``; in a notebook, ``model.predict("wrist.png")`` alone shows the
            image with its detections.
        """
        settings = DetectionSettings.of(self.card, threshold=threshold, fast=fast, tile=tile, views=views)
        predictor = Predictor(self._runtime, settings)
        if isinstance(image, list | tuple):
            return [_predict(predictor, each) for each in image]
        return _predict(predictor, image)


def _predict(predictor: Predictor, image: Any) -> Prediction:
    if isinstance(image, Path | str):
        path = Path(image)
        if path.is_dir():
            raise DataError("is a folder", file=path, hint="for folders use fractura.detect_images(model, [folder])")
        radiograph = read_radiograph(path)
        return predictor.predict(radiograph.pixels, path.stem, path, radiograph.facts.body_part)
    return predictor.predict(pixels_of(image), _UNNAMED)
