"""How long `fractura --help`, `import fractura` and the first detection take, and how much a base install weighs.

    python -m benchmarks.startup

Peers: Python alone; a script of ten lines that runs the same ONNX file with Pillow and ONNX Runtime; PyTorch on disk.
"""

from __future__ import annotations

import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.contest import in_turn, keep
from fractura.inference.built_in import built_in_model
from fractura.phantom import make_phantoms

ROUNDS = 7
_PLAIN = """
import sys
import numpy as np, onnxruntime
from PIL import Image
session = onnxruntime.InferenceSession(sys.argv[2])
pixels = np.asarray(Image.open(sys.argv[1]).convert("RGB"))
print(session.run(None, {session.get_inputs()[0].name: pixels}))
"""


def seconds(*words: str) -> float:
    """The time of one run of Python."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    return time.perf_counter() - started


def base_install() -> set[str]:
    """Names of what `pip install fractura` brings, without extras."""
    found: set[str] = set()

    def add(name: str) -> None:
        if canonicalize_name(name) in found:
            return
        found.add(canonicalize_name(name))
        for text in distribution(name).requires or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                add(needed.name)

    add("fractura")
    return found


def megabytes(name: str) -> float:
    """The size of an installed package's files."""
    files = distribution(name).files or []
    return sum(path.stat().st_size for each in files if (path := Path(str(each.locate()))).is_file()) / 1e6


def main() -> None:
    """Measure and keep."""
    ours, alone = in_turn(lambda: seconds("-m", "fractura", "--help"), lambda: seconds("-c", "pass"), ROUNDS)
    keep("startup-help", "`fractura --help`", ("fractura", ours), ("`python -c pass`", alone), at_most=0.3)
    ours, alone = in_turn(lambda: seconds("-c", "import fractura"), lambda: seconds("-c", "pass"), ROUNDS)
    keep("startup-import", "`import fractura`", ("fractura", ours), ("`python -c pass`", alone), at_most=0.1)
    with TemporaryDirectory() as place:
        image = str(next(iter(make_phantoms(Path(place), images=1, seed=1).records)).image)
        ours, plain = in_turn(
            lambda: seconds("-m", "fractura", "detect", image, "--output", f"{place}/out", "--overwrite"),
            lambda: seconds("-c", _PLAIN, image, str(built_in_model())),
            ROUNDS,
        )
    keep(
        "startup-first-image",
        "first image of a new process, two views",
        ("`fractura detect`", ours),
        ("ten lines with ONNX Runtime, one view", plain),
        at_most=2.0,
    )
    sizes = {name: megabytes(name) for name in base_install()}
    package = sum(path.stat().st_size for path in Path("src/fractura").rglob("*") if path.is_file()) / 1e6
    sizes["fractura"] = package
    heaviest = sorted(sizes, key=lambda name: -sizes[name])[:8]
    print("heaviest: " + ", ".join(f"{name} {sizes[name]:.0f} MB" for name in heaviest))
    try:
        peer = megabytes("torch")
    except PackageNotFoundError:
        return
    whole = sum(sizes.values())
    keep("install-size", "base install on disk", ("fractura", [whole]), ("PyTorch", [peer]), unit="MB", at_most=400)


if __name__ == "__main__":
    main()
