"""Tries mutants: finds the tests that reach them, and has the servers run those."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from soak.mutants.mutations import Mutant

ROOT = Path(__file__).parents[2]
_IMPORT = "import"
_LONGEST = 30.0
"""Seconds of tests, quickest first, that are run to find one fault."""


@dataclass(frozen=True)
class Verdict:
    """What the tests said of a mutant.

    Attributes:
        mutant: Which one.
        killed_by: The test that failed, or why none was needed; None if the mutant survived.
        tests: How many tests reach it.
        why: The end of the test's message.
    """

    mutant: Mutant
    killed_by: str | None
    tests: int
    why: str = ""


class Laboratory:
    """Some modules with the tests that are to find faults in them.

    Attributes:
        failed: Tests that fail without any fault, and are left out.
    """

    def __init__(self, folder: Path, files: Sequence[str], tests: Sequence[str]) -> None:
        """Collect and measure the tests, which takes as long as they do.

        Args:
            folder: An empty folder; tests may write only in it.
            files: The modules, relative to the repository's root.
            tests: Arguments of pytest: folders, files.
        """
        self._folder = folder.resolve()
        self._settings = {"files": list(files), "tests": list(tests)}
        self._servers: dict[str, _Server] = {}
        answer = self._server("warm").answer()
        if "result" not in answer:
            raise RuntimeError(f"the tests could not be measured: {answer} {self._server('warm').log()}")
        measured = answer["result"]
        self.failed = sorted(set(measured["failed"]))
        self._seconds = {name: time for name, time in measured["seconds"].items() if name not in self.failed}
        self._killers: dict[str, int] = defaultdict(int)
        self._at_import: set[tuple[str, int]] = set()
        self._reaching: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._names_of_file: dict[str, list[str]] = defaultdict(list)
        for name in self._seconds:
            self._names_of_file[_file(name)].append(name)
        for file, lines in measured["lines"].items():
            for line, contexts in lines.items():
                for context in contexts:
                    phase, _, name = context.partition(" ")
                    if phase == _IMPORT:
                        self._at_import.add((file, int(line)))
                    elif phase == "call":
                        self._reaching[file, int(line)].add(name)
                    elif phase == "setup":  # a fixture that all tests of the file may share
                        self._reaching[file, int(line)].update(self._names_of_file[_file(name)])

    def try_out(self, mutant: Mutant) -> Verdict:
        """Run the tests that reach a mutant until one fails."""
        lines = range(mutant.lines[0], mutant.lines[1] + 1)
        at_import = mutant.at_import or any((mutant.file, line) in self._at_import for line in lines)
        if at_import:
            # What a test's file makes with the module as it is imported can show a fault to any test in it.
            some = set().union(*(tests for (file, _), tests in self._reaching.items() if file == mutant.file))
            reaching = {name for file in map(_file, some) for name in self._names_of_file[file]}
        else:
            reaching = set().union(*(self._reaching.get((mutant.file, line), ()) for line in lines))
        tests = self._quickest(reaching & self._seconds.keys())
        if not tests:
            return Verdict(mutant, None, 0)
        answer = {"problem": "import"}
        if not at_import:
            answer = self._ask("warm", mutant, tests)
        if answer.get("problem") == "import":
            answer = self._ask("cold", mutant, tests)
        if "problem" in answer:
            return Verdict(mutant, answer["problem"], len(tests))
        result = answer["result"]
        if result["killed_by"] is not None:
            self._killers[result["killed_by"]] += 1
        return Verdict(mutant, result["killed_by"], len(tests), result.get("why", ""))

    def _quickest(self, names: Iterable[str]) -> list[str]:
        """Those that found faults before and the quick ones first, as many as fit into the time."""
        chosen, total = [], 0.0
        for name in sorted(names, key=lambda name: (self._seconds[name] / (1 + self._killers[name]), name)):
            total += self._seconds[name]
            if chosen and total > _LONGEST:
                break
            chosen.append(name)
        return chosen

    def _ask(self, kind: str, mutant: Mutant, tests: list[str]) -> dict[str, Any]:
        usual = sum(self._seconds[name] for name in tests)
        seconds = 10 + 5 * usual + (60 if kind == "cold" else 0)
        return self._server(kind).ask({"mutant": asdict(mutant), "tests": tests, "seconds": seconds})

    def _server(self, kind: str) -> _Server:
        if kind not in self._servers:
            self._servers[kind] = _Server(kind, self._folder, self._settings)
        return self._servers[kind]

    def close(self) -> None:
        """End the servers."""
        for server in self._servers.values():
            server.close()


def _file(test: str) -> str:
    return test.partition("::")[0]


class _Server:
    def __init__(self, kind: str, folder: Path, settings: dict[str, Any]) -> None:
        requests_from, requests_to = os.pipe()
        answers_from, answers_to = os.pipe()
        self._log = folder / f"{kind}.log"
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        arguments = (kind, requests_from, answers_to, folder, json.dumps(settings))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "soak.mutants.server", *map(str, arguments)],
                pass_fds=(requests_from, answers_to),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=os.environ | one_thread | {"TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
            )
        os.close(requests_from)
        os.close(answers_to)
        self._requests: IO[str] = os.fdopen(requests_to, "w", buffering=1)
        self._answers: IO[str] = os.fdopen(answers_from)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        print(json.dumps(request), file=self._requests)
        return self.answer()

    def answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise RuntimeError(f"the server of mutants ended: {self.log()}")
        return json.loads(line)

    def log(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    def close(self) -> None:
        self._requests.close()
        self._answers.close()
        self._process.wait()
