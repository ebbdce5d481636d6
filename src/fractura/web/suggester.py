"""Suggestions for labelling: runs the model in the background and compares its detections with people's boxes.

The image that a window shows comes first, then, on request, all images of the folder.

The uncertainty of an image is the margin between the two classes "fracture" and "none" of the detection nearest to the
threshold: ``1 - |2p - 1|``, largest over the image's detections (Brust et al., Active Learning for Deep Object
Detection, 2018: 1-vs-2 margin, aggregated by maximum). ``p`` is the score rescaled so that the model's threshold lies
at one half. It is 0 without detections.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import pairwise_iou
from fractura.formats.voc.annotation import VocObject
from fractura.web.api_errors import WebError, image_vanished
from fractura.web.detection_cache import DetectionCache, ImageDetections, stamp_text
from fractura.web.events import EventStream
from fractura.web.folder_index import Assessment, FolderIndex, ImageRow
from fractura.web.model_registry import ModelRegistry, UsableModel
from fractura.web.rendering import read_within_limits
from fractura.web.schemas import Box, Corners, Disagreement, ScoredBox, SuggestionStatus
from fractura.web.settings import WebSettings
from fractura.web.uploads import title_of

TOUCHING = 0.1
"""IoU from which a detection and a box are about the same place: the loose criterion of the evaluation."""
_PACE_IMAGES = 20


def uncertainty(detections: Sequence[ScoredBox], threshold: float) -> float:
    """The uncertainty of an image from 0 to 1, as defined above.

    Examples:
        >>> box = ScoredBox(name="fracture", xmin=10, ymin=10, xmax=50, ymax=40, score=0.4)
        >>> uncertainty([box], threshold=0.4), uncertainty([box], threshold=0.8), uncertainty([], threshold=0.4)
        (1.0, 0.5, 0.0)
    """
    return max((1 - abs(2 * _rescaled(each.score, threshold) - 1) for each in detections), default=0.0)


def _rescaled(score: float, threshold: float) -> float:
    if score < threshold:
        return 0.5 * score / threshold
    return 0.5 + 0.5 * (score - threshold) / (1 - threshold) if threshold < 1 else 0.5


def disagreements(detections: Sequence[ScoredBox], boxes: Sequence[VocObject], threshold: float) -> list[Disagreement]:
    """The contradictions between detections and boxes; difficult boxes may be missed."""
    overlap = pairwise_iou(_corners([each.corners for each in detections]), _corners([each.corners for each in boxes]))
    touching = overlap >= np.float32(TOUCHING)
    found: list[Disagreement] = []
    for detection, touched in zip(detections, touching, strict=True):
        if detection.score < threshold:
            continue
        names = {boxes[place].name for place in np.flatnonzero(touched).tolist()}
        if not names:
            found.append(Disagreement(kind="missed_by_human", box=detection))
        elif detection.name not in names:
            found.append(Disagreement(kind="other_class", box=detection))
    for place, each in enumerate(boxes):
        if not each.difficult and not touching[:, place].any():
            found.append(Disagreement(kind="missed_by_model", box=Box.of(each)))
    return found


def _corners(corners: Sequence[Corners]) -> NDArray[np.float32]:
    return np.array(corners, dtype=np.float32).reshape(-1, 4)


def drawn_boxes(row: ImageRow) -> tuple[VocObject, ...] | None:
    """The boxes that people drew on an image; None if it has no readable annotation."""
    return None if row.summary is None or row.summary.fault is not None else row.summary.objects


class Suggester:
    """A background thread that runs the model on the folder's images.

    Args:
        settings: The limits on images.
        index: The folder; it receives the model's assessment of each image.
        models: The model in use is the one that runs.
        cache: Detections computed earlier.
        events: Notified of progress and of every image done.
    """

    def __init__(
        self,
        settings: WebSettings,
        index: FolderIndex,
        models: ModelRegistry,
        cache: DetectionCache,
        events: EventStream,
    ) -> None:
        self._settings, self._index, self._models, self._cache, self._events = settings, index, models, cache, events
        self._wake = threading.Condition()
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._queued: deque[ImageRow] = deque()
        self._runs_queued = False
        self._failed: dict[str, tuple[object, WebError]] = {}
        self._paces: deque[float] = deque(maxlen=_PACE_IMAGES)
        self._stopped = True
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; detections computed earlier are assessed at once."""
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="suggestions", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the current image."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def status(self) -> SuggestionStatus:
        """The progress through the folder."""
        with self._wake:
            left, failed = len(self._queued) + self._runs_queued, len(self._failed)
        pace = sum(self._paces) / len(self._paces) if self._paces else None
        rows = self._index.rows()
        return SuggestionStatus(
            running=left > 0,
            done=sum(row.assessment is not None for row in rows),
            total=len(rows),
            failed=failed,
            model=self._models.current,
            seconds_left=round(pace * left, 1) if pace is not None and left else None,
        )

    def known(self, row: ImageRow, model: UsableModel) -> ImageDetections | None:
        """The model's detections on an image, if they have been computed.

        Raises:
            WebError: The image could not be processed.
        """
        failed = self._failed.get(row.id)
        if failed is not None and failed[0] == (row.stamp, model.digest):
            raise failed[1]
        found = self._cache.of_file(model.digest, row.relative, row.stamp)
        return None if found is None else self._in_folder_names(found, model)

    def ask(self, row: ImageRow) -> None:
        """Process this image next."""
        with self._wake:
            self._asked[row.id] = None
            self._asked.move_to_end(row.id, last=False)
            self._wake.notify_all()

    def run_all(self) -> None:
        """Run the model on all remaining images in the background."""
        with self._wake:
            self._queued = deque(row for row in self._index.rows() if row.assessment is None)
            self._wake.notify_all()
        self._publish_status()

    def stop_all(self) -> None:
        """Drop the images queued by ``run_all``."""
        with self._wake:
            self._queued.clear()
        self._publish_status()

    def model_changed(self) -> None:
        """Replace the assessments of the previous model by those of the new one, where it has run before."""
        with self._wake:
            self._asked.clear()
            self._queued.clear()
            self._failed.clear()
            self._paces.clear()
        self._index.set_assessments({row.id: None for row in self._index.rows()})
        self._recall()

    def reassess(self, rows: list[ImageRow]) -> None:
        """Compare the boxes of these images, which changed, with the model's detections again."""
        model = self._models.in_use()
        if model is None:
            return
        assessments: dict[str, Assessment | None] = {}
        for row in rows:
            if row.assessment is not None:
                found = self._cache.of_file(model.digest, row.relative, row.stamp)
                if found is not None:
                    assessments[row.id] = self._assessment(found, row, model)
        self._index.set_assessments(assessments)

    def _recall(self) -> None:
        model = self._models.in_use()
        if model is None:
            return
        known = self._cache.of_files(model.digest)
        assessments: dict[str, Assessment | None] = {}
        for row in self._index.rows():
            found = known.get((row.relative, stamp_text(row.stamp)))
            if found is not None:
                assessments[row.id] = self._assessment(found, row, model)
        self._index.set_assessments(assessments)

    def _work(self) -> None:
        self._recall()
        while True:
            with self._wake:
                while not self._stopped and not self._asked and not self._queued:
                    self._wake.wait()
                if self._stopped:
                    return
                self._runs_queued = not self._asked
                row = self._index.get(self._asked.popitem(last=False)[0]) if self._asked else self._queued.popleft()
            if row is not None:
                self._process(row)
            with self._wake:
                was_queued, self._runs_queued = self._runs_queued, False
            if was_queued:
                self._publish_status()

    def _process(self, row: ImageRow) -> None:
        model = self._models.in_use()
        if model is None:
            return
        started = time.monotonic()
        stamp = row.stamp
        try:
            found = self._detections(row, model)
        except WebError as error:
            self._failed[row.id] = ((stamp, model.digest), error)
            if error.code == "model_unusable":  # it would fail on every image
                self.stop_all()
        else:
            self._paces.append(time.monotonic() - started)
            if model.id == self._models.current:
                self._index.set_assessments({row.id: self._assessment(found, row, model)})
        self._events.publish("suggestion", {"image": row.id})

    def _detections(self, row: ImageRow, model: UsableModel) -> ImageDetections:
        """The model's detections on an image; it runs only on bytes that are new."""
        known = self._cache.of_file(model.digest, row.relative, row.stamp)
        if known is not None:
            return known
        stamp = row.stamp
        try:
            data = row.path.read_bytes()
        except OSError as error:
            raise image_vanished() from error
        image = hashlib.sha256(data).hexdigest()
        found = self._cache.get(model.digest, image)
        if found is None:
            radiograph = read_within_limits(data, title_of(row.id, row.name), self._settings)
            found = self._models.detect(model, radiograph)
            self._cache.put(model.digest, image, found)
        self._cache.note_file(row.relative, stamp, image)
        return found

    def _in_folder_names(self, found: ImageDetections, model: UsableModel) -> ImageDetections:
        return found.renamed(model.card.class_names, [name for name, _ in self._index.class_counts()])

    def _assessment(self, found: ImageDetections, row: ImageRow, model: UsableModel) -> Assessment:
        detections, threshold = self._in_folder_names(found, model).detections, model.card.threshold
        drawn = drawn_boxes(row)
        return Assessment(
            uncertainty=uncertainty(detections, threshold),
            has_detections=any(each.score >= threshold for each in detections),
            disagreeing=drawn is not None and bool(disagreements(detections, drawn, threshold)),
        )

    def _publish_status(self) -> None:
        self._events.publish("suggestions", self.status().model_dump())
