"""Fetches images by DICOMweb: QIDO-RS finds those of the last days, WADO-RS brings those that are not known yet."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from fractura.node.queue import Queue
from fractura.node.settings import NodeSettings, Pull
from fractura.node.storage_classes import RADIOGRAPHS
from fractura.node.web_client import client_of

if TYPE_CHECKING:
    from dicomweb_client import DICOMwebClient

_PAGE = 100
_SOP_CLASS, _SOP_INSTANCE, _STUDY, _SERIES = "00080016", "00080018", "0020000D", "0020000E"
_logger = logging.getLogger(__name__)


class Puller:
    """Searches for images in a DICOMweb service.

    Attributes:
        every_seconds: Pause between two searches.

    Args:
        settings: Of the node.
        pull: Where, and what to search for.
        queue: Where images go.
    """

    def __init__(self, settings: NodeSettings, pull: Pull, queue: Queue) -> None:
        self._settings, self._pull, self._queue = settings, pull, queue
        self.every_seconds = pull.every_seconds

    def pull(self, today: date | None = None) -> int:
        """Fetch what is new, until the queue is full; the next call goes on.

        Args:
            today: By default the date of this machine.

        Returns:
            How many images are new.

        Raises:
            RequestException: The service cannot be reached, or refuses.
            FracturaError: A secret cannot be read, or the disk is full.
        """
        client, count = client_of(self._pull.web), 0
        for study, series, instance in self._found(client, today or date.today()):
            if self._queue.knows(instance):
                continue
            if self._queue.is_full():
                _logger.warning("the queue is full: images are fetched later")
                break
            stream = io.BytesIO()
            dataset = client.retrieve_instance(study, series, instance, media_types=(("application/dicom", "*"),))
            dataset.save_as(stream, enforce_file_format=True)
            if stream.tell() > self._settings.image_bytes:
                _logger.warning("an image of %d bytes is not taken: the limit is image_bytes", stream.tell())
                continue
            received = self._queue.receive(instance, stream.getvalue())
            count += received == "new"
        return count

    def _found(self, client: DICOMwebClient, today: date) -> Iterator[tuple[str, str, str]]:
        """UIDs of study, series and instance of each image of the last days."""
        first = today - timedelta(days=self._pull.days - 1)
        days = f"{first:%Y%m%d}-{today:%Y%m%d}"
        for modality in self._pull.modalities:
            for series in _pages(client.search_for_series, {"StudyDate": days, "Modality": modality}):
                study_uid, series_uid = _text(series, _STUDY), _text(series, _SERIES)
                for found in _pages(client.search_for_instances, {}, study_uid, series_uid):
                    if _text(found, _SOP_CLASS) in RADIOGRAPHS:
                        yield study_uid, series_uid, _text(found, _SOP_INSTANCE)


def _pages(search: Any, filters: dict[str, str], *uids: str) -> Iterator[dict[str, Any]]:
    """All results of a search, a page at a time."""
    offset, before = 0, None
    while True:
        page = search(*uids, search_filters=filters, limit=_PAGE, offset=offset)
        if page == before:  # a service that knows no offset
            return
        yield from page
        if len(page) < _PAGE:
            return
        offset, before = offset + len(page), page


def _text(found: dict[str, Any], tag: str) -> str:
    values = found.get(tag, {}).get("Value") or [""]
    return str(values[0])
