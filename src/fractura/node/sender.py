"""Delivers results to one destination, in order, and tries again with growing pauses."""

from __future__ import annotations

import logging
from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from fractura.core.errors import FracturaError
from fractura.node.examiner import pause_after
from fractura.node.queue import Queue
from fractura.node.queue_entries import Delivery
from fractura.node.sending import Answer, UnreachableError, send_dicom, send_web
from fractura.node.settings import Destination, NodeSettings

_AT_ONCE = 20
"""Results over one association."""
_logger = logging.getLogger(__name__)


class Sender:
    """Sends what waits for a destination.

    Args:
        settings: Of the node.
        queue: Its results.
        destination: Where they go.
    """

    def __init__(self, settings: NodeSettings, queue: Queue, destination: Destination) -> None:
        self._settings, self._queue, self._destination = settings, queue, destination

    def send_due(self) -> float | None:
        """Send the results that are due.

        Returns:
            Seconds until the next attempt makes sense; 0 if more may be due, None if nothing is.
        """
        name = self._destination.name
        deliveries = self._queue.due_deliveries(name, _AT_ONCE)
        if not deliveries:
            return None
        try:
            with closing(self._answers([each.path for each in deliveries])) as answers:
                for delivery, answer in zip(deliveries, answers, strict=True):
                    self._settle(delivery, answer)
        except UnreachableError as error:
            return self._pause(str(error))
        except FracturaError as error:  # of a certificate or a secret
            return self._pause(error.problem)
        return 0.0

    def _answers(self, files: Sequence[Path]) -> Generator[Answer]:
        if self._destination.dicom is not None:
            return send_dicom(self._destination.dicom, files, ae_title=self._settings.ae_title)
        assert self._destination.web is not None
        return send_web(self._destination.web, files)

    def _settle(self, delivery: Delivery, answer: Answer) -> None:
        name = self._destination.name
        if answer is None:
            self._queue.confirm(delivery, name, keep=self._settings.keep_images)
            return
        attempts = delivery.attempts + 1
        is_last = attempts >= self._settings.attempts
        level = logging.ERROR if is_last else logging.WARNING
        outcome = "it is given up" if is_last else "it is sent again"
        _logger.log(level, "a result of image %d for '%s': %s; %s", delivery.image, name, answer.problem, outcome)
        self._queue.refuse(delivery, name, answer.problem, None if is_last else pause_after(attempts))

    def _pause(self, problem: str) -> float:
        failures = self._queue.report_unreachable(self._destination.name, problem)
        seconds = pause_after(failures)
        _logger.warning("'%s': %s; results wait, next attempt in %d s", self._destination.name, problem, seconds)
        return seconds
