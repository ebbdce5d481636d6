"""What `make test-oldest` installs is what pyproject.toml promises."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement

from supply.oldest import constraints, declared, oldest_versions

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = """
[build-system]
requires = ["hatchling>=1.27"]
[project]
dependencies = ["numpy>=1.26", "torch>=2.9"]
[project.optional-dependencies]
one = ["numpy>=2.0,<2.4", "six==1.17.0"]
two = ["numpy<3", "pywin32>=300; python_version < '3'"]
"""


def test_the_higher_of_two_bounds_counts_and_other_systems_do_not():
    assert constraints(PYPROJECT, "") == ["hatchling==1.27", "numpy==2.0", "six==1.17.0", "torch==2.9"]


def test_what_is_kept_is_as_the_pins_have_it():
    assert constraints(PYPROJECT, "# tested\ntorch==2.13.0\nsix==1.0\n", keep=["torch"])[-2:] == [
        "six==1.17.0",
        "torch==2.13.0",
    ]


def test_a_dependency_without_a_lower_bound_is_refused():
    with pytest.raises(ValueError, match=r"no lower bound.*: six, trio"):
        oldest_versions([Requirement("trio"), Requirement("six<2"), Requirement("numpy>=2")])


def test_every_direct_dependency_has_a_lower_bound():
    requirements = declared((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert len(oldest_versions(requirements)) > 50
