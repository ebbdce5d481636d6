"""The state that all requests share: models, sessions, events, uploads and the folder being labelled."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from fractura.core.errors import ModelError, UsageError
from fractura.core.model_card import CARD_FILE
from fractura.inference import BUILT_IN, load_model
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import ImageRow, failed_row
from fractura.web.api_errors import WebError
from fractura.web.detection_cache import DetectionCache, ImageDetections
from fractura.web.events import EventStream
from fractura.web.folder_chooser import FolderChooser
from fractura.web.folder_state import TRAINED_MODELS, FolderState
from fractura.web.image_list import image_item
from fractura.web.jobs import Job, JobQueue
from fractura.web.model_registry import ModelRegistry, UsableModel
from fractura.web.rendering import ImageCache
from fractura.web.schemas import ImageItem
from fractura.web.security import Sessions
from fractura.web.settings import WebSettings
from fractura.web.uploads import ImageSource, UploadStore

_logger = logging.getLogger(__name__)


class AppState:
    """The state of one server.

    Args:
        settings: Its settings.

    Attributes:
        instance: Differs with every start of the server, because revisions start from 0 again.
        sessions: Clients that have shown the token.
        events: Broadcasts changes to the windows.
        uploads: Uploaded images.
        images: Decoded images.
        models: The models.
        jobs: Batch jobs.
        chooser: Finds other folders to open; None where that is not possible.
        has_folder: A folder is being labelled.

    Raises:
        DataError: The folder cannot be used.
        ModelError: The requested model cannot be used.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.instance = secrets.token_hex(8)
        self.sessions = Sessions(settings.token)
        self.events = EventStream()
        self.uploads = UploadStore(settings.upload_bytes)
        self.images = ImageCache(settings)
        self.models = ModelRegistry()
        self.jobs = JobQueue(self._examine, settings.jobs)
        self.chooser: FolderChooser | None = None
        self._folder: FolderState | None = None
        self._folders_before: list[FolderState] = []
        self._opening = threading.Lock()
        if settings.folder is not None:
            self._folder = FolderState(settings.folder, settings, self.models, self.events, self.use_model)
            if settings.is_loopback:
                roots = (settings.open_below or _home(), self._folder.index.folder)
                self.chooser = FolderChooser(root for root in roots if root is not None)
        self._detections = DetectionCache(None) if self._folder is None else self._folder.detections
        self._register_models(self.models, self._folder)
        if self._folder is not None:
            self._folder.hold()  # last: a server that cannot be made holds nothing

    @property
    def has_folder(self) -> bool:
        """True if a folder is being labelled."""
        return self._folder is not None

    @property
    def folder(self) -> FolderState:
        """The folder being labelled.

        Raises:
            WebError: There is none.
        """
        if self._folder is None:
            raise WebError(
                404, "no_folder", "this server has no folder of images", hint="start it with fractura label FOLDER"
            )
        return self._folder

    @property
    def served_root(self) -> Path | None:
        """Folder whose images batch jobs may examine, resolved; None where they may examine uploaded ones only."""
        if self.settings.root is not None:
            return self.settings.root.resolve()
        return None if self._folder is None else self._folder.index.folder

    def start(self) -> None:
        """Start the background work."""
        self.jobs.start()
        if self._folder is not None:
            self._folder.start()

    def stop(self) -> None:
        """End the background work."""
        self.events.close()
        self.jobs.stop()
        if self._folder is not None:
            self._folder.stop()
        self._detections.close()
        for each in self._folders_before:
            each.detections.close()

    def release(self) -> None:
        """Let other servers into the folder; for a server that ends before it has started."""
        if self._folder is not None:
            self._folder.release()

    def open_folder(self, path: Path) -> None:
        """Label another folder from now on.

        Args:
            path: The folder.

        Raises:
            DataError: It cannot be used.
            WebError: A training is running, or another server has the folder open.
        """
        with self._opening:
            before = self.folder
            if before.training.is_running:
                raise WebError(409, "training_running", "a training is already running", hint="wait for it, or stop it")
            if path.resolve() == before.index.folder:
                return
            models = ModelRegistry()
            folder = FolderState(path, self.settings, models, self.events, self.use_model)
            self._register_models(models, folder)
            try:
                folder.hold()
            except UsageError as error:
                raise WebError.of(error, 409, "folder_in_use") from error
            folder.start()
            # Requests that are being answered end with the folder that they began with.
            self.instance = secrets.token_hex(8)
            self.models, self._folder, self._detections = models, folder, folder.detections
            before.stop()
            self._folders_before.append(before)
        self.events.publish("folder", {"id": folder.index.id})

    def source(self, image: str) -> ImageSource:
        """An image of the folder, or an uploaded one.

        Raises:
            WebError: There is no such image.
        """
        return self.uploads.get(image) if image.startswith("u") else self.folder.source(image)

    def image_item(self, source: ImageSource) -> ImageItem:
        """An image as the image list shows it; an uploaded one has no labels."""
        row = None if self._folder is None else self._folder.index.get(source.id)
        if row is not None:
            return image_item(row)
        return {
            "id": source.id,
            "name": source.name,
            "state": "unlabelled",
            "boxes": None,
            "uncertainty": None,
            "disagreeing": False,
            "comment": False,
        }

    def detections_on(self, source: ImageSource, model: UsableModel) -> ImageDetections:
        """A model's detections on an image, from the cache if they have been computed before.

        Raises:
            WebError: The image cannot be read, or the model fails on it.
        """
        image = hashlib.sha256(source.read()).hexdigest()
        found = self._detections.get(model.digest, image)
        if found is None:
            found = self.models.detect(model, self.images.radiograph(source))
            self._detections.put(model.digest, image, found)
        return found

    def result_row(
        self, source: ImageSource, model: UsableModel, origin: ResultOrigin, *, threshold: float, identifiers: bool
    ) -> ImageRow:
        """An image's entry in ``results.json``; with the reason where the image cannot be read or the model fails.

        Args:
            source: The image.
            model: That examines it.
            origin: The same model, and the threshold that its answer is given at.
            threshold: Lowest score of a detection.
            identifiers: With those of a DICOM image.
        """
        try:
            found = self.detections_on(source, model).above(threshold)
            return found.row(source.name, origin, source.identifiers() if identifiers else None)
        except (WebError, ModelError) as error:
            reported = error if isinstance(error, WebError) else WebError.of(error, 409, "model_unusable")
            return failed_row(source.name, reported.detail())

    def _examine(self, job: Job, source: ImageSource) -> ImageRow:
        threshold = job.origin.settings.threshold
        return self.result_row(source, job.model, job.origin, threshold=threshold, identifiers=job.identifiers)

    def use_model(self, model: str) -> None:
        """Detect with this model from now on.

        Raises:
            WebError: It cannot be used.
        """
        self.models.choose(model)
        self.events.publish("model", {"current": self.models.current})
        if self._folder is not None:
            self._folder.remember_model(model)
            self._folder.suggester.model_changed()

    def _register_models(self, models: ModelRegistry, folder: FolderState | None) -> None:
        """Built-in, given, trained; the requested one is chosen, else that which somebody chose the last time.

        A model that was trained here takes over only when somebody has said so.
        """
        requested = self.settings.model
        entries = [models.add("built-in", "built-in", None)]
        if folder is not None:
            trained = [
                each for each in sorted(folder.models_folder.glob(TRAINED_MODELS)) if (each / CARD_FILE).is_file()
            ]
            entries += [models.add(each.name, "trained", each) for each in trained]
        if requested == BUILT_IN:
            entries = entries[:1]
        elif requested is not None:
            entries = [models.add("given", "given", Path(requested))]
        usable = [each for each in entries if isinstance(each, UsableModel)]
        if usable:
            chosen = None if folder is None or requested is not None else folder.chosen_model
            models.choose(next((each.id for each in usable if each.id == chosen), usable[0].id))
        elif requested is not None:
            load_model(requested)  # raises the full error
        else:
            _logger.warning("no suggestions: no model is in use")
        if usable and self.settings.mode == "serve":
            models.load(usable[0])  # fail now, not on the first image, if the model cannot run


def _home() -> Path | None:
    """The home folder; None for an account that has none, or whose home is the whole disk."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return None if home == Path(home.anchor) else home


async def _state_of(request: Request) -> AppState:
    # A coroutine, because FastAPI would run a plain function in a thread of its own for each request.
    state: AppState = request.app.state.shared
    return state


CurrentState = Annotated[AppState, Depends(_state_of)]
