"""The walks "add a format, a check, a detector, a metric" of the documentation, followed to the letter."""

import json
import sys

import pytest
from support.walks import follow, fractura_commands

PAGES = ("adding-a-format.md", "adding-a-check.md", "adding-a-detector.md", "adding-a-metric.md")
RULES = ("test_imports_go_down_and_heavy_packages_stay_in_their_rooms", "test_a_file_is_one_idea_and_prints_nothing")
FRACTURA = """
import json, sys
from fractura.cli.main import main
for words in json.loads(sys.argv[1]):
    if code := main(words):
        sys.exit(code)
"""
"""Several commands, one after another, in a process that imports PyTorch once."""


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_walk_leads_where_it_says(page, tmp_path):
    walk = follow(page, tmp_path / "copy")
    python_files = [name for name in (*walk.made, *walk.changed) if name.endswith(".py")]
    walk.run(sys.executable, "-m", "ruff", "check", *python_files)
    walk.run(sys.executable, "-m", "ruff", "format", "--check", *python_files)
    tests = [name for name in walk.made if name.startswith("tests/")]
    package = [name.removeprefix("src/fractura/") for name in python_files if name.startswith("src/fractura/")]
    floors = [f"tests/test_architecture.py::{rule}[{name}]" for rule in RULES for name in package]
    assert " passed" in walk.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *floors)
    place = tmp_path / "commands"
    place.mkdir()
    for block in walk.commands:
        walk.run(sys.executable, "-c", FRACTURA, json.dumps(fractura_commands(block)), cwd=place)
