"""Mutation testing itself: which faults it makes, that they are faults, and that what is explained is still there."""

import ast
import tempfile
from pathlib import Path

import pytest

from soak.mutants.explained import explanations, stale
from soak.mutants.laboratory import ROOT, Laboratory
from soak.mutants.mutations import mutants, mutated_code
from soak.mutants.subjects import SUBJECTS


def made_of(text, tmp_path):
    (tmp_path / "module.py").write_text(text, encoding="utf-8")
    return mutants(tmp_path, "module.py")


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a < b", ["a <= b"]),
        ("a < b == c", ["a <= b == c", "a < b != c"]),
        ("a not in b", ["a in b"]),
        ("a is None", ["a is not None"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("-a", ["a"]),
        ("a // b", ["a / b"]),
        ("a += b", ["a -= b"]),
        ("a + 'text'", []),
        ("x = 0", ["1"]),
        ("x = 7", ["8", "6"]),
        ("x = 0.25", ["0.5"]),
        ("x = 0.0", ["1.0"]),
        ("x = True", ["False"]),
        ("a[b:c]", [":c", "b:"]),
        ("max(a, b)", ["pass", "min(a, b)"]),
        ("x = a.startswith(b)", ["a.endswith(b)"]),
        ("x = a.strip()", ["a"]),
        ("x = sorted(a)", ["a"]),
        ("raise a", ["pass"]),
        ("x = b if a else c", ["not a"]),
        ("x = [a for a in b if c]", ["not c"]),
        ("while a:\n    break", ["not a", "continue"]),
        ("def f(a: int = 1) -> 2:\n    return a", ["2", "0", "return None"]),
        ("def f():\n    return None", []),
        ("if TYPE_CHECKING:\n    x = 1", []),
        ("__all__ = [1]", []),
        ("'a docstring'", []),
    ],
)
def test_faults(text, faults, tmp_path):
    assert [mutant.after for mutant in made_of(text, tmp_path)] == faults


def test_what_runs_at_import_is_told_from_what_runs_later(tmp_path):
    text = "limit = 1\nclass A:\n    size = 2\n    def f(self, a=3):\n        return 4 + a\nlater = lambda: 5\n"
    at_import = {mutant.before: mutant.at_import for mutant in made_of(text, tmp_path)}
    assert at_import == {"1": True, "2": True, "3": True, "4": False, "4 + a": False, "return 4 + a": False, "5": False}


def test_each_mutant_is_another_program_with_its_lines_in_place(tmp_path):
    text = "def area(a, b):\n    # Inside out is nothing.\n    return max(a - 1, 0) * max(b, 0)\n"
    found = made_of(text, tmp_path)
    results = []
    for mutant in found:
        room = {}
        exec(mutated_code(tmp_path, mutant), room)
        assert room["area"].__code__.co_firstlineno == 1
        assert mutant.lines == (3, 3)
        results.append(room["area"](5, 3))
    assert len(results) == len(found) == 9
    assert sorted(results, key=str) == sorted([None, 4 / 3, 0, 18, 9, 15, 12, 0, 12], key=str)
    with pytest.raises(ValueError, match="no mutant 9"):
        mutated_code(tmp_path, found[-1].__class__(**{**vars(found[-1]), "number": 9}))


def test_every_explanation_is_of_a_mutant_that_is_there():
    files = sorted({entry["file"] for entry in explanations()})
    assert not stale(mutant for file in files for mutant in mutants(ROOT, file))
    mutated = {file for subject in SUBJECTS for file in subject.files()}
    assert mutated.issuperset(files)
    for entry in explanations():
        assert entry.keys() == {"file", "text", "before", "after", "why"}
        assert len(entry["why"].split()) > 3
        ast.parse(entry["after"] if not entry["after"].count(":") else f"a[{entry['after']}]")


def test_every_subject_has_modules_and_tests():
    for subject in SUBJECTS:
        assert subject.files()
        for argument in subject.test_arguments():
            assert (ROOT / argument.partition("::")[0]).exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the servers of mutants are for Linux")
def test_a_fault_that_a_test_can_see_is_found_and_others_survive():
    file = "src/fractura/core/boxes.py"
    every = mutants(ROOT, file)
    with tempfile.TemporaryDirectory() as folder:
        laboratory = Laboratory(Path(folder), [file], ["tests/core/test_boxes.py::test_scale_is_by_axis"])
        try:
            verdicts = [laboratory.try_out(mutant) for mutant in every if "factors" in mutant.text]
            unreached = laboratory.try_out(next(mutant for mutant in every if "clip" in mutant.text))
        finally:
            laboratory.close()
    assert laboratory.failed == []
    assert len(verdicts) == 2
    assert {verdict.killed_by for verdict in verdicts} == {"tests/core/test_boxes.py::test_scale_is_by_axis"}
    assert (unreached.killed_by, unreached.tests) == (None, 0)
