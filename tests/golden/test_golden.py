"""What every command writes, and what the page's server answers, are what ``expected`` says.

``make golden`` writes the golden files anew: only after a change that is meant, and with a look at the difference.
"""

import json
import os

import pytest

from golden.commands import COMMANDS, EXPECTED, document
from golden.comparison import differences
from golden.workshop import Workshop

SHOWN = 40


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    proxy = os.environ.get("no_proxy")
    yield Workshop(tmp_path_factory.mktemp("golden"))
    os.environ.pop("no_proxy", None)
    if proxy is not None:
        os.environ["no_proxy"] = proxy


@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_command_writes_is_what_it_wrote(command, workshop):
    expected = json.loads((EXPECTED / f"{command}.json").read_text(encoding="utf-8"))
    found = json.loads(json.dumps(document(command, workshop)))
    lines = differences(expected, found)
    said = "\n".join(lines[:SHOWN])
    assert not lines, f"{len(lines)} differences from {command}.json, the first of them:\n{said}"
