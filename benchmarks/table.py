"""Writes the table of docs/performance.md from the results that were kept: the last of each comparison."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from benchmarks.contest import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_BEGIN, _END = "<!-- written by `python -m benchmarks` -->\n", "<!-- end of what is written -->\n"
_HEAD = "| Work | Here | Peer | Ratio | Goal | Runs | Machine | Commit |\n|---|---|---|---|---|---|---|---|\n"


def write() -> None:
    """Put a row for every comparison between the page's two comments."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = "".join(map(_row, _last_results()))
    PAGE.write_text(f"{before}{_BEGIN}\n{_HEAD}{rows}\n{_END}{after}", encoding="utf-8")


def _last_results() -> list[dict[str, Any]]:
    lines = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.is_file() else []
    return list({result["line"]: result for result in map(json.loads, lines)}.values())


def _row(result: dict[str, Any]) -> str:
    ours, peer = statistics.median(result["our_values"]), statistics.median(result["peer_values"])
    ratio, unit = result["ratio"], result["unit"]
    goal, met = "", True
    if result["goal"] is not None:
        goal, met = f"≥ {result['goal']:g}", ratio >= result["goal"]
    if result["at_most"] is not None:
        goal, met = f"≤ {result['at_most']:g} {unit}", ours <= result["at_most"]
    verdict = f"{goal}: {'met' if met else '**missed**'}" if goal else ""
    runs = f"{len(result['our_values'])} and {len(result['peer_values'])}"
    machine = f"{result['machine']}, {result['cores']} cores, Python {result['versions']['python']}"
    sides = f"{ours:.4g} {unit} ({result['ours']}) | {peer:.4g} {unit} ({result['peer']})"
    return (
        f"| {result['what']} | {sides} | {ratio:.2f} | {verdict} | {runs} | {machine} "
        f"| {result['commit']}, {result['date']} |\n"
    )
