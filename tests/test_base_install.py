"""What `pip install fractura` alone gives: its own dependencies, no PyTorch, and a model that finds fractures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fractura.core.errors import ModelError
from fractura.inference.built_in import FILE, built_in_model
from fractura.phantom import make_phantoms

ROOT = Path(__file__).resolve().parents[1]
OFFLINE = """
import socket, sys
def refuse(*_): raise OSError("this test is offline")
socket.socket.connect = socket.getaddrinfo = refuse
from fractura.cli.main import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules
sys.exit(code)
"""


def run(*command, **settings):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True, **settings)


@pytest.mark.slow
def test_a_fresh_install_without_torch_detects_offline(tmp_path):
    try:
        built_in_model()
    except ModelError as error:
        pytest.skip(str(error))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("fractura-*.whl")
    # The pip of this environment installs into the fresh one; Python compiles what is imported and no more.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "fresh")
    python = tmp_path / "fresh" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    words = ("install", "--quiet", "--prefer-binary", "--no-compile", wheel)
    run(sys.executable, "-m", "pip", "--python", python, *words)
    # -I: neither this checkout nor anything else of this environment can be found.
    absent = subprocess.run([python, "-I", "-c", "import torch"], capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError" in absent.stderr
    make_phantoms(tmp_path / "images", images=2, seed=4)
    image = sorted((tmp_path / "images").rglob("*.jpg"))[0]
    done = run(python, "-I", "-c", OFFLINE, "detect", image, "--json", "--explain", cwd=tmp_path)
    document = json.loads(done.stdout)
    assert document["images"][0]["image"] == str(image)
    assert 0 <= document["images"][0]["image_score"] <= 1
    assert "not a medical device" in done.stderr
    assert (tmp_path / "fractura-results" / document["images"][0]["picture"]).is_file()
    installed = run(
        python, "-I", "-c", "from fractura.inference.built_in import built_in_model; print(built_in_model())"
    )
    assert Path(installed.stdout.strip()).name == FILE
    assert (tmp_path / "fresh") in Path(installed.stdout.strip()).parents
