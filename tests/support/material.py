"""What tests compare with: reference data, pydicom's examples, and real radiographs where there are any."""

import os
from pathlib import Path
from typing import NoReturn

import pytest

REFERENCE = Path(__file__).resolve().parents[1] / "reference"

DATA_VARIABLE = "FRACTURA_TEST_DATA"
"""Folder with `fracatlas/` and `awkward/`; ``none`` says that there is none, and tests then skip under CI too."""
BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_images(relative: str) -> Path:
    """A path among the real radiographs, which may not be redistributed; skips where it is absent."""
    folder = os.environ.get(DATA_VARIABLE, "")
    path = Path(folder or BESIDE_THE_CHECKOUT) / relative
    if not path.exists() or folder == "none":
        reason = f"needs real radiographs ({relative}): set {DATA_VARIABLE} to their folder, see CONTRIBUTING.md"
        absent(reason, allowed=folder == "none")
    return path


def reported_case(relative: str) -> Path:
    """One of the small files and folders of labels as people have them, from bug reports; skips where absent."""
    path = BESIDE_THE_CHECKOUT.parent / "cases" / "data" / relative
    if not path.exists():
        told = os.environ.get(DATA_VARIABLE) == "none"
        absent(f"needs the cases of bug reports ({relative}) beside the checkout", allowed=told)
    return path


def dicom_example(name: str) -> Path:
    """One of the DICOM files that pydicom brings, or its package pydicom-data; skips where it is absent."""
    from pydicom.data import get_testdata_file

    found = get_testdata_file(name, download=False)
    if found is None:
        absent(f"needs {name}: pip install pydicom-data")
    return Path(str(found))


def absent(reason: str, *, allowed: bool = False) -> NoReturn:
    """Skip the test; fail it where the variable CI is set, as nothing may be missing there unless it is allowed."""
    if os.environ.get("CI") and not allowed:
        pytest.fail(reason)
    pytest.skip(reason)
