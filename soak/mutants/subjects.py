"""What is mutated, and the tests that are to find it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Subject:
    """Modules with their tests.

    Attributes:
        name: What the command line calls them.
        title: What the table calls them.
        modules: Patterns of files, relative to the package.
        tests: Patterns of their tests, relative to the folder of tests.
        tries: How many mutants ``make soak`` draws.
        found: What was found on the way, for the table.
    """

    name: str
    title: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    tries: int = 200
    found: str = ""

    def files(self) -> list[str]:
        """The modules, relative to the repository's root, with slashes."""
        package = ROOT / "src" / "fractura"
        paths = {path for pattern in self.modules for path in package.glob(pattern)}
        return sorted(path.relative_to(ROOT).as_posix() for path in paths)

    def test_arguments(self) -> list[str]:
        """The tests as arguments of pytest, those of the examples in docstrings among them."""
        modules = [file for file in self.files() if ">>> " in (ROOT / file).read_text(encoding="utf-8")]
        names = [file.removeprefix("src/").removesuffix(".py").removesuffix("/__init__") for file in modules]
        examples = [f"tests/test_doctests.py::test_examples_run[{name.replace('/', '.')}]" for name in names]
        tests = {path for pattern in self.tests for path in (ROOT / "tests").glob(pattern)}
        return [*sorted(path.relative_to(ROOT).as_posix() for path in tests), *examples]


SUBJECTS = (
    Subject(
        "boxes",
        "the code of boxes, suppression and fusion",
        ("core/boxes.py", "models/nms.py", "inference/fusion.py"),
        ("core/test_boxes.py", "models/test_nms.py", "inference/test_fusion.py"),
        found="9 of the first 60 faults: boxes without area, overlaps of exactly the limit, views of several tiles; "
        "`tests/inference/test_fusion.py`, `tests/core/test_boxes.py`, `tests/models/test_nms.py`",
    ),
    Subject(
        "evaluation",
        "the code of metrics",
        ("evaluation/*.py", "evaluation/reader_study/*.py"),
        ("evaluation/test_*.py", "evaluation/reader_study/test_*.py"),
    ),
    Subject("report", "the code of reports", ("evaluation/report/*.py",), ("evaluation/report/test_*.py",)),
    Subject(
        "formats",
        "readers and writers of formats",
        ("formats/**/*.py",),
        ("formats/test_*.py",),
        found="8 of the first 60 faults: counts and places in remarks, limits, class names of folders of splits; "
        "90 of 420: refusals and the last values taken, `test_refusals.py`; "
        "`tests/formats/test_edge_values.py`, `test_remarks.py`, `test_limits.py`, `test_tools_in_detail.py`",
    ),
)
