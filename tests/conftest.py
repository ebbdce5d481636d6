"""What all tests share: where the reference material lies."""

import logging
import os
import shutil
from pathlib import Path

import pytest

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
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


@pytest.fixture(name="chromium", scope="session")
def chromium_fixture():
    """A real Chromium; skips where there is none, fails there under CI."""
    path = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        sync_playwright = None
    if path is None or sync_playwright is None:
        reason = "needs Chromium and playwright: pip install playwright, and Chromium from the system's packages"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=30_000)  # as long as Playwright waits for all else
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
