"""Looks at images in the background: the one that a window shows first, then, if wanted, all of the folder."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fractura.web.detection_cache import DetectionCache, ImageDetections, in_words_of, stamp_text
from fractura.web.errors import WebError
from fractura.web.folder_index import FolderIndex, ImageRow, Opinion
from fractura.web.model_registry import ModelShelf, UsableModel
from fractura.web.opinions import opinion
from fractura.web.pictures import read_within_limits
from fractura.web.settings import WebSettings

_PACE_IMAGES = 20


@dataclass(frozen=True)
class SuggestionStatus:
    """How far looking at the whole folder is.

    Attributes:
        running: It goes on.
        done: Images of the folder with detections of this model, whenever they were found.
        total: Images of the folder.
        failed: Images that could not be examined.
        model: Id of the model in use.
        seconds_left: At the pace of the last images.
    """

    running: bool
    done: int
    total: int
    failed: int
    model: str | None
    seconds_left: float | None


class Suggester:
    """One thread that detects.

    Args:
        settings: The limits on images.
        index: The folder; it is told what the model thinks of each image.
        shelf: The models.
        book: What was found already.
        publish: Tells the windows.
    """

    def __init__(
        self,
        settings: WebSettings,
        index: FolderIndex,
        shelf: ModelShelf,
        book: DetectionCache,
        publish: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._settings, self._index, self._shelf, self._book, self._publish = settings, index, shelf, book, publish
        self._wake = threading.Condition()
        self._asked: OrderedDict[str, None] = OrderedDict()
        self._all: deque[ImageRow] = deque()
        self._is_at_all = False
        self._failed: dict[str, tuple[object, WebError]] = {}
        self._paces: deque[float] = deque(maxlen=_PACE_IMAGES)
        self._stopped = True
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin the thread; what is known of the images is shown at once."""
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="suggestions", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, after the image it is at."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def status(self) -> SuggestionStatus:
        """How far it is."""
        with self._wake:
            left, failed = len(self._all) + self._is_at_all, len(self._failed)
        pace = sum(self._paces) / len(self._paces) if self._paces else None
        rows = self._index.rows()
        return SuggestionStatus(
            running=left > 0,
            done=sum(row.opinion is not None for row in rows),
            total=len(rows),
            failed=failed,
            model=self._shelf.current,
            seconds_left=round(pace * left, 1) if pace is not None and left else None,
        )

    def known(self, row: ImageRow, model: UsableModel) -> ImageDetections | None:
        """The model's detections on an image, if they were found already.

        Raises:
            WebError: The image could not be examined.
        """
        failed = self._failed.get(row.id)
        if failed is not None and failed[0] == (row.stamp, model.digest):
            raise failed[1]
        found = self._book.of_file(model.digest, row.path.name, row.stamp)
        return None if found is None else self._in_folder_words(found, model)

    def ask(self, row: ImageRow) -> None:
        """Look at this image next."""
        with self._wake:
            self._asked[row.id] = None
            self._asked.move_to_end(row.id, last=False)
            self._wake.notify_all()

    def run_all(self) -> None:
        """Look at all images that were not examined yet, by and by."""
        with self._wake:
            self._all = deque(row for row in self._index.rows() if row.opinion is None)
            self._wake.notify_all()
        self._publish("suggestions", vars(self.status()))

    def stop_all(self) -> None:
        """Leave the images that nobody asked for."""
        with self._wake:
            self._all.clear()
        self._publish("suggestions", vars(self.status()))

    def model_changed(self) -> None:
        """Forget what the last model said; what the new one said earlier comes back."""
        with self._wake:
            self._asked.clear()
            self._all.clear()
            self._failed.clear()
            self._paces.clear()
        self._index.set_opinions({row.id: None for row in self._index.rows()})
        self._recall()

    def reconsider(self, rows: list[ImageRow]) -> None:
        """The boxes of these images changed: do they still contradict the model's detections?"""
        model = self._shelf.in_use()
        if model is None:
            return
        opinions: dict[str, Opinion | None] = {}
        for row in rows:
            if row.opinion is not None:
                found = self._book.of_file(model.digest, row.path.name, row.stamp)
                if found is not None:
                    opinions[row.id] = self._opinion(found, row, model)
        self._index.set_opinions(opinions)

    def _recall(self) -> None:
        model = self._shelf.in_use()
        if model is None:
            return
        known = self._book.of_files(model.digest)
        opinions: dict[str, Opinion | None] = {}
        for row in self._index.rows():
            found = known.get((row.path.name, stamp_text(row.stamp)))
            if found is not None:
                opinions[row.id] = self._opinion(found, row, model)
        self._index.set_opinions(opinions)

    def _work(self) -> None:
        self._recall()
        while True:
            with self._wake:
                while not self._stopped and not self._asked and not self._all:
                    self._wake.wait()
                if self._stopped:
                    return
                self._is_at_all = not self._asked
                row = self._index.get(self._asked.popitem(last=False)[0]) if self._asked else self._all.popleft()
            if row is not None:
                self._suggest_for(row)
            with self._wake:
                last, self._is_at_all = self._is_at_all and not self._all, False
            if last:
                self._publish("suggestions", vars(self.status()))

    def _suggest_for(self, row: ImageRow) -> None:
        """Detect on one image, unless its bytes are known."""
        model = self._shelf.in_use()
        if model is None:
            return
        started = time.monotonic()
        stamp = row.stamp
        try:
            found = self._found(row, model)
        except WebError as error:
            self._failed[row.id] = ((stamp, model.digest), error)
            if error.code == "model_unusable":  # it would fail on all images
                self.stop_all()
        else:
            self._paces.append(time.monotonic() - started)
            if model.id == self._shelf.current:
                self._index.set_opinions({row.id: self._opinion(found, row, model)})
        self._publish("suggestion", {"image": row.id})

    def _found(self, row: ImageRow, model: UsableModel) -> ImageDetections:
        known = self._book.of_file(model.digest, row.path.name, row.stamp)
        if known is not None:
            return known
        stamp = row.stamp
        try:
            data = row.path.read_bytes()
        except OSError as error:
            raise WebError(422, "image_unreadable", "the image cannot be opened", hint="is it still there?") from error
        image = hashlib.sha256(data).hexdigest()
        found = self._book.get(model.digest, image)
        if found is None:
            pixels = read_within_limits(data, row.name, self._settings).pixels
            found = self._shelf.detect(model, pixels)
            self._book.put(model.digest, image, found)
        self._book.note_file(row.path.name, stamp, image)
        return found

    def _in_folder_words(self, found: ImageDetections, model: UsableModel) -> ImageDetections:
        return in_words_of(found, model.card.class_names, [name for name, _ in self._index.class_counts()])

    def _opinion(self, found: ImageDetections, row: ImageRow, model: UsableModel) -> Opinion:
        drawn = None if row.summary is None or row.summary.fault is not None else row.summary.objects
        return opinion(self._in_folder_words(found, model), drawn, model.card.threshold)
