"""Processor time of `fractura evaluate` beside detection: python -m benchmarks.evaluation [--images FOLDER]

Metrics with 1,000 resamples, tables and the report, against the detection on the same images in the same number of
views.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contest import in_turn, keep
from fractura.phantom import make_phantoms

_DETECTION = """
import sys
from fractura import load_model, read_dataset
from fractura.inference.detect import detect_dataset
assert list(detect_dataset(load_model("built-in", many=True), read_dataset(sys.argv[1])))
"""


def processor_seconds(*words: str) -> float:
    """Of a process of Python, all threads together."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of labelled images; 225 phantoms without it")
    arguments = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = arguments.images or Path(place) / "phantoms"
        if arguments.images is None:
            make_phantoms(folder, images=225, seed=1)
        words = ("-m", "fractura", "evaluate", "built-in", str(folder), "--output", f"{place}/out", "--overwrite")
        whole, detection = in_turn(
            lambda: processor_seconds(*words), lambda: processor_seconds("-c", _DETECTION, str(folder)), 3
        )
    beside = [one - other for one, other in zip(whole, detection, strict=True)]
    keep(
        "evaluate-beside-detection",
        "`fractura evaluate` of 225 images with its report: processor time beside detection",
        ("metrics, tables, report", beside),
        ("detection", detection),
        at_most=15,
    )


if __name__ == "__main__":
    main()
