"""What happens, told to every open window: server-sent events.

Anything may be published from any thread. A window that does not read is cut off rather than waited for; it connects
again and asks for the state anew.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

_SECONDS_BETWEEN_SIGNS_OF_LIFE = 15.0
_MOST_WAITING = 1000


class EventBoard:
    """Passes events on to the windows that listen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Queue[str | None], asyncio.AbstractEventLoop] = {}
        self._closed = False

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Tell all windows."""
        text = f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False, allow_nan=False)}\n\n"
        with self._lock:
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, text)

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        with self._lock:
            self._closed = True
            listeners = list(self._listeners.items())
        for queue, loop in listeners:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, None)

    async def listen(self) -> AsyncIterator[str]:
        """The events from now on, as they go over the wire."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING)
        with self._lock:
            if self._closed:
                return
            self._listeners[queue] = asyncio.get_running_loop()
        try:
            yield ": here\n\n"
            while True:
                try:
                    text = await asyncio.wait_for(queue.get(), _SECONDS_BETWEEN_SIGNS_OF_LIFE)
                except TimeoutError:
                    text = ": here\n\n"
                if text is None:
                    return
                yield text
        finally:
            with self._lock:
                self._listeners.pop(queue, None)


def _put(queue: asyncio.Queue[str | None], text: str | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        text = None  # the window lost track: end its stream, it comes back and asks anew
    queue.put_nowait(text)
