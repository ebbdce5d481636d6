"""The oldest version that pyproject.toml promises of every direct dependency, as constraints for pip.

python -m supply.oldest                without exception
python -m supply.oldest --keep torch   but torch as constraints.txt pins it

`make test-oldest` keeps torch, whose older releases bring gigabytes of CUDA.
"""

import argparse
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]


def declared(pyproject: str) -> list[Requirement]:
    """Every direct dependency, those of the extras and of the build included, that this system and Python need."""
    document = tomllib.loads(pyproject)
    project = document["project"]
    lines = [*project["dependencies"], *document["build-system"]["requires"]]
    lines += [line for extra in project["optional-dependencies"].values() for line in extra]
    requirements = map(Requirement, lines)
    return [each for each in requirements if each.marker is None or each.marker.evaluate()]


def oldest_versions(requirements: Iterable[Requirement]) -> dict[str, Version]:
    """The lower bound of each name; the higher one where two places give one.

    Raises:
        ValueError: A requirement has no lower bound.

    Examples:
        >>> oldest_versions([Requirement("numpy>=1.26"), Requirement("numpy<2.4"), Requirement("Numpy>=2.0")])
        {'numpy': <Version('2.0')>}
    """
    bounds: dict[str, list[Version]] = {}
    for requirement in requirements:
        found = bounds.setdefault(canonicalize_name(requirement.name), [])
        found += [Version(each.version) for each in requirement.specifier if each.operator in (">=", "==")]
    unbounded = sorted(name for name, versions in bounds.items() if not versions)
    if unbounded:
        raise ValueError(f"no lower bound in pyproject.toml: {', '.join(unbounded)}")
    return {name: max(versions) for name, versions in sorted(bounds.items())}


def constraints(pyproject: str, pins: str, keep: Collection[str] = ()) -> list[str]:
    """Lines for ``pip install -c``: the oldest versions, but those to keep as the lines of ``pins`` have them."""
    lines = {name: f"{name}=={version}" for name, version in oldest_versions(declared(pyproject)).items()}
    pinned = {canonicalize_name(line.split("==")[0]): line for line in pins.splitlines() if "==" in line}
    return list((lines | {name: pinned[name] for name in keep}).values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m supply.oldest", description=__doc__.splitlines()[0])
    parser.add_argument("--keep", action="append", default=[], metavar="NAME", help="as constraints.txt pins it")
    files = [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "constraints.txt")]
    print("\n".join(constraints(*files, keep=parser.parse_args().keep)))
