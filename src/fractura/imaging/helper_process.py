"""Decoders at arm's length: helper processes decode, and may crash or hang on a damaged image without harm."""

from __future__ import annotations

import atexit
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

SECONDS = 120.0
"""Longest time for one image. An image of 10 million pixels takes about half a second."""
_LENGTH = struct.Struct("<Q")


class HelperProcesses:
    """As many processes as threads ask at once, each started when it is needed, and forgotten once it died.

    Args:
        worker: The program that they run. It reads requests on stdin and writes answers on stdout: a length (``<Q``),
            and as many bytes.
    """

    def __init__(self, worker: Path) -> None:
        self._worker = worker
        self._forget()
        atexit.register(lambda: self.close())
        if hasattr(os, "register_at_fork"):  # Windows lacks it, and cannot fork
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A process forked from ours (a data loader's) gets helpers of its own: two must not share one pipe.

        Nor one lock, which may be held by a thread that the new process does not have.
        """
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []

    def ask(self, request: bytes, limit: int) -> bytes | None:
        """The answer, or None: no answer, too late, or more than ``limit`` bytes."""
        process = self._take()
        answer = _answer(process, request, limit)
        if answer is None:
            _end(process)
        else:
            with self._lock:
                self._idle.append(process)
        return answer

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process
                _end(process)
        return subprocess.Popen(
            [sys.executable, "-P", str(self._worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """Let the helpers go that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            _end(process)


def _answer(process: subprocess.Popen[bytes], request: bytes, limit: int) -> bytes | None:
    late = threading.Timer(SECONDS, process.kill)
    late.start()
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(request)
        process.stdin.flush()
        head = process.stdout.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else limit + 1
        values = process.stdout.read(length) if length <= limit else b""
        return values if length <= limit and len(values) == length else None
    except OSError:  # it died while we wrote
        return None
    finally:
        late.cancel()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()
