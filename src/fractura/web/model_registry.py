"""The models a server can use: the one it was started with, the built-in one and those trained from the page."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.errors import FracturaError
from fractura.core.model_card import CARD_FILE, ModelCard, read_card
from fractura.imaging.reader import Radiograph
from fractura.inference import Model, load_model
from fractura.inference.built_in import built_in_model
from fractura.inference.domain import Domain
from fractura.inference.explanation import explain
from fractura.inference.origin import ResultOrigin, model_digest
from fractura.inference.runtimes.runtime import Runtime
from fractura.inference.settings import DetectionSettings
from fractura.inference.views import detect_in_views
from fractura.web.api_errors import WebError
from fractura.web.detection_cache import ImageDetections, image_detections

Origin = Literal["built-in", "given", "trained"]


@dataclass(frozen=True, kw_only=True)
class UsableModel:
    """A model that can be used; it is loaded when it first runs.

    Attributes:
        id: Its id in the API.
        origin: Where it comes from.
        path: Its folder or file.
        card: Its model card.
        digest: SHA-256 of its files.
    """

    id: str
    origin: Origin
    path: Path
    card: ModelCard
    digest: str

    def result_origin(self, threshold: float | None = None) -> ResultOrigin:
        """What results of this model carry.

        Args:
            threshold: By default the model's own.
        """
        settings = DetectionSettings.of(self.card, threshold=threshold)
        return ResultOrigin(card=self.card, digest=self.digest, settings=settings)


@dataclass(frozen=True)
class UnusableModel:
    """A model that cannot be used, and why."""

    id: str
    origin: Origin
    problem: str


@dataclass(frozen=True)
class _TakingTurns:
    """A model that waits for its turn before each pass."""

    runtime: Runtime
    turn: threading.Lock

    @property
    def card(self) -> ModelCard:
        return self.runtime.card

    @property
    def device(self) -> str:
        return self.runtime.device

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        with self.turn:
            return self.runtime.detect(image)


class ModelRegistry:
    """Models by id. Inference is serialised across requests: parallel runs would only compete for the same cores."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = threading.Lock()
        self._models: dict[str, UsableModel | UnusableModel] = {}
        self._current: str | None = None
        self._loaded: tuple[Path, Model] | None = None

    @property
    def current(self) -> str | None:
        """Id of the model in use."""
        return self._current

    def entries(self) -> list[UsableModel | UnusableModel]:
        """All models, in the order they were added."""
        with self._lock:
            return list(self._models.values())

    def add(self, model: str, origin: Origin, path: Path | None) -> UsableModel | UnusableModel:
        """Register a model; one that cannot be used is listed with its problem.

        Args:
            model: Its id.
            origin: Where it comes from.
            path: Its folder or file; None for the built-in one.
        """
        entry: UsableModel | UnusableModel
        try:
            path = built_in_model() if path is None else path
            card = self._card(model, path)
            entry = UsableModel(id=model, origin=origin, path=path, card=card, digest=model_digest(path))
        except FracturaError as error:
            entry = UnusableModel(model, origin, error.problem)
        with self._lock:
            self._models[model] = entry
        return entry

    def choose(self, model: str) -> None:
        """Make a model the one in use.

        Raises:
            WebError: There is no such model, or it cannot be used.
        """
        self._current = self.get(model).id

    def in_use(self) -> UsableModel | None:
        """The model in use, if any."""
        return None if self._current is None else self.get(self._current)

    def get(self, model: str | None = None) -> UsableModel:
        """A model; by default the one in use.

        Raises:
            WebError: There is none, or it cannot be used.
        """
        wanted = self._current if model is None else model
        if wanted is None:
            raise WebError(409, "no_model", "no model is in use", hint="start the server with --model")
        with self._lock:
            entry = self._models.get(wanted)
        if entry is None:
            raise WebError(404, "model_unknown", "there is no model with this id", hint="see /api/models")
        if isinstance(entry, UnusableModel):
            raise WebError(409, "model_unusable", entry.problem, hint="choose another model")
        return entry

    def load(self, model: UsableModel) -> Model:
        """Load a model; the last one stays in memory.

        Raises:
            ModelError: It is damaged.
            MissingDependencyError: Its runtime is not installed.
        """
        if self._loaded is None or self._loaded[0] != model.path:
            self._loaded = (model.path, load_model(model.path))
        return self._loaded[1]

    def detect(self, model: UsableModel, image: Radiograph) -> ImageDetections:
        """Run a model on an image.

        Args:
            model: The model.
            image: As the one reader of pixels gives it.

        Raises:
            WebError: The model cannot be loaded, or fails on the image.
        """
        try:
            with self._busy:
                boxes = detect_in_views(self.load(model), image.pixels, model.card.views)
            domain = Domain.from_card(model.card)
        except FracturaError as error:
            raise WebError.of(error, 409, "model_unusable") from error
        warning = None if domain is None else domain.warning(image.pixels, image.facts.body_part)
        return image_detections(boxes, model.card.class_names, image.width, image.height, warning)

    def explain(self, model: UsableModel, pixels: NDArray[np.uint8], detections: Boxes) -> NDArray[np.float32]:
        """Where the evidence for a model's detections lies: float32 ``(h, w)``, see ``fractura.inference.explanation``.

        Other requests run the model in between: this takes many of its passes.

        Args:
            model: The model.
            pixels: uint8 ``(h, w, 3)``.
            detections: What it found there, best first.

        Raises:
            WebError: The model cannot be loaded, or fails on the image.
        """
        try:
            with self._busy:
                runtime = self.load(model)
            return explain(_TakingTurns(runtime, self._busy), pixels, detections, model.card.views)
        except FracturaError as error:
            raise WebError.of(error, 409, "model_unusable") from error

    def _card(self, model: str, path: Path) -> ModelCard:
        if path.is_dir() and (path / CARD_FILE).is_file():
            return read_card(path)
        loaded = load_model(path)  # other formats carry their card inside
        self._loaded = (path, loaded)
        return loaded.card
