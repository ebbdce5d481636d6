"""Fixtures of all tests: material to compare with, TensorFlow, Chromium."""

import logging
import os
import shutil
from pathlib import Path

import pytest
from support.material import absent, dicom_example, real_images
from support.plots import rough_plots

os.environ["FRACTURA_LANGUAGE"] = "en"  # whatever the locale: tests read what the terminal says
os.environ["FRACTURA_DEVICE_UID"] = "2.25.20260131"  # none is stored in the home of whoever runs the tests
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


def pytest_runtest_logstart():
    """Keep pytest's log handlers off PyTorch's trace log: where it has one, each export writes down all it does.

    pytest gives its handlers to every logger that does not propagate; an export then takes half as long again.
    """
    trace = logging.getLogger("torch.__trace")
    trace.propagate = True
    trace.handlers.clear()


def pytest_collection_modifyitems(items):
    """Coverage is measured by the quick tests that do not repeat themselves: it would slow the others by a half."""
    for item in items:
        repeats = getattr(item.obj, "is_hypothesis_test", False)
        if repeats or item.get_closest_marker("slow"):
            item.add_marker("no_cover")


@pytest.fixture(name="real_images")
def real_images_fixture():
    return real_images


@pytest.fixture(name="dicom_example")
def dicom_example_fixture():
    return dicom_example


@pytest.fixture(name="rough_plots")
def rough_plots_fixture():
    """For tests that write a report and read no plot of it."""
    with rough_plots():
        yield


@pytest.fixture(name="tensorflow", scope="session")
def tensorflow_fixture():
    """TensorFlow itself; skips where it is not installed, fails there under CI."""
    try:
        import tensorflow
    except ImportError:
        absent("needs TensorFlow: pip install 'fractura[tensorflow]'")
    return tensorflow


@pytest.fixture(name="chromium", scope="session")
def chromium_fixture():
    """A real Chromium; skips where there is none, fails there under CI."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        absent("needs playwright: pip install playwright")
    path = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    expect.set_options(timeout=30_000)  # as long as Playwright waits for all else
    with sync_playwright() as playwright:
        if path is None and Path(playwright.chromium.executable_path).is_file():
            path = playwright.chromium.executable_path
        if path is None:
            absent("needs Chromium: from the system's packages, or python -m playwright install chromium")
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()
