"""One call in a process of its own, with limits: what it said, what it took, and what it touched on the disk."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import signal
import stat
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60
_PATIENCE = 6
"""A machine that does other things, too, may take so much longer."""
MEGABYTES = 1500
"""Beyond what the parent uses. An image at the limit of 89 million pixels takes 256 MiB, and twice that to turn it."""
_FILE_MEGABYTES = 512
_ENDED = frozenset({0, 2, 3, 4, 5})  # the exit codes that the documentation names
_STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What makes a terminal do something, or show text in another order than it is in."""


class BrokenPromiseError(Exception):
    """What was promised did not hold."""


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Attributes:
        code: Its exit code; negative if a signal ended it.
        out: Its stdout.
        err: Its stderr.
        seconds: How much time of a processor it took.
        megabytes: The most memory that it used beyond what it had of its parent's at its start.
    """

    code: int
    out: str
    err: str
    seconds: float
    megabytes: float

    def holds(self, *, seconds: float = SECONDS, megabytes: float = MEGABYTES) -> None:
        """See that it ended with an answer of ours, in time, without much memory.

        Raises:
            BrokenPromiseError: It did not.
        """
        told = self.err.strip()[-600:]
        if self.code not in _ENDED:
            raise BrokenPromiseError(f"exit code {self.code}: {told}")
        if "this is a bug" in self.err or "Traceback" in self.err:
            raise BrokenPromiseError(told)
        if self.code and not told:
            raise BrokenPromiseError(f"exit code {self.code} without a word")
        if self.seconds > seconds or self.megabytes > megabytes:
            raise BrokenPromiseError(f"took {self.seconds:.0f} s and {self.megabytes:.0f} MiB: {told}")
        if found := _STEERS.search(self.out + self.err):
            around = (self.out + self.err)[max(0, found.start() - 60) : found.end() + 20]
            raise BrokenPromiseError(f"wrote {found[0]!r} to the terminal: {around!r}")


def confined(call: Callable[[], int | None], folder: Path, *, seconds: int = SECONDS) -> Outcome:
    """Run ``call`` in a fork, inside ``folder``; it is killed after ``seconds`` of a processor, or when it hangs."""
    out, err = folder / ".stdout", folder / ".stderr"
    start = time.monotonic()
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.write(sending, b"%f" % _resident())
            os.close(sending)
            os.setpgid(0, 0)
            os.chdir(folder)
            signal.alarm(0)
            for path, number in ((out, 1), (err, 2)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_MEGABYTES << 20,) * 2)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds + 1,) * 2)
            code = call() or 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        except BaseException:
            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)
    os.close(sending)
    before = float(os.read(receiving, 32) or 0)
    os.close(receiving)
    status, usage = _awaited(child, start + _PATIENCE * seconds)
    outcome = Outcome(
        os.waitstatus_to_exitcode(status),
        out.read_text("utf-8", "replace"),
        err.read_text("utf-8", "replace"),
        usage.ru_utime + usage.ru_stime,
        max(0.0, usage.ru_maxrss / 1024 - before),
    )
    out.unlink()
    err.unlink()
    return outcome


def _awaited(child: int, end: float) -> tuple[int, resource.struct_rusage]:
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            return status, usage
        if time.monotonic() > end:
            os.killpg(child, signal.SIGKILL)
            _, status, usage = os.wait4(child, 0)
            return status, usage
        time.sleep(0.005)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


@contextmanager
def untouched(folder: Path, *but: str) -> Iterator[None]:
    """See that nothing changes in ``folder`` meanwhile, but for what lies below it under the names ``but``.

    Raises:
        BrokenPromiseError: Something was written, changed or deleted.
    """
    before = dict(_files(folder, but))
    yield
    after = dict(_files(folder, but))
    if changed := sorted(path for path in {*before, *after} if before.get(path) != after.get(path)):
        raise BrokenPromiseError(f"touched {changed[:5]}")


def _files(folder: Path, but: tuple[str, ...]) -> Iterator[tuple[str, tuple]]:
    for place, folders, files in os.walk(folder):
        if Path(place) == folder:
            folders[:] = [name for name in folders if name not in but]
            files = [name for name in files if name not in but]
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                yield path, ("link", os.readlink(path))
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as stream:
                    yield path, ("file", status.st_mode, hashlib.file_digest(stream, "sha256").hexdigest())
            else:
                yield path, ("other", status.st_mode)
