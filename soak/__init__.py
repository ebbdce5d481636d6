"""Campaigns that try to break what fractura promises: ``make soak``, or ``python -m soak NAME``."""

import sys
from pathlib import Path

_TESTS = str(Path(__file__).parents[1] / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)  # the tiny models and images of the tests, ``support``
