"""Commands in forked processes, on disks that are small, read-only or slow. Needs Linux; mounting needs root."""

from __future__ import annotations

import errno
import importlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS)] if str(TESTS) not in sys.path else []  # golden and support make the material

PAGE = 4096
BUG = ("this is a bug", "Traceback")


@dataclass(frozen=True)
class Ended:
    """How a forked call ended: its exit code (minus the signal that killed it), and what it printed."""

    code: int
    text: str


def prepare_process() -> None:
    """Set what forked calls take over; what the first of them imports, the others find imported."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads do not survive a fork
    os.environ["FRACTURA_LANGUAGE"] = "en"


def forked(call: Callable[[], int | None], *, memory: int | None = None) -> Ended:
    """Run a call in a forked process, which saves the seconds that importing PyTorch takes.

    Args:
        call: Its result is the exit code.
        memory: Bytes that the process may map beyond what it has when it starts, as ``ulimit -v`` limits them.
    """
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as modules:
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            _run_as_child(call, printed.fileno(), modules.fileno(), memory)
        try:
            _, status = os.waitpid(process, 0)
        except BaseException:
            os.kill(process, 9)
            os.waitpid(process, 0)
            raise
        printed.seek(0)
        modules.seek(0)
        if memory is None:
            _import(modules.read().decode().splitlines())
        return Ended(os.waitstatus_to_exitcode(status), printed.read().decode("utf-8", "replace"))


def _import(names: list[str]) -> None:
    """Import what a forked call has imported, so that the next ones need not."""
    for name in names:
        with suppress(Exception):
            importlib.import_module(name)


def _run_as_child(call: Callable[[], int | None], printed: int, modules: int, memory: int | None) -> None:
    code, known = 1, set(sys.modules)
    try:
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", buffering=1, closefd=False))  # noqa: SIM115
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (mapped() + memory, resource.RLIM_INFINITY))
        code = call() or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if memory is None:
            new = [name for name in sys.modules if name not in known and not name.startswith("__")]
            os.write(modules, "\n".join(new).encode())
        os._exit(code)


def mapped() -> int:
    """Bytes that this process has mapped."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * PAGE


@contextmanager
def disk(place: Path, pages: int, files: int | None = None) -> Iterator[Path]:
    """An empty disk of so many pages, and with room for so many files if that is limited.

    Raises:
        PermissionError: This process may not mount.
    """
    place.mkdir(exist_ok=True)
    options = f"size={pages * PAGE}" + (f",nr_inodes={files}" if files else "")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        raise PermissionError(errno.EPERM, f"needs the right to mount: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        while os.path.ismount(place):  # made read-only, it lies under a second one
            subprocess.run(["umount", "-R", "-l", str(place)], check=True)


def used(place: Path) -> tuple[int, int]:
    """Pages and files that are used on a disk."""
    status = os.statvfs(place)
    return (status.f_blocks - status.f_bfree) * status.f_frsize // PAGE, status.f_files - status.f_ffree


def resize(place: Path, pages: int, files: int | None = None) -> None:
    """Make a mounted disk larger or smaller."""
    options = f"remount,size={pages * PAGE}" + (f",nr_inodes={files}" if files else "")
    subprocess.run(["mount", "-o", options, str(place)], check=True)


def make_read_only(place: Path) -> None:
    """Refuse all writing below a folder, to root as well; also where files are open. ``umount`` ends it."""
    subprocess.run(["mount", "--bind", str(place), str(place)], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def states(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of change of all files below a folder."""
    found = ((path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): (status.st_size, status.st_mtime_ns) for path, status in found}


def copy_into(source: Path, target: Path) -> None:
    """Copy a file, or what a folder holds."""
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def make_slow(draw: Callable[[], float]) -> None:
    """From now on what this process does to a disk takes ``draw()`` seconds more each time."""
    for name in ("fsync", "replace", "rename", "mkdir", "open", "unlink"):
        setattr(os, name, _delayed(getattr(os, name), draw))


def _delayed(call: Callable, draw: Callable[[], float]) -> Callable:
    def slow(*arguments: object, **options: object) -> object:
        time.sleep(draw())
        return call(*arguments, **options)

    return slow
