"""How many ``pipeline.config`` files of a folder are accepted as written, and why the others are not.

    python -m benchmarks.pipeline_configs FOLDER

Files of every meta-architecture are counted; the share is also given for the Faster R-CNNs of TensorFlow 2 alone, whose
extractors are named ``faster_rcnn_…_keras``. Nothing that a file names is opened.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from pathlib import Path

from fractura.core.errors import DataError, FracturaError
from fractura.formats.protobuf.text_format import read_text
from fractura.tensorflow_od.pipeline_edit import PipelineChanges, configure_pipeline

_FAMILY = re.compile(r"type\s*:\s*['\"]faster_rcnn_\w+_keras['\"]")
_VARYING = re.compile(r"'[^']*(?:/|\.pbtxt|\.record)[^']*'|\b\d[\d.e+-]*\b")


def reason_of(file: Path) -> str | None:
    """Why a file is refused, without its own numbers and paths; None if it is accepted."""
    try:
        configure_pipeline(file, PipelineChanges())
    except FracturaError as error:
        return _VARYING.sub("…", error.problem)
    return None


def is_of_the_family(file: Path) -> bool:
    """Whether it names an extractor of a Faster R-CNN of TensorFlow 2."""
    try:
        return _FAMILY.search(read_text(file)) is not None
    except DataError:
        return False


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    files = sorted(parser.parse_args().folder.rglob("*.config"))
    if not files:
        parser.error("there is no *.config in the folder")
    for title, chosen in (
        ("Faster R-CNN of TensorFlow 2", [file for file in files if is_of_the_family(file)]),
        ("all files", files),
    ):
        reasons = Counter(reason_of(file) for file in chosen)
        share = f" ({100 * reasons[None] / len(chosen):.0f} %)" if chosen else ""
        print(f"{title}: {reasons.pop(None, 0)} of {len(chosen)} accepted as written{share}")
        for reason, count in reasons.most_common():
            print(f"  {count:5}  {reason}")


if __name__ == "__main__":
    main()
