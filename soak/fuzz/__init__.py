"""Every reader of files is fed damaged ones: see ``harness`` for how, ``readers`` for the list."""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).parents[2] / "tests")
if _TESTS not in sys.path:  # pytest has it there: the makers of small files in tests/support are for both
    sys.path.insert(0, _TESTS)
