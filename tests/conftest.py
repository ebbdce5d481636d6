"""What all tests share: where the reference material lies."""

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
