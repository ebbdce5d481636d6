"""The state of the folder being labelled: its images and annotations, the suggestions and the training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.core.folder_lock import hold_folder
from fractura.core.leftovers import remove_temporary_files
from fractura.core.model_card import WEIGHTS_FILE
from fractura.formats.voc.decisions import HIDDEN_FOLDER
from fractura.inference import BUILT_IN
from fractura.web.annotation_store import AnnotationStore
from fractura.web.api_errors import WebError
from fractura.web.class_list import ClassList
from fractura.web.detection_cache import DetectionCache
from fractura.web.events import EventStream
from fractura.web.folder_index import FolderIndex, ImageRow
from fractura.web.image_list import ImageLister, image_item
from fractura.web.model_registry import ModelRegistry
from fractura.web.related_images import RelatedImages
from fractura.web.schemas import ImageEvent
from fractura.web.settings import WebSettings
from fractura.web.suggester import Suggester
from fractura.web.training_run import TrainingPlan, TrainingRun
from fractura.web.training_schemas import TrainingRequest
from fractura.web.uploads import ImageSource

TRAINED_MODELS = "trained-[0-9][0-9][0-9][0-9]"
_CHOSEN = "in_use.txt"
_MOST_SINGLE_EVENTS = 50
_logger = logging.getLogger(__name__)


class FolderState:
    """A folder that is being labelled.

    Args:
        folder: The folder.
        settings: Of the server.
        models: The server's models; those trained here are added to it.
        events: Notified of all changes.
        use_model: Called with the id of a newly trained model.

    Attributes:
        index: The images.
        lister: The image list.
        related: Which images belong together.
        annotations: The annotations.
        classes: The list of classes in a file.
        detections: The cache of the models' detections.
        suggester: Runs the model on the images.
        training: Trains on the folder.
        models_folder: Where models trained from the page are saved.

    Raises:
        DataError: The folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        settings: WebSettings,
        models: ModelRegistry,
        events: EventStream,
        use_model: Callable[[str], None],
    ) -> None:
        self._models, self._events, self._use_model = models, events, use_model
        self.index = FolderIndex(folder, self._images_changed)
        hidden = self.index.folder / HIDDEN_FOLDER
        self.models_folder = hidden / "models"
        self.detections = DetectionCache(hidden / "detections.sqlite")
        self.lister = ImageLister(self.index)
        self.related = RelatedImages(self.index)
        self.annotations = AnnotationStore(self.index)
        self.classes = ClassList(self.index.folder, settings.classes)
        self.suggester = Suggester(settings, self.index, models, self.detections, events)
        self.training = TrainingRun(lambda status: events.publish("training", status.model_dump()), self._trained)
        self._held = ExitStack()

    def hold(self) -> None:
        """Keep other servers out of the folder, until ``release``.

        Raises:
            UsageError: Another server has it open.
        """
        self._held.enter_context(hold_folder(self.index.folder, "a label server"))

    def release(self) -> None:
        """Let other servers in."""
        self._held.close()

    def start(self) -> None:
        """Start the background threads."""
        for folder in {self.index.image_dir, self.index.annotations_folder}:
            remove_temporary_files(folder)
        remove_temporary_files(self.index.folder / HIDDEN_FOLDER, below=True)
        self.annotations.settle()
        self.index.start()
        self.suggester.start()

    def stop(self) -> None:
        """End the training and the threads."""
        self.training.close()
        self.suggester.stop()
        self.index.stop()
        self.release()

    def row(self, image: str) -> ImageRow:
        """An image of the folder.

        Raises:
            WebError: There is no such image.
        """
        found = self.index.get(image)
        if found is None:
            raise WebError(404, "image_unknown", "there is no image with this id", hint="request /api/images again")
        return found

    def source(self, image: str) -> ImageSource:
        """The file of an image of the folder.

        Raises:
            WebError: There is no such image.
        """
        row = self.row(image)
        return ImageSource(row.id, row.name, row.path, (row.id, row.stamp))

    def training_plan(self, request: TrainingRequest) -> TrainingPlan:
        """Plan a training on the folder as it is now; it starts from the model in use where that can be trained.

        Raises:
            WebError: No image in the folder has a box.
        """
        self.index.refresh()
        if not self.index.class_counts():
            raise WebError(
                409, "nothing_to_train", "no image has a box to learn from", hint="draw boxes on some images first"
            )
        number = 1 + max((int(each.name[-4:]) for each in self.models_folder.glob(TRAINED_MODELS)), default=0)
        model = self._models.in_use()
        start = None
        if model is not None and model.origin == "built-in":
            start = Path(BUILT_IN)
        elif model is not None and (model.path / WEIGHTS_FILE).is_file():
            start = model.path
        output = self.models_folder / f"trained-{number:04d}"
        in_use = None if model is None else (model.id, Path(BUILT_IN) if model.origin == "built-in" else model.path)
        return TrainingPlan(folder=self.index.folder, output=output, request=request, start_from=start, in_use=in_use)

    def decide(self, *, use: bool) -> None:
        """The new model makes the suggestions from now on, or is only listed.

        Raises:
            WebError: No model waits for a decision, or it cannot be used.
        """
        model = self.training.decided()
        if use:
            self._use_model(model)
            self.suggester.run_all()

    @property
    def chosen_model(self) -> str | None:
        """Id of the model that was in use when the folder was last labelled; None if nobody has chosen one."""
        try:
            return (self.models_folder / _CHOSEN).read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError):
            return None

    def remember_model(self, model: str) -> None:
        """Use this model again the next time; where nothing can be written, it holds until the server ends."""
        try:
            write_atomically(self.models_folder / _CHOSEN, model)
        except DataError as error:
            _logger.warning("the choice of the model cannot be stored: %s", error.problem)

    def _trained(self, folder: Path) -> str:
        self._models.add(folder.name, "trained", folder)
        return folder.name

    def _images_changed(self, rows: list[ImageRow] | None) -> None:
        if rows is not None:
            self.suggester.reassess(rows)
        if rows is None or len(rows) > _MOST_SINGLE_EVENTS:
            self._events.publish("images", {"revision": self.index.revision, "counts": self.index.counts()})
            return
        for row in rows:
            self._events.publish("image", ImageEvent(**image_item(row), etag=self._etag(row)))

    def _etag(self, row: ImageRow) -> str | None:
        """The etag of an image's annotation; None where it cannot be read, which opening the image reports."""
        try:
            return self.annotations.load(row).etag
        except WebError:
            return None
