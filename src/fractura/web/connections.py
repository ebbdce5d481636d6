"""A limit on connections, and on the time that a request may take to arrive: an idle peer must not use up the server.

uvicorn waits for a first request for ever. A thousand connections that say nothing leave no file descriptor free, and
then nobody is served.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS = 500
REQUEST_SECONDS = 120.0
"""For a request to arrive as a whole: 100 MB at 7 Mbit/s."""
_OPENING_SECONDS = 10.0
"""For its head."""


def most_connections() -> int:
    """As many as ``MOST_CONNECTIONS``, or half of the files that the system lets this process open."""
    if sys.platform == "win32":
        return MOST_CONNECTIONS
    import resource

    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else max(8, min(MOST_CONNECTIONS, files // 2))


class LimitedProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it; a connection is closed if there are too many, or if a request does not arrive."""

    _late: asyncio.TimerHandle | None = None
    _is_opened = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A peer has connected."""
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            transport.abort()
        else:
            self._wait(_OPENING_SECONDS)

    def data_received(self, data: bytes) -> None:
        """A part of a request, or several."""
        super().data_received(data)
        cycle: Any = self.cycle  # of the request whose head is here
        if cycle is not None and not cycle.more_body:
            self._is_opened = False
            self._stop_waiting()
        elif cycle is not None and not self._is_opened:
            self._is_opened = True
            self._wait(REQUEST_SECONDS)
        elif self._late is None:
            self._wait(_OPENING_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer is gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._late = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
