"""Decoders at arm's length: a helper process decodes, and may crash or hang on a damaged image without harm."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import threading
from pathlib import Path

from fractura.imaging.dicom.decoder_worker import ANSWER, REQUEST

SECONDS = 120.0
"""Longest time for one image. An image of 10 million pixels takes about half a second."""

_WORKER = Path(__file__).with_name("decoder_worker.py")


class Helper:
    """The process, started when it is first needed and again after it died; one image at a time.

    Args:
        worker: The program that it runs. It reads requests on stdin and writes answers on stdout: ``ANSWER``, a length,
            and as many bytes.
    """

    def __init__(self, worker: Path = _WORKER) -> None:
        self._worker = worker
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
                head = process.stdout.read(ANSWER.size)
                length = ANSWER.unpack(head)[0] if len(head) == ANSWER.size else limit + 1
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


_helper = Helper()
atexit.register(lambda: _helper.close())


def _forget_helper() -> None:
    """A process forked from ours (a data loader's) gets a helper of its own: two must not share one pipe.

    Nor one lock, which may be held by a thread that the new process does not have.
    """
    global _helper
    _helper = Helper()


if hasattr(os, "register_at_fork"):  # Windows lacks it, and cannot fork
    os.register_at_fork(after_in_child=_forget_helper)


def decode_apart(frame: bytes, syntax: str, width: int, height: int, samples: int, bits: int) -> bytes | None:
    """Values of one compressed frame, one byte each up to 8 bits and two (little-endian) above.

    Returns:
        ``width * height * samples`` values, without sign, colour by pixel; None if the frame cannot be decoded.
    """
    allocated = 8 if bits <= 8 else 16
    request = REQUEST.pack(width, height, samples, bits, allocated, len(syntax), len(frame))
    wanted = width * height * samples * allocated // 8
    values = _helper.ask(request + syntax.encode("ascii") + frame, wanted + allocated)
    return None if values is None or len(values) < wanted else values[:wanted]
