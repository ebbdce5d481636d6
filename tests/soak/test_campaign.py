"""What counts as a failed try."""

import math
import os
import signal
import time

import pytest

from soak import campaign
from soak.campaign import Campaign
from soak.children import failures_apart


def attempt_of(number):
    """Tries 1, 3, 5 and 7 fail, each in another way."""
    if number == 1:
        raise ValueError("ñ \ud800")
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    if number == 5:
        time.sleep(600)
    if number == 7:
        bytearray(8 << 40)


class Numbered:
    """Knows the number of its try, which is not told to it otherwise."""

    def __init__(self, folder):
        self.file = folder / "number"
        self.file.write_text("0")

    def __call__(self, draw):
        number = int(self.file.read_text())
        self.file.write_text(str(number + 1))
        attempt_of(number)

    def last_words(self):
        return "[its input]"


def test_tries_apart_survive_crashes_hangs_and_hunger(tmp_path):
    failures = list(failures_apart(Numbered(tmp_path), 9, 0, 2, math.inf))
    assert [each["try"] for each in failures] == [1, 3, 5, 7]
    said = [each["error"] for each in failures]
    assert said[0].startswith("ValueError at test_campaign.py")
    assert said[1] == "ended its process by signal 11 [its input]"
    assert said[2] == "more than 2 s [its input]"
    assert said[3].startswith("MemoryError")
    assert int((tmp_path / "number").read_text()) == 9


@pytest.mark.parametrize("apart", [True, False])
def test_a_campaign_counts_the_tries_that_were_begun(apart):
    tried = Campaign("test", "It holds", lambda folder: lambda draw: draw.random() < 0.5 or 1 / 0, 20, apart=apart)
    result = campaign.run(tried, 20, seed=3)
    assert result["tries"] == 20
    assert 0 < result["failures"] == campaign.run(tried, 20, seed=3)["failures"] < 20
    assert campaign.run(tried, 20, seed=3, seconds=-1)["tries"] == 0
