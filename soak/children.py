"""Tries in a child process, thousands a second: one that crashes, hangs or eats memory is a failed try, not the end."""

from __future__ import annotations

import json
import mmap
import os
import random
import resource
import select
import signal
import struct
import sys
import time
import traceback
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

MEMORY = 3 << 30
"""Bytes that a child may ask for in addition to what its parent has: more than the largest image that is accepted."""
_NUMBER = struct.Struct("<Q")
_PAGES = Path("/proc/self/statm")


def failures_apart(
    attempt: Callable[[random.Random], None], tries: int, seed: int, seconds_per_try: float, until: float
) -> Generator[dict[str, Any], None, int]:
    """The failed tries, each with its number and what went wrong; returns how many there were when ``until`` came.

    A new child goes on behind a try that ended the one before. Where ``attempt`` has a method ``last_words``, it is
    asked then what the dead child was at.
    """
    number = 0
    with mmap.mmap(-1, _NUMBER.size) as progress:
        while number < tries:
            progress[:] = _NUMBER.pack(number)
            receiving, sending = os.pipe()
            sys.stdout.flush()
            child = os.fork()
            if child == 0:
                os.close(receiving)
                _try_all(attempt, range(number, tries), seed, until, progress, sending)
            os.close(sending)
            hangs = yield from _watched(child, receiving, progress, seconds_per_try)
            _, status = os.waitpid(child, 0)
            number = _NUMBER.unpack(progress[:])[0]
            if status == 0:
                return number
            ended = (
                f"ended its process by signal {status & 127}" if status & 127 else f"ended its process: {status >> 8}"
            )
            words = f"more than {seconds_per_try:g} s" if hangs else ended
            described = attempt.last_words() if hasattr(attempt, "last_words") else ""
            yield {"try": number, "error": f"{words} {described}".strip()}
            number += 1
    return tries


def _try_all(
    attempt: Callable[[random.Random], None],
    numbers: range,
    seed: int,
    until: float,
    progress: mmap.mmap,
    sending: int,
) -> None:
    """The life of a child, which never returns."""
    status = 1
    try:
        # What decoders print of damaged files would hide what is said here.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        if _PAGES.exists():
            used = int(_PAGES.read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        for number in numbers:
            progress[:] = _NUMBER.pack(number)
            if time.monotonic() > until:
                break
            try:
                attempt(random.Random(f"{seed}/{number}"))
            except BaseException as error:
                os.write(sending, (json.dumps({"try": number, "error": _described(error)}) + "\n").encode())
        else:
            progress[:] = _NUMBER.pack(numbers.stop)
        status = 0
    finally:
        os._exit(status)


def _described(error: BaseException) -> str:
    """What happened and where, short enough for one write to a pipe."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}fractura{os.sep}" in frame.filename]
    where = "".join(f" at {Path(frame.filename).name}:{frame.lineno}" for frame in (ours[-1:] or frames[-1:]))
    said = " ".join([f"{type(error).__name__}{where}: {str(error)[:600]}", *getattr(error, "__notes__", ())])
    return said.encode("utf-8", "backslashreplace").decode()[:1000]


def _watched(
    child: int, receiving: int, progress: mmap.mmap, seconds_per_try: float
) -> Generator[dict[str, Any], None, bool]:
    """What the child reports, until it ends or makes no progress; True if it had to be killed for that."""
    waiting, last, since = b"", b"", time.monotonic()
    with os.fdopen(receiving, "rb", buffering=0) as stream:
        while True:
            ready, _, _ = select.select([stream], [], [], 1.0)
            if ready:
                chunk = stream.read(1 << 16)
                if not chunk:
                    return False
                *lines, waiting = (waiting + chunk).split(b"\n")
                yield from map(json.loads, lines)
            if progress[:] != last:
                last, since = progress[:], time.monotonic()
            elif time.monotonic() - since > seconds_per_try:
                os.kill(child, signal.SIGKILL)
                return True
