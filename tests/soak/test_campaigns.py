"""The campaigns of ``make soak``: well formed, and a few kills of the most important ones."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.registry import CAMPAIGNS

ROOT = Path(__file__).resolve().parents[2]
SHORT = """
import json, sys
from soak.campaign import run
from soak.registry import CAMPAIGNS
[campaign] = [each for each in CAMPAIGNS if each.name == sys.argv[1]]
print(json.dumps(run(campaign, int(sys.argv[2]), 7)))
"""


def test_campaigns_are_told_apart():
    names = [each.name for each in CAMPAIGNS]
    assert len(set(names)) == len(names)
    promises = [each.promise for each in CAMPAIGNS]
    assert len(set(promises)) == len(promises)


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda each: each.name)
def test_a_campaign_can_be_a_row_of_the_table(campaign):
    assert campaign.tries > 0
    assert campaign.name == campaign.name.lower()
    for text in (campaign.promise, campaign.found):
        assert "|" not in text
        assert "\n" not in text
        assert not text.endswith(".")
    assert campaign.promise


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL and fork")
@pytest.mark.parametrize(
    ("name", "tries"),
    [
        ("kill-label", 2),
        ("kill-convert-yolo", 6),
        ("kill-convert-shards", 6),
        pytest.param("kill-train", 4, marks=pytest.mark.slow),
        pytest.param("kill-check", 6, marks=pytest.mark.slow),
        pytest.param("kill-detect", 6, marks=pytest.mark.slow),
    ],
)
def test_a_few_kills_break_no_promise(name, tries):
    """In a process of its own, which has no threads that a fork would lose."""
    command = [sys.executable, "-c", SHORT, name, str(tries)]
    places = [str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["first_failures"] == []
