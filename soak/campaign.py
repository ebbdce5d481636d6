"""A promise, and the many tries to break it."""

from __future__ import annotations

import json
import math
import platform
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from soak.children import failures_apart

RESULTS = Path(__file__).parent / "results.jsonl"

Attempt = Callable[[random.Random], None]
"""One try, which draws all that is random from its argument. Any exception says that the promise was broken."""


@dataclass(frozen=True)
class Campaign:
    """A promise that is tried many times.

    Attributes:
        name: What the command line calls it.
        promise: The sentence that the table shows.
        prepare: Gets an empty folder, makes what all tries share, and returns the try.
        tries: How many of them ``make soak`` runs.
        found: Faults found on the way and the tests that keep them mended, for the table.
        seconds_per_try: After this long a try has failed: it hangs.
        allowed: Share of the tries that may fail before the promise is broken.
        apart: The tries run in child processes, thousands a second, and one may crash or hang its process: see
            ``soak.children``.
    """

    name: str
    promise: str
    prepare: Callable[[Path], Attempt]
    tries: int
    found: str = ""
    seconds_per_try: int = 600
    allowed: float = 0.0
    apart: bool = False


class HangsError(Exception):
    """A try took longer than its campaign allows."""


def run(campaign: Campaign, tries: int, seed: int, seconds: float = math.inf) -> dict[str, Any]:
    """Run a campaign and return its result, which says how to see each failure again.

    Args:
        campaign: It.
        tries: How many at most.
        seed: Of what they draw.
        seconds: After these no new try begins.
    """
    failures = []
    until = time.monotonic() + seconds
    start = time.perf_counter()
    memory = Path("/dev/shm")
    place = memory if campaign.apart and memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="soak-", dir=place) as folder:
        attempt = campaign.prepare(Path(folder))
        failed = failures_apart if campaign.apart else _failures_here
        failing = failed(attempt, tries, seed, campaign.seconds_per_try, until)
        while True:
            try:
                failure = next(failing)
            except StopIteration as end:
                tries = end.value
                break
            failures.append(failure)
            print(f"{campaign.name}: try {failure['try']} of seed {seed}: {failure['error']}", flush=True)
    return {
        "campaign": campaign.name,
        "tries": tries,
        "failures": len(failures),
        "seed": seed,
        "seconds": round(time.perf_counter() - start),
        "date": datetime.now(UTC).date().isoformat(),
        "commit": _commit(),
        "python": platform.python_version(),
        "first_failures": failures[:5],
    }


def _failures_here(
    attempt: Attempt, tries: int, seed: int, seconds_per_try: int, until: float
) -> Generator[dict[str, Any], None, int]:
    def too_long(*_: object) -> None:
        raise HangsError(f"more than {seconds_per_try} s")

    signal.signal(signal.SIGALRM, too_long)
    for number in range(tries):
        if time.monotonic() > until:
            return number
        failure = None
        signal.alarm(seconds_per_try)
        try:
            attempt(random.Random(f"{seed}/{number}"))
        except Exception as error:
            failure = {"try": number, "error": f"{type(error).__name__}: {error}"[:2000]}
        finally:
            signal.alarm(0)
        if failure is not None:
            yield failure
    return tries


def keep(result: dict[str, Any]) -> None:
    """Append a result to the file of results."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")


def last_results() -> dict[str, dict[str, Any]]:
    """The last result kept of each campaign."""
    if not RESULTS.is_file():
        return {}
    lines = RESULTS.read_text(encoding="utf-8").splitlines()
    return {result["campaign"]: result for result in map(json.loads, lines)}


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=RESULTS.parent).stdout.strip()
