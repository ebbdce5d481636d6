"""The models a server can use: the one it was started with, the built-in one, and those trained from the page."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fractura.errors import FracturaError, ModelError
from fractura.inference import Model, load_model
from fractura.inference.built_in import built_in_model
from fractura.inference.views import look
from fractura.model_card import CARD_FILE, WEIGHTS_FILE, ModelCard, read_card
from fractura.web.marks import FilmMarks, film_marks
from fractura.web.problems import WebError

Origin = Literal["built-in", "given", "trained"]
_READ_AT_ONCE = 2**20


@dataclass(frozen=True)
class ShelvedModel:
    """A model that can be chosen.

    Attributes:
        id: As the API knows it.
        origin: Where it comes from.
        path: Where it is; None if this copy of fractura has no built-in model.
        card: None if it cannot be used.
        problem: Why it cannot be used.
    """

    id: str
    origin: Origin
    path: Path | None
    card: ModelCard | None
    problem: str | None = None


@dataclass(frozen=True, eq=False)
class OpenModel:
    """A model at work.

    Attributes:
        id: As the API knows it.
        model: What detects.
        digest: SHA-256 of its files.
    """

    id: str
    model: Model
    digest: str

    @property
    def card(self) -> ModelCard:
        """What is known of it."""
        return self.model.card


class ModelShelf:
    """Models by id. One film is looked at at a time, whoever asks: more would only take turns on the same cores."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._busy = threading.Lock()
        self._models: dict[str, ShelvedModel] = {}
        self._current: str | None = None
        self._open: OpenModel | None = None

    @property
    def current(self) -> str | None:
        """Id of the model in use."""
        return self._current

    def models(self) -> list[ShelvedModel]:
        """All of them, in the order they came."""
        with self._lock:
            return list(self._models.values())

    def add(self, model: str, origin: Origin, path: Path | None) -> ShelvedModel:
        """Put a model on the shelf; one that cannot be used is there with its problem."""
        try:
            if path is None:
                path = built_in_model()
            entry = ShelvedModel(model, origin, path, _card(path))
        except FracturaError as error:
            entry = ShelvedModel(model, origin, path, None, error.problem)
        with self._lock:
            self._models[model] = entry
        return entry

    def choose(self, model: str) -> None:
        """Use this model from now on.

        Raises:
            WebError: There is no such model, or it cannot be used.
        """
        with self._lock:
            entry = self._models.get(model)
            if entry is None:
                raise WebError(404, "model_unknown", "there is no model with this id", hint="ask for /api/models")
            if entry.card is None:
                raise WebError(409, "model_unusable", entry.problem or "the model cannot be used")
            self._current = model

    def card(self) -> ModelCard | None:
        """The card of the model in use."""
        with self._lock:
            return None if self._current is None else self._models[self._current].card

    def open(self, model: str | None = None) -> OpenModel:
        """A model, loaded; by default the one in use.

        Raises:
            WebError: There is none, or it cannot be used.
        """
        with self._lock:
            wanted = model if model is not None else self._current
            if wanted is None:
                raise WebError(409, "no_model", "no model is in use", hint="start the server with --model")
            if self._open is not None and self._open.id == wanted:
                return self._open
            entry = self._models.get(wanted)
            if entry is None:
                raise WebError(404, "model_unknown", "there is no model with this id", hint="ask for /api/models")
            if entry.path is None or entry.card is None:
                raise WebError(409, "model_unusable", entry.problem or "the model cannot be used")
            try:
                self._open = OpenModel(wanted, load_model(entry.path), digest_of(entry.path))
            except FracturaError as error:
                raise WebError.of(error, 409, "model_unusable") from error
            return self._open

    def detect(self, opened: OpenModel, pixels: NDArray[np.uint8]) -> FilmMarks:
        """Look at a film.

        Args:
            opened: The model.
            pixels: uint8 ``(h, w, 3)``.

        Raises:
            WebError: The model fails on it.
        """
        height, width = pixels.shape[:2]
        try:
            with self._busy:
                boxes = look(opened.model, pixels, opened.card.views)
        except FracturaError as error:
            raise WebError.of(error, 409, "model_unusable") from error
        return film_marks(boxes, opened.card.class_names, width, height)


def _card(path: Path) -> ModelCard:
    if path.is_dir() and (path / CARD_FILE).is_file():
        return read_card(path)
    return load_model(path).card


def digest_of(path: Path) -> str:
    """SHA-256 of what a model is made of.

    Raises:
        ModelError: A file cannot be read.
    """
    if path.is_file():
        files = [path]
    elif (path / WEIGHTS_FILE).is_file():
        files = [path / CARD_FILE, path / WEIGHTS_FILE]
    else:
        files = sorted(each for each in path.rglob("*") if each.is_file())
    digest = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as stream:
                while part := stream.read(_READ_AT_ONCE):
                    digest.update(part)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", file=path) from error
    return digest.hexdigest()
