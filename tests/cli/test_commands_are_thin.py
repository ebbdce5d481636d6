"""Every command has a public function, and its module only parses, calls that function and prints."""

import ast
import inspect
from pathlib import Path

import pytest

import fractura
from fractura.cli import commands
from fractura.cli.registry import COMMANDS

FOLDER = Path(commands.__file__).parent
STANDARD_LIBRARY = {"__future__", "collections", "itertools", "pathlib", "typing"}
OURS = ("fractura.cli", "fractura.core.errors")
LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.Try)
PRINTING = ("_write", "_say", "_rows", "_calibration")


def faults(source: str, name: str, function: str) -> list[str]:
    """What the module of a command does beyond parsing, calling its public function and printing."""
    tree = ast.parse(source)
    found = [fault for node in ast.walk(tree) for fault in import_faults(node)]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    public = [node for node in functions if not node.name.startswith("_")]
    if [node.name for node in public] != [name]:
        return [*found, f"its public functions are {[node.name for node in public]}, not {name} alone"]
    found += [
        f"line {node.lineno}: {node.name} is not named as a function that prints"
        for node in functions
        if node.name.startswith("_") and not node.name.startswith(PRINTING)
    ]
    found += [f"line {node.lineno}: a class" for node in tree.body if isinstance(node, ast.ClassDef)]
    [command] = public
    found += [f"line {node.lineno}: {type(node).__name__}" for node in ast.walk(command) if isinstance(node, LOOPS)]
    calls = [
        node.func.id for node in ast.walk(command) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    of_the_api = [each for each in calls if each in fractura.__all__ and each[0].islower()]
    if of_the_api != [function]:
        found.append(f"it calls {of_the_api} of the public API, not {function} once")
    return found


def import_faults(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [f"line {node.lineno}: import {each.name}" for each in node.names if each.name != "typer"]
    if not isinstance(node, ast.ImportFrom) or node.module is None:
        return []
    if node.module == "fractura":
        private = [each.name for each in node.names if each.name not in fractura.__all__]
        return [f"line {node.lineno}: {name} is not public" for name in private]
    if node.module.partition(".")[0] in STANDARD_LIBRARY or node.module.startswith(OURS):
        return []
    return [f"line {node.lineno}: from {node.module}"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_only_parses_calls_and_prints(command):
    name = command.name.replace("-", "_")
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert faults(source, name, command.function) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_has_a_documented_public_function(command):
    assert command.function in fractura.__all__
    function = getattr(fractura, command.function)
    assert inspect.isfunction(function)
    signature = inspect.signature(function)
    assert signature.return_annotation is not inspect.Signature.empty
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert f"{parameter.name}:" in function.__doc__, f"{parameter.name} is not documented"


def test_no_module_stands_outside_the_table():
    names = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert names == {command.name.replace("-", "_") for command in COMMANDS}


GOOD = """
from fractura.cli import output as out
def check(data):
    from fractura import check_folder
    result = check_folder(data)
    _write(result)
def _write(result):
    for each in result.findings:
        out.write_line(each)
"""


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "", None),
        ("from fractura import check_folder", "from fractura.quality import check_dataset", "from fractura.quality"),
        ("from fractura.cli", "import numpy\nfrom fractura.cli", "import numpy"),
        ("from fractura.cli", "import os\nfrom fractura.cli", "import os"),
        ("from fractura import check_folder", "from fractura import check_folder, quality", "quality is not public"),
        ("    _write(result)\n", "    for each in result: _write(each)\n", "For"),
        ("    _write(result)\n", "    _write([each for each in result])\n", "ListComp"),
        ("    _write(result)\n", "    _write(check_folder(data))\n", "not check_folder once"),
        ("check_folder(data)\n", "out.check(data)\n", "not check_folder once"),
        ("def _write", "def _measure", "_measure is not named"),
        ("def _write", "def write", "public functions are"),
        ("def _write", "class Result: ...\ndef _write", "a class"),
    ],
)
def test_the_rule_sees_what_is_wrong(before, after, said):
    found = faults(GOOD.replace(before, after), "check", "check_folder")
    assert any(said in fault for fault in found) if said else found == []
