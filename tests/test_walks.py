"""The walks "add a format, a check, a detector, a metric" of the documentation, followed to the letter."""

import sys

import pytest
from support.walks import follow, fractura_commands

PAGES = ("adding-a-format.md", "adding-a-check.md", "adding-a-detector.md", "adding-a-metric.md")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_walk_leads_where_it_says(page, tmp_path):
    walk = follow(page, tmp_path / "copy")
    python_files = [name for name in (*walk.made, *walk.changed) if name.endswith(".py")]
    walk.run(sys.executable, "-m", "ruff", "check", *python_files)
    walk.run(sys.executable, "-m", "ruff", "format", "--check", *python_files)
    tests = [name for name in walk.made if name.startswith("tests/")]
    pytest_words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert " passed" in walk.run(*pytest_words, *tests)
    floors = walk.run(*pytest_words, "tests/test_architecture.py", "-k", "imports_go_down or one_idea")
    assert " passed" in floors
    place = tmp_path / "commands"
    place.mkdir()
    for block in walk.commands:
        for command in fractura_commands(block):
            walk.run(*command, cwd=place)
