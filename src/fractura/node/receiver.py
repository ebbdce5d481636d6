"""Takes images by DICOM: C-STORE into the queue, and C-ECHO.

An image is acknowledged (0x0000) when it is on the disk, and never before. If the queue is full, the answer is 0xA700:
out of resources, and the sender keeps it.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from pynetdicom import AE, evt
from pynetdicom.transport import ThreadedAssociationServer

from fractura.core.errors import UsageError
from fractura.node.encryption import server_context
from fractura.node.queue import Queue
from fractura.node.settings import NodeSettings
from fractura.node.storage_classes import RADIOGRAPHS, TRANSFER_SYNTAXES

_VERIFICATION = "1.2.840.10008.1.1"
_SUCCESS, _OUT_OF_RESOURCES, _CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xC000
_PDU_BYTES = 128 * 2**10
_SILENT_SECONDS = 30
"""A connection that says nothing for so long is closed."""
_OVERHEAD_BYTES = 2**20  # of a message, besides its image
_CONNECTIONS_PER_ASSOCIATION = 4
_logger = logging.getLogger(__name__)


class Receiver:
    """The node's DICOM port.

    Args:
        settings: Of the node.
        queue: Where images go.
        on_image: Is called when one came.

    Raises:
        UsageError: The port is taken, or the certificates cannot be used.
    """

    def __init__(self, settings: NodeSettings, queue: Queue, on_image: Callable[[], None]) -> None:
        self._settings, self._queue, self._on_image = settings, queue, on_image
        entity = AE(ae_title=settings.ae_title)
        entity.require_called_aet = True
        entity.require_calling_aet = list(settings.callers)
        entity.maximum_associations = settings.associations
        entity.maximum_pdu_size = _PDU_BYTES
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _SILENT_SECONDS
        entity.add_supported_context(_VERIFICATION)
        for storage_class in RADIOGRAPHS:
            entity.add_supported_context(storage_class, list(TRANSFER_SYNTAXES))
        try:
            self._server = entity.make_server(
                (settings.host, settings.port),
                server_class=_Server,
                ssl_context=None if settings.tls is None else server_context(settings.tls),
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, self._limit),
                    (evt.EVT_C_STORE, self._store),
                ],
            )
        except OSError as error:
            raise UsageError(
                f"cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}",
                hint="another program may have the port; choose another, or 0 for any that is free",
            ) from error
        entity._servers.append(self._server)  # where its shutdown expects itself
        self._entity = entity
        self._thread = threading.Thread(target=self._server.serve_forever, name="fractura-receiver", daemon=True)

    @property
    def port(self) -> int:
        """TCP port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and end all associations; what was not acknowledged stays with its sender."""
        if self._thread.is_alive():
            self._entity.shutdown()
            self._thread.join()
        else:  # never started
            self._server.server_close()

    def _limit(self, event: Any) -> None:
        """Bound what one connection makes the node hold in memory."""
        connection, largest = event.assoc.dul.socket, self._settings.image_bytes + _OVERHEAD_BYTES
        receive, held = connection.recv, 0

        def bounded(count: int) -> bytearray:
            nonlocal held
            held += count
            if held > largest:
                _logger.warning("a sender was cut off: more than %d bytes in one message", largest)
                raise OSError("too large")
            return receive(count)  # type: ignore[no-any-return]

        def forget(_: Any) -> None:
            nonlocal held
            held = 0

        connection.recv = bounded
        event.assoc.bind(evt.EVT_DIMSE_RECV, forget)

    def _store(self, event: Any) -> int:
        uid = event.request.AffectedSOPInstanceUID
        if not uid:
            return _CANNOT_UNDERSTAND
        try:
            if self._queue.is_full() and not self._queue.knows(uid):
                return self._refused()
            received = self._queue.receive(str(uid), event.encoded_dataset(), event.assoc.requestor.ae_title)
        except Exception as error:  # whatever it is: without the bytes on the disk there is no acknowledgement
            _logger.error("an image could not be stored: %s", type(error).__name__)
            return _OUT_OF_RESOURCES
        if received == "full":
            return self._refused()
        if received == "new":
            self._on_image()
        return _SUCCESS

    def _refused(self) -> int:
        _logger.warning("the queue is full: a sender was told to try again later")
        return _OUT_OF_RESOURCES


class _Server(ThreadedAssociationServer):
    """pynetdicom's, except that no peer can hold up the others before it has said who it is."""

    daemon_threads = True
    request_queue_size = 64

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and shake hands later, in its own thread."""
        assert self.socket is not None
        connection, address = self.socket.accept()
        connection.settimeout(_SILENT_SECONDS)
        if self.ssl_context is not None:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Refuse connections beyond those that could become associations soon."""
        return len(self.active_associations) < _CONNECTIONS_PER_ASSOCIATION * self.ae.maximum_associations

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands, then begin the association."""
        if isinstance(request, ssl.SSLSocket):
            request.do_handshake()
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that fails before its association is not worth a traceback."""
        _logger.info("a connection ended before it began")
