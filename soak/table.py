"""Writes the table of docs/reliability.md from the results that were kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from soak.campaign import Campaign, last_results

PAGE = Path(__file__).parents[1] / "docs" / "reliability.md"
_BEGIN, _END = "<!-- written by `python -m soak` -->\n", "<!-- end of what is written -->\n"
_HEAD = "| Promise | Command | Tries | Failures found and mended | Last result |\n|---|---|---|---|---|\n"


def write(campaigns: Iterable[Campaign]) -> None:
    """Put a row for every campaign between the page's two comments."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    _, _, after = rest.partition(_END)
    results = last_results()
    rows = "".join(_row(each, results.get(each.name)) for each in campaigns)
    PAGE.write_text(f"{before}{_BEGIN}\n{_HEAD}{rows}\n{_END}{after}", encoding="utf-8")


def _row(campaign: Campaign, result: dict | None) -> str:
    if result is None:
        tries, last = "0", "not run yet"
    else:
        tries = f"{result['tries']:,}"
        last = f"{result['failures']} failures, {result['date']}, Python {result['python']}, commit {result['commit']}"
    return (
        f"| {campaign.promise} | `python -m soak {campaign.name}` | {tries} | {campaign.found or 'none'} | {last} |\n"
    )
