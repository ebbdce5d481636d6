"""What all tests share: where the reference material lies."""

import logging
import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared_path(relative: str) -> Path:
    """A path in the reference material beside the checkout; skips where it is absent, fails there under CI."""
    path = SHARED / relative
    if not path.exists():
        reason = f"needs the reference material: {path.name} is not beside the checkout"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


def pytest_runtest_logstart():
    """Keep pytest's log handlers off PyTorch's trace log: where it has one, each export writes down all it does.

    pytest gives its handlers to every logger that does not propagate; an export then takes half as long again.
    """
    trace = logging.getLogger("torch.__trace")
    trace.propagate = True
    trace.handlers.clear()


@pytest.fixture(name="shared_path")
def shared_path_fixture():
    return shared_path


@pytest.fixture(name="tensorflow", scope="session")
def tensorflow_fixture():
    """TensorFlow itself; skips where it is not installed, fails there under CI."""
    try:
        import tensorflow
    except ImportError:
        reason = "needs TensorFlow: pip install 'fractura[tensorflow]'"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return tensorflow
