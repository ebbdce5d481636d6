"""Nothing that is installed is GPL, LGPL or AGPL unless the page says what and why."""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from supply.licences import NAMED, PAGE, copyleft_in, installed_packages, licence_of, page, unnamed_copyleft

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def packages():
    return installed_packages(PYPROJECT)


def installed(folder, fields, files=()):
    """A distribution as pip leaves it: metadata, and files with their text."""
    info = folder / "thing-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: thing\nVersion: 1.0\n{fields}\n", encoding="utf-8")
    for name, text in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    (info / "RECORD").write_text("".join(f"{name},,\n" for name, _ in files), encoding="utf-8")
    [distribution] = metadata.distributions(path=[str(folder)])
    return distribution


def test_no_copyleft_is_installed_that_the_page_does_not_explain(packages):
    assert len(packages) > 50
    assert unnamed_copyleft(packages) == []
    assert [each.name for each in packages if each.licence == "unknown"] == []


def test_what_ships_without_the_extra_heic_is_permissive(packages):
    """Wheels may hold libraries that the page names; the packages themselves are under nothing of the kind."""
    shipped = [each for each in packages if {"base", "train", "word", "tensorflow"} & set(each.extras)]
    assert [each.name for each in shipped if re.search(r"GPL|General Public", each.licence)] == []


def test_the_page_has_every_direct_dependency_and_every_reason(packages):
    written = PAGE.read_text(encoding="utf-8")
    project = tomllib.loads(PYPROJECT)["project"]
    lines = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    direct = [each for each in map(Requirement, lines) if each.marker is None or each.marker.evaluate()]
    rows = {canonicalize_name(name) for name in re.findall(r"^\| ([\w.-]+) \|", written, flags=re.MULTILINE)}
    if sys.platform == "linux":
        assert [each.name for each in direct if canonicalize_name(each.name) not in rows] == [], "run: make licences"
    assert [reason for name, reason in NAMED.items() if name in rows and reason not in written] == []
    assert page(packages).splitlines()[:12] == written.splitlines()[:12], "run: make licences"


@pytest.mark.parametrize(
    ("fields", "licence"),
    [
        ("License-Expression: MIT\nLicense: see LICENSE", "MIT"),
        ("License: BSD", "BSD"),
        ("License: UNKNOWN", "unknown"),
        ("License: GPL\nClassifier: License :: OSI Approved :: MIT License", "MIT License"),
    ],
)
def test_the_most_exact_field_is_believed(tmp_path, fields, licence):
    assert licence_of(installed(tmp_path, fields)) == licence


@pytest.mark.parametrize(
    ("fields", "files", "found"),
    [
        ("License-Expression: AGPL-3.0-only", [], True),
        ("License-Expression: MIT OR GPL-2.0-or-later", [], False),
        ("License-Expression: GPL-2.0-only OR LGPL-2.1-only", [], True),
        ("Classifier: License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", [], True),
        ("License-Expression: MIT", [("thing.libs/libx265-5f.so.199", "")], True),
        ("License-Expression: MIT", [("thing/libgomp.so.1", "")], True),
        ("License-Expression: MIT", [("thing/glib_helper.py", "")], False),
        ("License-Expression: MIT", [("thing/LICENSE", "   GNU GENERAL PUBLIC LICENSE\n   Version 3")], True),
        ("License-Expression: MIT", [("thing/NOTICE.txt", "Name: foo\nLicense: LGPL-2.1-or-later\n")], True),
        (
            "License-Expression: MIT",
            [("thing/NOTICE.txt", "Name: FreeType\nLicense: FTL OR GPL-2.0-or-later\n")],
            False,
        ),
        ("License-Expression: MIT", [("thing/LICENSE", "compatible with the GPL\n")], False),
    ],
)
def test_copyleft_is_found_where_it_hides(tmp_path, fields, files, found):
    assert bool(copyleft_in(installed(tmp_path, fields, files))) is found
