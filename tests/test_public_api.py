"""The names that `import fractura` promises."""

import subprocess
import sys

import pytest

import fractura


@pytest.mark.parametrize("name", [name for name in fractura.__all__ if not name.startswith("_")])
def test_each_name_is_there(name):
    assert getattr(fractura, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        fractura.trian  # noqa: B018


def test_importing_the_package_imports_no_heavy_library():
    code = "import sys, fractura; print([m for m in ('torch', 'numpy', 'onnxruntime', 'PIL') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
