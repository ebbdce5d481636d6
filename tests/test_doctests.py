"""The examples in docstrings run, and there are enough of them."""

import doctest
import importlib
from pathlib import Path

import pytest

import fractura

ROOT = Path(fractura.__file__).parent
MODULES = [
    ".".join(("fractura", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for path in sorted(ROOT.rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]
FEWEST = 40


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    outcome = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert outcome.failed == 0
    assert outcome.attempted > 0


def test_there_are_enough_of_them():
    finder = doctest.DocTestFinder(exclude_empty=True)
    docstrings = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(docstrings) >= FEWEST
