"""What a benchmark keeps: ours and a named peer, measured in turn by one command, as a line of results.jsonl.

A ratio above 1 is to our advantage: the peer's time or memory divided by ours, or our rate divided by the peer's.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).with_name("results.jsonl")
_PACKAGES = ("numpy", "onnxruntime", "torch", "tensorflow-cpu", "pydicom", "pillow")


def in_turn(ours: Callable[[], float], peer: Callable[[], float], rounds: int) -> tuple[list[float], list[float]]:
    """What both return, ``rounds`` times each, each first in every other round."""
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds):
        for which in (number % 2, 1 - number % 2):
            found[which].append((ours, peer)[which]())
    return found


def keep(
    line: str,
    what: str,
    ours: tuple[str, Sequence[float]],
    peer: tuple[str, Sequence[float]],
    *,
    unit: str = "s",
    more_is_better: bool = False,
    goal: float | None = None,
    at_most: float | None = None,
    device: str = "",
) -> float:
    """Print and keep the medians of both, and their ratio.

    Args:
        line: Names the comparison; the last result of each is what docs/performance.md shows.
        what: The work, for people.
        ours: What does it here, and one value a round.
        peer: Likewise for the peer.
        unit: Of the values.
        more_is_better: The values are rates.
        goal: The least ratio that we aim at.
        at_most: Instead, the largest value of ours that we aim at.
        device: What computed, if not the processor.

    Returns:
        The ratio.
    """
    our_median, peer_median = statistics.median(ours[1]), statistics.median(peer[1])
    ratio = our_median / peer_median if more_is_better else peer_median / our_median
    result = {
        "line": line,
        "what": what,
        "ours": ours[0],
        "peer": peer[0],
        "unit": unit,
        "our_values": [_short(value) for value in ours[1]],
        "peer_values": [_short(value) for value in peer[1]],
        "ratio": _short(ratio),
        "goal": goal,
        "at_most": at_most,
        "machine": device or processor(),
        "cores": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS", "all"),
        "versions": {"python": platform.python_version(), **_versions()},
        "commit": commit(),
        "date": date.today().isoformat(),
    }
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
    print(
        f"{what}: {ours[0]} {our_median:.4g} {unit}, {peer[0]} {peer_median:.4g} {unit}, ratio {ratio:.3g}", flush=True
    )
    return ratio


def processor() -> str:
    """The name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit() -> str:
    """The commit that is measured; ``-dirty`` where files differ from it, results aside."""
    asked = ["git", "describe", "--always", "--dirty", "--exclude", "*"]
    done = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _short(value: float) -> float:
    return float(f"{value:.4g}")
