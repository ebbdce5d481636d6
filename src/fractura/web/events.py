"""Server-sent events: every change is broadcast to all open windows.

Events may be published from any thread. A window that does not keep up is disconnected instead of waited for; it
reconnects and fetches the current state.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from typing import Literal

EventKind = Literal["image", "images", "folder", "model", "suggestion", "suggestions", "training"]
_HEARTBEAT_SECONDS = 15.0
_HEARTBEAT = ": here\n\n"
_LONGEST_QUEUE = 1000


class EventStream:
    """Broadcasts events to all listening windows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}
        self._closed = False

    def publish(self, kind: EventKind, data: Mapping[str, object]) -> None:
        """Send an event to all windows."""
        self._send(f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False, allow_nan=False)}\n\n")

    def close(self) -> None:
        """End all streams, so that the server can shut down."""
        with self._lock:
            self._closed = True
        self._send(None)

    async def listen(self) -> AsyncIterator[str]:
        """The events from now on, in the wire format."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_LONGEST_QUEUE)
        with self._lock:
            if self._closed:
                return
            self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield _HEARTBEAT
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _HEARTBEAT_SECONDS)
                except TimeoutError:
                    text = _HEARTBEAT
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                self._listeners.pop(queue, None)

    def _send(self, text: str | None) -> None:
        with self._lock:
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, text)


def _put(queue: asyncio.Queue[str | None], text: str | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        text = None  # the window has fallen behind: end its stream, so that it reconnects and starts over
    queue.put_nowait(text)
