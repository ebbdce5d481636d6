"""Mutants that no test can find, each with the reason: they do what the code does, or the difference is not ours."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from soak.mutants.mutations import Mutant

FILE = Path(__file__).parent / "explained.json"
_KEYS = ("file", "text", "before", "after")


def explanations() -> list[dict[str, str]]:
    """What the file says: ``file``, ``text`` of the line, ``before``, ``after`` and ``why`` of each."""
    entries: list[dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return entries


def unexplained(mutants: Iterable[Mutant]) -> list[Mutant]:
    """The mutants that tests should find."""
    known = {tuple(entry[key] for key in _KEYS) for entry in explanations()}
    return [mutant for mutant in mutants if _key(mutant) not in known]


def stale(mutants: Iterable[Mutant]) -> list[dict[str, str]]:
    """Explanations of mutants that are no longer there, since their line has changed."""
    keys = {_key(mutant) for mutant in mutants}
    return [entry for entry in explanations() if tuple(entry[key] for key in _KEYS) not in keys]


def _key(mutant: Mutant) -> tuple[str, ...]:
    return (mutant.file, mutant.text, mutant.before, mutant.after)
