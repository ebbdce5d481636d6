"""Runs tests on mutants, each in a child of a process that has everything imported already.

python -m soak.mutants.server warm|cold REQUESTS ANSWERS FOLDER JSON

A warm server collects the tests once. For each mutant it forks, gives the functions of the child their changed code,
and runs in it the tests that reach that code. A cold server, for faults in what runs at import, only has the packages
of others imported: its child imports ours anew, with the fault. One line of JSON comes in for each mutant on the file
descriptor REQUESTS, one goes out on ANSWERS.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.machinery
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import coverage
import hypothesis
import pytest

from soak.mutants.mutations import Mutant, mutated_code

ROOT = Path(__file__).parents[2]
_LIBRARIES = ("numpy", "scipy.stats", "sklearn.metrics", "matplotlib.pyplot", "PIL.Image", "pydantic", "torch", "lxml")
_OPTIONS = [
    "-q",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:timeout",
    "-p",
    "no:faulthandler",
    "-p",
    "no:cov",
    "-p",
    "no:xdist",
]
_IMPORT = "import"
_MEMORY = 4 << 30
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CHANGES = ("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "os.chmod")

Functions = dict[tuple[str, int], list[FunctionType]]


class NeedsImportError(Exception):
    """A fault that code put into existing functions cannot show."""


def in_child(folder: Path, seconds: float, run: Callable[[], Any]) -> dict[str, Any]:
    """What ``run`` returns in a forked child, as JSON can hold it; or why there is no such thing."""
    answer, question = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(answer)
        status = 1
        try:
            os.setsid()
            _stay_within(folder)
            with os.fdopen(question, "w") as pipe:
                pipe.write(json.dumps({"result": run()}))
            status = 0
        except BaseException:
            with contextlib.suppress(Exception):
                (folder / "crash.txt").write_text(traceback.format_exc())
        finally:
            os._exit(status)
    os.close(question)
    try:
        text = _read(answer, time.monotonic() + seconds)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(answer)
    if text is None:
        return {"problem": "timeout"}
    return json.loads(text) if text else {"problem": "crash"}


def _read(pipe: int, end: float) -> str | None:
    """All that comes until the other side closes; None if it does not in time."""
    os.set_blocking(pipe, False)
    parts: list[bytes] = []
    while time.monotonic() < end:
        try:
            part = os.read(pipe, 1 << 20)
        except BlockingIOError:
            time.sleep(0.005)
            continue
        if not part:
            return b"".join(parts).decode()
        parts.append(part)
    return None


def _stay_within(folder: Path) -> None:
    """A mutant of code that writes and deletes files must not do so elsewhere, nor take all memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    allowed = (str(folder) + os.sep, "/dev/", "/proc/")

    def check(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            if not (flags & _WRITING if mode is None else set(mode) & set("wax+")):
                return
        elif event in _CHANGES or event.startswith("shutil.rmtree"):
            path = arguments[0]
        else:
            return
        if isinstance(path, str | bytes | os.PathLike):
            name = os.path.abspath(os.fsdecode(path))
            if not name.startswith(allowed) and "__pycache__" not in name:
                raise PermissionError(f"{event} outside {folder}: {name}")

    sys.addaudithook(check)
    tempfile.tempdir = tempfile.mkdtemp(dir=folder)


class Warm:
    """A plugin of pytest that serves mutants where other sessions run their tests."""

    def __init__(self, folder: Path, files: Sequence[str], requests: int, answers: int) -> None:
        self.folder = folder
        self.files = {str(ROOT / file): file for file in files}
        self.requests, self.answers = requests, answers
        self.tracer = coverage.Coverage(data_file=None, config_file=False, include=list(self.files), messages=False)
        self.tracer.start()
        self.tracer.switch_context(_IMPORT)
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: list[str] = []
        self.why = ""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out tests that start a browser: it would start anew for each mutant."""
        items[:] = [item for item in items if "chromium" not in getattr(item, "fixturenames", ())]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note failures, and how long each test takes."""
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.append(report.nodeid)
            self.why = str(report.longrepr)[-300:]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Iterator[None]:
        """What fixtures reach."""
        self._switch(f"setup {item.nodeid}")
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """What the test reaches."""
        self._switch(f"call {item.nodeid}")
        return (yield)

    def _switch(self, context: str) -> None:
        if self.tracer is not None:
            self.tracer.switch_context(context)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure the tests, then answer requests until there are no more."""
        items = {item.nodeid: item for item in session.items}
        measured = in_child(self.folder, 3600, lambda: self._measure(list(items.values())))
        self.tracer.stop()
        self.tracer = None
        with os.fdopen(self.answers, "w", buffering=1) as answers, os.fdopen(self.requests) as requests:
            print(json.dumps(measured), file=answers)
            functions = {path: _functions(path) for path in self.files}
            self.caches = [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]
            for line in requests:
                request = json.loads(line)
                mutant = Mutant(**request["mutant"])
                chosen = [items[name] for name in request["tests"]]
                try:
                    changes = _new_code(functions[str(ROOT / mutant.file)], mutated_code(ROOT, mutant))
                except NeedsImportError as error:
                    print(json.dumps({"problem": "import", "why": str(error)}), file=answers)
                    continue
                print(json.dumps(self._try(changes, chosen, request["seconds"])), file=answers)
        return True

    def _try(self, changes: list[tuple[FunctionType, CodeType]], items: list, seconds: float) -> dict[str, Any]:
        def run() -> dict[str, Any]:
            for function, code in changes:
                function.__code__ = code
            for cache in self.caches:  # answers of the code without the fault
                cache.cache_clear()
            return self._first_failure(items)

        return in_child(self.folder, seconds, run)

    def _run(self, items: list) -> Iterator[None]:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config._tmp_path_factory._basetemp = Path(tempfile.tempdir)
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            yield

    def _first_failure(self, items: list) -> dict[str, Any]:
        for _ in self._run(items):
            if self.failed:
                return {"killed_by": self.failed[0], "why": self.why}
        return {"killed_by": None}

    def _measure(self, items: list) -> dict[str, Any]:
        """Which tests pass, how long each takes, and which lines each reaches."""
        for _ in self._run(items):
            pass
        self.tracer.stop()
        data = self.tracer.get_data()
        lines = {
            file: {line: sorted(contexts) for line, contexts in data.contexts_by_lineno(path).items()}
            for path, file in self.files.items()
        }
        return {"seconds": self.seconds, "failed": self.failed, "lines": lines, "why": self.why}


def _functions(path: str) -> Functions:
    found: Functions = defaultdict(list)
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename == path:
            found[each.__code__.co_qualname, each.__code__.co_firstlineno].append(each)
    return found


def _new_code(functions: Functions, module: CodeType) -> list[tuple[FunctionType, CodeType]]:
    """Each function with the code that it has in the changed module."""
    codes = list(_inner(module))
    keys = [(code.co_qualname, code.co_firstlineno) for code in codes]
    changes = []
    for key, code in zip(keys, codes, strict=True):
        for function in functions.get(key, ()):
            if function.__code__ == code:
                continue
            if keys.count(key) > 1:
                raise NeedsImportError(f"several functions are {key}")
            if len(function.__code__.co_freevars) != len(code.co_freevars):
                raise NeedsImportError("another number of free variables")
            changes.append((function, code))
    if not changes:
        raise NeedsImportError("no function changes")
    return changes


def _inner(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner(constant)


def serve_cold(folder: Path, requests_from: int, answers_to: int) -> None:
    """Answer requests until there are no more."""
    for name in _LIBRARIES:
        importlib.import_module(name)
    with os.fdopen(answers_to, "w", buffering=1) as answers, os.fdopen(requests_from) as requests:
        for line in requests:
            request = json.loads(line)
            mutant = Mutant(**request["mutant"])
            run = functools.partial(_import_and_run, mutant, mutated_code(ROOT, mutant), request["tests"])
            print(json.dumps(in_child(folder, request["seconds"], run)), file=answers)


class _Failures:
    def __init__(self) -> None:
        self.first: dict[str, Any] = {"killed_by": None}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that fails."""
        if report.failed:
            self.first = {"killed_by": report.nodeid, "why": str(report.longrepr)[-300:]}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file of tests that cannot be imported."""
        if report.failed:
            self.first = {"killed_by": f"import of {report.nodeid}", "why": str(report.longrepr)[-300:]}


def _import_and_run(mutant: Mutant, code: CodeType, tests: list[str]) -> dict[str, Any]:
    path, original = str(ROOT / mutant.file), importlib.machinery.SourceFileLoader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, name: str) -> CodeType | None:
        return code if self.path == path else original(self, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    failures = _Failures()
    status = pytest.main([*_OPTIONS, "-x", f"--basetemp={tempfile.mkdtemp()}", *tests], plugins=[failures])
    if status not in (0, 1, 2) and failures.first["killed_by"] is None:
        failures.first = {"killed_by": f"pytest ended with {int(status)}"}
    if status == 2 and failures.first["killed_by"] is None:
        failures.first = {"killed_by": "interrupted"}
    return failures.first


def main() -> None:
    """Serve as the command line says."""
    kind, requests, answers, folder, settings = sys.argv[1:]
    hypothesis.settings.register_profile(
        "mutants",
        derandomize=True,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutants")
    os.chdir(ROOT)
    if kind == "cold":
        serve_cold(Path(folder), int(requests), int(answers))
        return
    chosen = json.loads(settings)
    plugin = Warm(Path(folder), chosen["files"], int(requests), int(answers))
    pytest.main([*_OPTIONS, f"--basetemp={folder}/warm", *chosen["tests"]], plugins=[plugin])


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(Path(sys.argv[4]) / "warm", ignore_errors=True)
