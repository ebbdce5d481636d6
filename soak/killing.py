"""Runs a command in a fork and kills it at a random moment: by the clock, or where it is about to touch a file.

A fork of a process that has imported everything starts in milliseconds, so that hundreds of kills fit into a minute.
"""

from __future__ import annotations

import importlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

Main = Callable[[list[str]], int]

_SAID, _END = "said.txt", "end.txt"
_TORN = 0.5
"""Share of the kills at the end of a write that leave only a part of the file, as a kill in its middle does."""
_TOUCHES = frozenset(("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod"))


@dataclass(frozen=True)
class Moment:
    """When to kill.

    Attributes:
        seconds: After the start; None if it is not the clock that decides.
        touch: Before the so-many-th time that the process touches a file, from 0.
        kept: Share of a file that is kept if that touch ends its writing.
    """

    seconds: float | None = None
    touch: int | None = None
    kept: float = 1.0


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: Exit code; None if it was killed.
        said: What it wrote to stdout and stderr.
        seconds: How long it took.
        touches: How often it touched a file; 0 if it was killed.
        modules: What it had imported at its end.
    """

    code: int | None
    said: str
    seconds: float
    touches: int
    modules: tuple[str, ...]

    def moment(self, chance: random.Random) -> Moment:
        """A random moment of a run like this one."""
        if not self.touches or chance.random() < 0.4:
            return Moment(seconds=chance.uniform(0, self.seconds))
        kept = chance.random() if chance.random() < _TORN else 1.0
        return Moment(touch=chance.randrange(self.touches), kept=kept)

    def import_all(self) -> None:
        """Import what it imported, so that the next fork need not."""
        for name in self.modules:
            with suppress(Exception):  # some can only be imported by others
                importlib.import_module(name)


@dataclass(frozen=True)
class Child:
    """A process that was forked.

    Attributes:
        process: Its id.
        scratch: Its folder.
        moment: When it is to be killed.
        start: When it began.
    """

    process: int
    scratch: Path
    moment: Moment | None
    start: float

    def said(self) -> str:
        """What it wrote to stdout and stderr."""
        return (self.scratch / _SAID).read_text(encoding="utf-8", errors="replace")

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.process, number)

    def wait(self, *, timeout: float = 1800) -> Ended:
        """Wait for its end, and kill it if its moment comes.

        Raises:
            TimeoutError: It hangs.
        """
        try:
            status = self._status(timeout)
        finally:
            with suppress(ProcessLookupError, PermissionError):  # and what it started itself
                os.killpg(self.process, signal.SIGKILL)
        seconds, end = time.perf_counter() - self.start, self.scratch / _END
        # Killed in its write, the file is there and empty.
        touches, *modules = (end.read_text() if end.exists() else "").split() or ["0"]
        code = None if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        return Ended(code, self.said(), seconds, int(touches), tuple(modules))

    def _status(self, timeout: float) -> int:
        seconds = None if self.moment is None else self.moment.seconds
        due, pause = self.start + (timeout if seconds is None else seconds), 0.0005
        while True:
            done, status = os.waitpid(self.process, os.WNOHANG)
            if done:
                return status
            left = due - time.perf_counter()
            if left <= 0:
                self.kill()
                _, status = os.waitpid(self.process, 0)
                if seconds is None:
                    raise TimeoutError(f"a run took more than {timeout:g} s")
                return status
            time.sleep(min(pause, left))
            pause = min(0.02, pause * 1.5)


def fork(main: Main, words: Sequence[object], scratch: Path, moment: Moment | None = None) -> Child:
    """Run ``main(words)`` in a fork of this process.

    Args:
        main: Gets the words, returns an exit code.
        words: As texts.
        scratch: Folder for what it says, and its folder of temporary files (``scratch/temporary``).
        moment: When to kill it; None lets it end.
    """
    (scratch / "temporary").mkdir(parents=True, exist_ok=True)
    (scratch / _END).unlink(missing_ok=True)
    (scratch / _SAID).write_text("")
    sys.stdout.flush()
    start = time.perf_counter()
    process = os.fork()
    if process == 0:
        _be_the_child(main, [str(word) for word in words], scratch, moment)
    return Child(process, scratch, moment, start)


def run_forked(main: Main, words: Sequence[object], scratch: Path, moment: Moment | None = None) -> Ended:
    """``fork``, and wait for the end."""
    return fork(main, words, scratch, moment).wait()


def _be_the_child(main: Main, words: list[str], scratch: Path, moment: Moment | None) -> NoReturn:
    code = 70
    try:
        signal.alarm(0)
        os.setpgid(0, 0)
        output = os.open(scratch / _SAID, os.O_WRONLY)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout, sys.stderr = (open(number, "w", 1, closefd=False) for number in (1, 2))  # noqa: SIM115
        os.environ["TMPDIR"] = str(scratch / "temporary")
        tempfile.tempdir = str(scratch / "temporary")  # else Python tries the folder with a file of its own
        touches = _watch_files(moment)
        code = main(words)
        (scratch / _END).write_text(" ".join([str(touches[0]), *sys.modules]))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _watch_files(moment: Moment | None) -> list[int]:
    """Count what this process does to files, and end it where the moment has come."""
    touches, limit = [0], None if moment is None else moment.touch

    def touch(descriptor: int | None = None) -> None:
        touches[0] += 1
        if limit is None or touches[0] <= limit:
            return
        if descriptor is not None and moment is not None and moment.kept < 1:
            os.ftruncate(descriptor, int(os.fstat(descriptor).st_size * moment.kept))
        os.kill(os.getpid(), signal.SIGKILL)

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        opens = event == "open" and isinstance(arguments[2], int)
        if event in _TOUCHES or (opens and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            touch()

    sync = os.fsync

    def fsync(descriptor: int) -> None:
        """All is written now; it may have been less."""
        touch(descriptor if os.fstat(descriptor).st_mode & 0o100000 else None)
        sync(descriptor)

    sys.addaudithook(hear)
    os.fsync = fsync
    return touches


def files_in(folder: Path) -> dict[str, bytes]:
    """Content by name of every file and link below a folder."""
    return {
        path.relative_to(folder).as_posix(): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def refuse_differences(found: Mapping[str, object], wanted: Mapping[str, object], what: str) -> None:
    """See that two folders hold the same.

    Raises:
        AssertionError: They do not; a few names say where.
    """
    missing, more = sorted(wanted.keys() - found.keys()), sorted(found.keys() - wanted.keys())
    other = sorted(name for name in found.keys() & wanted.keys() if found[name] != wanted[name])
    if missing or more or other:
        raise AssertionError(f"{what}: missing {missing[:5]}, more {more[:5]}, other content {other[:5]}")
