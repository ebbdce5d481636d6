"""The names that `import fractura` promises."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import fractura
from fractura.core import errors

NAMES = [name for name in fractura.__all__ if not name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_documented(name):
    assert getattr(fractura, name).__doc__


@pytest.mark.parametrize("name", NAMES)
def test_no_name_is_that_of_a_package(name):
    """Importing the package would put the module in the place of the name."""
    assert name not in {module.name for module in pkgutil.iter_modules(fractura.__path__)}


def test_the_list_is_sorted_and_agrees_with_where_things_are():
    assert sorted(fractura.__all__) == fractura.__all__ == dir(fractura)
    assert set(fractura._HOMES) == set(NAMES)


def test_every_error_is_public():
    family = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert {name for name in family if issubclass(getattr(errors, name), errors.FracturaError)} <= set(NAMES)


def test_type_checkers_see_the_same_names():
    """What stands under TYPE_CHECKING is what ``__getattr__`` gives."""
    tree = ast.parse(Path(fractura.__file__).read_text(encoding="utf-8"))
    [guarded] = [each for each in tree.body if isinstance(each, ast.If)]
    seen = {
        name.name: str(each.module).removeprefix("fractura.")
        for each in guarded.body
        if isinstance(each, ast.ImportFrom)
        for name in each.names
    }
    assert seen == fractura._HOMES


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        fractura.trian  # noqa: B018


def test_importing_the_package_imports_no_heavy_library():
    code = "import sys, fractura; print([m for m in ('torch', 'numpy', 'onnxruntime', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_names_that_need_no_pytorch_import_none():
    needing = {"ExportResult", "Imported", "TrainResult", "TrainSettings", "train"}
    code = (
        "import sys; sys.modules['torch'] = None; import fractura\n"
        f"for name in fractura.__all__:\n    name in {needing!r} or getattr(fractura, name)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_modules_of_the_public_names_exist():
    for module in set(fractura._HOMES.values()):
        importlib.import_module(f"fractura.{module}")
