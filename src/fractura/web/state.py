"""What all requests share: the folder's images and annotations, models, uploads and running jobs."""

from __future__ import annotations

import hashlib
import logging
import secrets
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from fractura.core.model_card import CARD_FILE, WEIGHTS_FILE
from fractura.inference import BUILT_IN, load_model
from fractura.web.annotation_store import AnnotationStore
from fractura.web.detection_cache import DetectionCache, ImageDetections
from fractura.web.errors import WebError
from fractura.web.events import EventBoard
from fractura.web.folder_index import HIDDEN_FOLDER, FolderIndex, ImageRow
from fractura.web.image_list import ImageLister
from fractura.web.model_registry import ModelShelf, UsableModel
from fractura.web.pictures import PictureShelf
from fractura.web.security import Sessions
from fractura.web.settings import WebSettings
from fractura.web.suggester import Suggester
from fractura.web.training_run import TrainingPlan, TrainingReport, TrainingRun
from fractura.web.uploads import ImageSource, UploadShelf

_TRAINED = "trained-[0-9][0-9][0-9][0-9]"
_TOLD_ONE_BY_ONE = 50
_logger = logging.getLogger(__name__)


class Workplace:
    """One server's state.

    Args:
        settings: What it was started with.

    Raises:
        DataError: The folder cannot be used.
        ModelError: The model that was asked for cannot be used.
    """

    def __init__(self, settings: WebSettings) -> None:
        self.settings = settings
        self.life = secrets.token_hex(8)  # revisions count anew with every start of the server
        self.sessions = Sessions(settings.token)
        self.board = EventBoard()
        self.uploads = UploadShelf(settings.upload_bytes)
        self.pictures = PictureShelf(settings)
        self.shelf = ModelShelf()
        self.index: FolderIndex | None = None
        self.lister: ImageLister | None = None
        self.annotations: AnnotationStore | None = None
        self.suggester: Suggester | None = None
        self.training: TrainingRun | None = None
        if settings.folder is None:
            self._book = DetectionCache(None)
            self._shelve_models(None)
            return
        self.index = FolderIndex(settings.folder, self._images_changed)
        hidden = self.index.folder / HIDDEN_FOLDER
        self._models_folder = hidden / "models"
        self._book = DetectionCache(hidden / "detections.sqlite")
        self._shelve_models(self._models_folder)
        self.lister = ImageLister(self.index)
        self.annotations = AnnotationStore(self.index)
        self.suggester = Suggester(settings, self.index, self.shelf, self._book, self.board.publish)
        self.training = TrainingRun(self._training_changed, self._trained)

    def start(self) -> None:
        """Begin the work in the background."""
        if self.index is not None and self.suggester is not None:
            self.index.start()
            self.suggester.start()

    def stop(self) -> None:
        """End it."""
        self.board.close()
        if self.training is not None:
            self.training.close()
        if self.suggester is not None:
            self.suggester.stop()
        if self.index is not None:
            self.index.stop()
        self._book.close()

    def source(self, image: str) -> ImageSource:
        """An image of the folder, or one that was sent.

        Raises:
            WebError: There is no such image.
        """
        if image.startswith("u"):
            return self.uploads.get(image)
        row = self.row(image)
        return ImageSource(row.id, row.name, row.path, (row.id, row.stamp))

    def image_document(self, source: ImageSource) -> dict[str, Any]:
        """An image as the image list shows it; one that was sent has no state of its own."""
        row = None if self.index is None else self.index.get(source.id)
        if row is not None:
            return image_document(row)
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
        """What a model detections on an image; remembered.

        Raises:
            WebError: The image cannot be read, or the model fails on it.
        """
        image = hashlib.sha256(source.read()).hexdigest()
        found = self._book.get(model.digest, image)
        if found is None:
            found = self.shelf.detect(model, self.pictures.image(source).pixels)
            self._book.put(model.digest, image, found)
        return found

    def use_model(self, model: str) -> None:
        """Detect with this model from now on.

        Raises:
            WebError: It cannot be used.
        """
        self.shelf.choose(model)
        self.board.publish("model", {"current": self.shelf.current})
        if self.suggester is not None:
            self.suggester.model_changed()

    def training_plan(self, num_steps: int, val_share: float, seed: int) -> TrainingPlan:
        """What training on the folder now would be; it goes on from the model in use where that can be trained.

        Raises:
            WebError: There is no folder, or no image in it has a box.
        """
        index = self.folder_index()
        index.refresh()
        if not index.class_counts():
            raise WebError(
                409, "nothing_to_train", "no image has a box to learn from", hint="draw boxes on some images first"
            )
        number = 1 + max((int(each.name[-4:]) for each in self._models_folder.glob(_TRAINED)), default=0)
        model = self.shelf.in_use()
        start = None
        if model is not None and model.origin == "built-in":
            start = Path(BUILT_IN)
        elif model is not None and (model.path / WEIGHTS_FILE).is_file():
            start = model.path
        output = self._models_folder / f"trained-{number:04d}"
        return TrainingPlan(index.folder, output, num_steps, val_share, seed, start)

    def _shelve_models(self, trained: Path | None) -> None:
        """Built-in, given, trained; in use is the one that was asked for, else the newest that can be used."""
        asked = self.settings.model
        entries = [self.shelf.add("built-in", "built-in", None)]
        if trained is not None:
            folders = [each for each in sorted(trained.glob(_TRAINED)) if (each / CARD_FILE).is_file()]
            entries += [self.shelf.add(each.name, "trained", each) for each in folders]
        if asked == BUILT_IN:
            entries = entries[:1]
        elif asked is not None:
            entries = [self.shelf.add("given", "given", Path(asked))]
        usable = [each for each in entries if isinstance(each, UsableModel)]
        if usable:
            self.shelf.choose(usable[-1].id)
        elif asked is not None:
            load_model(asked)  # says in full what is wrong with it
        else:
            _logger.warning("no suggestions: no model is in use")
        if usable and self.settings.mode == "serve":
            self.shelf.load(usable[-1])  # a model that cannot run is told now and not with the first image

    def _trained(self, folder: Path) -> str:
        if isinstance(self.shelf.add(folder.name, "trained", folder), UsableModel):
            self.use_model(folder.name)
            if self.suggester is not None:
                self.suggester.run_all()
        return folder.name

    def _training_changed(self, report: TrainingReport) -> None:
        self.board.publish("training", {**vars(report)})

    def folder_suggester(self) -> Suggester:
        """What looks at the folder's images.

        Raises:
            WebError: There is no folder.
        """
        self.folder_index()
        assert self.suggester is not None
        return self.suggester

    def folder_training(self) -> TrainingRun:
        """What trains on the folder.

        Raises:
            WebError: There is no folder.
        """
        self.folder_index()
        assert self.training is not None
        return self.training

    def folder_index(self) -> FolderIndex:
        """The folder's images.

        Raises:
            WebError: There is no folder.
        """
        if self.index is None:
            raise WebError(404, "no_folder", "this server has no folder of images", hint="fractura label FOLDER")
        return self.index

    def image_lister(self) -> ImageLister:
        """The folder's image list.

        Raises:
            WebError: There is no folder.
        """
        self.folder_index()
        assert self.lister is not None
        return self.lister

    def annotation_store(self) -> AnnotationStore:
        """The folder's annotations.

        Raises:
            WebError: There is no folder.
        """
        self.folder_index()
        assert self.annotations is not None
        return self.annotations

    def row(self, image: str) -> ImageRow:
        """An image of the folder.

        Raises:
            WebError: There is no folder, or no such image in it.
        """
        found = self.folder_index().get(image)
        if found is None:
            raise WebError(404, "image_unknown", "there is no image with this id", hint="ask for /api/images again")
        return found

    def _images_changed(self, rows: list[ImageRow] | None) -> None:
        if rows is not None and self.suggester is not None:
            self.suggester.reconsider(rows)
        if rows is None or len(rows) > _TOLD_ONE_BY_ONE:
            index = self.folder_index()
            self.board.publish("images", {"revision": index.revision, "counts": index.counts()})
            return
        for row in rows:
            self.board.publish("image", {**image_document(row), "etag": self._etag(row)})

    def _etag(self, row: ImageRow) -> str | None:
        """Of an image's annotation, None where it cannot be read: who asks for it is told why."""
        try:
            return self.annotation_store().load(row).etag
        except WebError:
            return None


def image_document(row: ImageRow) -> dict[str, Any]:
    """An image of the list, as the API gives it."""
    summary, opinion = row.summary, row.opinion
    return {
        "id": row.id,
        "name": row.name,
        "state": row.state,
        "boxes": None if summary is None or summary.fault is not None else len(summary.objects),
        "uncertainty": None if opinion is None else round(opinion.uncertainty, 4),
        "disagreeing": opinion is not None and opinion.disagreeing,
        "comment": row.commented,
    }


async def _workplace_of(request: Request) -> Workplace:
    # Not a plain function: FastAPI would give each request a thread for this.
    workplace: Workplace = request.app.state.workplace
    return workplace


Here = Annotated[Workplace, Depends(_workplace_of)]
