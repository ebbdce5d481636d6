"""Decoders at arm's length: a helper process decodes, and may crash or hang on a damaged image without harm."""

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


class HelperProcess:
    """The process, started when it is first needed and again after it died; one image at a time.

    Args:
        worker: The program that it runs. It reads requests on stdin and writes answers on stdout: a length (``<Q``),
            and as many bytes.
    """

    def __init__(self, worker: Path) -> None:
        self._worker = worker
        self._forget()
        atexit.register(lambda: self.close())
        if hasattr(os, "register_at_fork"):  # Windows lacks it, and cannot fork
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """A process forked from ours (a data loader's) gets a helper of its own: two must not share one pipe.

        Nor one lock, which may be held by a thread that the new process does not have.
        """
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, request: bytes, limit: int) -> bytes | None:
        """The answer, or None: no answer, too late, or more than ``limit`` bytes."""
        with self._lock:
            process = self._running()
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
                if length <= limit and len(values) == length:
                    return values
            except OSError:  # it died while we wrote
                pass
            finally:
                late.cancel()
            self._stop()
            return None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(self._worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return self._process

    def close(self) -> None:
        """Let the helper go."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
        self._process = None
