"""The source and the documentation speak the words of docs/developers/glossary.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    path
    for folder, endings in (("src", (".py", ".js", ".html", ".css")), ("docs", (".md",)))
    for ending in endings
    for path in (ROOT / folder).rglob(f"*{ending}")
)
GLOSSARY = ROOT / "docs" / "developers" / "glossary.md"

# Words, and where they are right: a pattern of the line, or a file.
INSTEAD_OF = {
    "film": "image",
    "films": "images",
    "mark": "detection",
    "marks": "detections",
    "trunk": "backbone",
    "truth": "ground truth",
    "truths": "ground truths",
    "look": "view",
    "looks": "views",
    "lookalike": "near-duplicate",
}
ALLOWED = (
    r"screen-film|digiti[sz]ed film|plain film",  # the physical thing
    r"ground.?truths?",
    r"(byte.order|question|check|problem|start|end|quotation|exclamation).marks?|pytest\.mark",
    r"\b(looks?|looked) (like|up|for|equal|in|the same|odd|next|at: a)\b",  # the verb, of appearances and of searches
    r"\bmarks? (a|the|each)\b|>>> .*",  # the verb; examples in docstrings name their own variables
)
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def wrong_words(line):
    """Words of a line that the glossary has another one for; parts of names count, too."""
    line = re.sub("|".join(ALLOWED), "", line, flags=re.IGNORECASE)
    return sorted({word.lower() for word in WORDS.findall(line)} & INSTEAD_OF.keys())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_words_are_those_of_the_glossary(path):
    if path == GLOSSARY:
        return
    found = [
        f"line {number}: {', '.join(words)}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (words := wrong_words(line))
    ]
    assert found == []


@pytest.mark.parametrize("line", ["a film of bone", "read_films(", "MarkBook", "trunk_channels", "the marks"])
def test_the_rule_sees_what_is_wrong(line):
    assert wrong_words(line)


@pytest.mark.parametrize("line", ["digitised film", "benchmark", "Markup", "ground truth", "remarkable"])
def test_the_rule_lets_pass_what_is_right(line):
    assert wrong_words(line) == []


def test_the_glossary_has_a_row_for_each_word_to_use():
    text = GLOSSARY.read_text(encoding="utf-8")
    for word, instead in INSTEAD_OF.items():
        assert f"**{instead.removesuffix('s')}**" in text, word
