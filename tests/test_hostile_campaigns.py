"""A few tries of each campaign of hostile files and odd surroundings; ``make soak`` makes many."""

import random
import sys

import pytest

from soak.archives import ARCHIVES
from soak.bombs import BOMBS
from soak.campaign import run
from soak.code_in_models import CODE_IN_MODELS
from soak.concurrency import RUNS
from soak.confined import BrokenPromiseError, Outcome, confined, untouched
from soak.environment import ENVIRONMENT
from soak.names_in_files import NAMES, check_page, check_table
from soak.names_shown import SHOWN

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="forks, and measures with /proc"),
    pytest.mark.slow,
]


@pytest.mark.parametrize(
    ("campaign", "tries"),
    [(BOMBS, 6), (NAMES, 25), (SHOWN, 5), (ARCHIVES, 30), (CODE_IN_MODELS, 5), (RUNS, 2), (ENVIRONMENT, 6)],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_few_tries(campaign, tries):
    assert run(campaign, tries, seed=random.randrange(10**6))["first_failures"] == []


def test_what_is_broken_is_seen(tmp_path):
    """The campaigns can fail."""
    (tmp_path / "mine").write_bytes(b"mine")
    with pytest.raises(BrokenPromiseError, match="touched"), untouched(tmp_path, "out"):
        (tmp_path / "mine").write_bytes(b"theirs")
    with pytest.raises(BrokenPromiseError, match="touched"), untouched(tmp_path):
        (tmp_path / "out").symlink_to(tmp_path / "mine")
    for code, text in (
        (1, "error: no"),
        (3, ""),
        (0, "Traceback (most recent call last)"),
        (3, "error: this is a bug in fractura"),
        (3, "error: a\x1b[2J"),
        (-9, "killed"),
    ):
        with pytest.raises(BrokenPromiseError):
            Outcome(code, "", text, 1, 1).holds()
    for seconds, megabytes in ((61, 1), (1, 1501)):
        with pytest.raises(BrokenPromiseError, match="took"):
            Outcome(0, "", "", seconds, megabytes).holds()
    Outcome(3, "", "error: no", 1, 1).holds()


def test_a_fork_is_measured_and_held(tmp_path):
    def fill():
        sys.stdout.write(str(len(bytes(300 << 20).replace(b"\0", b"x"))))

    outcome = confined(fill, tmp_path)
    assert (outcome.code, outcome.out) == (0, str(300 << 20))
    assert outcome.megabytes > 100
    assert confined(lambda: sys.exit(3), tmp_path).code == 3
    assert "ZeroDivisionError" in confined(lambda: 1 // 0, tmp_path).err


@pytest.mark.parametrize(
    "page", ["<script>x</script>", "<p onclick=x>", "<a href=' java\nscript:x'>", "<img src=x.png>"]
)
def test_a_page_that_is_a_program_is_seen(page, tmp_path):
    (tmp_path / "a.html").write_text(page, encoding="utf-8")
    with pytest.raises(BrokenPromiseError):
        check_page(tmp_path / "a.html")


@pytest.mark.parametrize("cell", ["=1+1", "+1+1", "-x", "@SUM(A1)", '"\t=1"'])
def test_a_table_with_a_formula_is_seen(cell, tmp_path):
    (tmp_path / "a.csv").write_text(f"a,b\n-1.5,{cell}\n", encoding="utf-8")
    with pytest.raises(BrokenPromiseError):
        check_table(tmp_path / "a.csv")
