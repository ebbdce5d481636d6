"""Takes images from the queue, one after another, and puts their results into it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from fractura.core.errors import DataError, FracturaError, own_line
from fractura.hospital.dicom_results import dicom_bytes
from fractura.node.queue import Queue
from fractura.node.queue_entries import QueuedImage
from fractura.node.settings import NodeSettings

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0
_logger = logging.getLogger(__name__)


class Examination(Protocol):
    """Makes the results of an image, as DICOM objects of its study."""

    def __call__(self, image: QueuedImage) -> Sequence[Dataset]:
        """The results; none where the image is not to be examined, or nothing is to be sent.

        The same image gives the same SOP Instance UIDs, so that sending results anew replaces them.

        Args:
            image: Its file is DICOM.

        Raises:
            DataError: The image cannot be examined, and never will.
        """
        ...


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubled each time, a minute at most.

    Examples:
        >>> pause_after(1), pause_after(3), pause_after(1000)
        (2.0, 8.0, 60.0)
    """
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 20))


class Examiner:
    """Examines the images of a queue.

    Args:
        settings: Of the node.
        queue: Its images and results.
        examination: Makes the results.
    """

    def __init__(self, settings: NodeSettings, queue: Queue, examination: Examination) -> None:
        self._settings, self._queue, self._examination = settings, queue, examination

    def examine_next(self) -> bool:
        """Examine the next image that waits; False if none is due.

        What goes wrong with it is recorded in the queue and logged, by number and without anything of the patient.
        """
        image = self._queue.next_image()
        if image is None:
            return False
        if image.attempts > self._settings.attempts:
            # It was begun that often and never ended: neither with a result nor with an error.
            self._give_up(image, "the node ended each time while it examined this image")
            return True
        try:
            results = [(str(each.SOPInstanceUID), dicom_bytes(each)) for each in self._examination(image)]
        except DataError as error:
            self._give_up(image, error.problem)
        except Exception as error:
            problem = (
                error.problem
                if isinstance(error, FracturaError)
                else f"a bug: {type(error).__name__} at {own_line(error)}"
            )
            if image.attempts >= self._settings.attempts:
                self._give_up(image, problem)
            else:
                _logger.warning("image %d: %s; it is tried again", image.number, problem)
                self._queue.postpone(image, problem, pause_after(image.attempts))
        else:
            names = [each.name for each in self._settings.destinations]
            try:
                self._queue.store_results(image, results, names, keep=self._settings.keep_images)
            except Exception:  # a full disk is not the image's fault
                self._queue.give_back(image)
                raise
            _logger.info("image %d: %d results", image.number, len(results))
        return True

    def _give_up(self, image: QueuedImage, problem: str) -> None:
        _logger.error("image %d is given up: %s", image.number, problem)
        self._queue.fail(image, problem)
