"""The hashes that `make demo` checks: complete, of what pyproject.toml asks for, and from no particular place."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "requirements-train.lock").read_text(encoding="utf-8")
SYSTEMS = [
    {
        "python_version": python,
        "python_full_version": f"{python}.4",
        "sys_platform": system,
        "platform_machine": machine,
    }
    for python in ("3.11", "3.12", "3.13")
    for system, machine in (("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64"), ("win32", "AMD64"))
]


def locked():
    """Each entry as a requirement, with its hashes."""
    entries = re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE).replace(" \\\n", " ").splitlines()
    return [(Requirement(line.split(" --hash=")[0]), line.split(" --hash=")[1:]) for line in entries]


def test_every_entry_is_one_version_with_hashes_and_none_says_from_where():
    entries = locked()
    assert len(entries) > 60
    for requirement, hashes in entries:
        assert [each.operator for each in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each.strip()) for each in hashes), requirement
    assert not re.search(r"https?:|file:|--(?:index|extra-index|find-links)|^-", TEXT, flags=re.MULTILINE)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: "-".join(list(system.values())[::2]))
def test_it_names_one_version_that_pyproject_allows_on_every_system(system):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = {}
    for requirement, _ in locked():
        if requirement.marker is None or requirement.marker.evaluate(system):
            name = canonicalize_name(requirement.name)
            assert name not in versions, name
            [versions[name]] = [each.version for each in requirement.specifier]
    for asked in map(Requirement, [*project["dependencies"], *project["optional-dependencies"]["train"]]):
        if asked.name == "torch":  # see supply/without_torch.txt
            assert "torch" not in versions
        else:
            assert asked.specifier.contains(versions[canonicalize_name(asked.name)]), f"{asked}: run make lock"
