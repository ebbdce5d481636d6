"""Time and peak memory for 1,000, 10,000 and 100,000 small images: linear, and memory flat?

    python -m benchmarks.scale [--images 1000 10000 100000]

Each command runs in a process of its own on synthetic images of 16 pixels (on records alone where images would only be
decoded). The peer is the same command with a tenth of the images: a ratio of 1 is linear.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contest import keep

_HEAD = (
    "import json, resource, sys, time\nfrom pathlib import Path\ncount, place = int(sys.argv[1]), Path(sys.argv[2])\n"
)
_TAIL = """
seconds = time.perf_counter() - started
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3]))
"""
_BOX = "<object><name>Fractura</name><bndbox><xmin>2</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
WORK = {
    "convert": """
from fractura.formats import read_voc
from fractura.formats.tfrecord import write_tfrecord
started = time.perf_counter()
write_tfrecord(read_voc(place), place / "out.tfrecord")
""",
    "detect": """
import numpy as np
from fractura.core.boxes import Boxes
from fractura.inference.detect import detect_images
from fractura.inference.settings import DetectionSettings
from fractura.core.model_card import ModelCard
class Quick:  # a model that takes no time: what is measured is all around it
    card, device = ModelCard(name="none", architecture={"name": "none"}, class_names=("Fractura",)), "cpu"
    def detect(self, image):
        return Boxes([[1, 1, 9, 9]], [0], [0.9])
started = time.perf_counter()
settings = DetectionSettings(threshold=0.5, views=("whole",))
assert sum(len(each.boxes) for each in detect_images(Quick(), [place / "images"], settings))
""",
    "check, without reading images": """
from benchmarks.check_speed import synthetic_snapshot
from fractura.quality import check_snapshot
from fractura.quality.registry import chosen_checks
snapshot = synthetic_snapshot(count)
started = time.perf_counter()
check_snapshot(snapshot, chosen_checks())
""",
    "split, without reading images": """
from benchmarks.split import artificial
from fractura.quality.splits import split_dataset
dataset, prints = artificial(count)
started = time.perf_counter()
split_dataset(dataset, fingerprints=prints)
""",
    "evaluate, 200 resamples": """
from benchmarks.evaluation_bootstrap import make_case
from fractura.evaluation import evaluate
data, predictions = make_case(count, 5, 0)
started = time.perf_counter()
evaluate(data, predictions, threshold=0.4, rounds=200, details=False)
""",
}


def make_images(folder: Path, count: int) -> None:
    """Small images, a third of them with a box."""
    import numpy as np
    from PIL import Image

    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    random = np.random.default_rng(0)
    for number in range(count):
        pixels = random.integers(0, 255, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number:06}.png", compress_level=1)
        (folder / "annotations" / f"{number:06}.xml").write_text(
            f"<annotation><filename>{number:06}.png</filename>"
            f"<size><width>16</width><height>16</height><depth>1</depth></size>"
            f"{'' if number % 3 else _BOX}</annotation>",
            encoding="utf-8",
        )


def main() -> None:
    """Every command at every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    sizes = parser.parse_args().images
    found: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in WORK}
    for count in sizes:
        with TemporaryDirectory() as place:
            folder = Path(place) / "data"
            make_images(folder, count)
            for name, script in WORK.items():
                done = subprocess.run(
                    [sys.executable, "-c", _HEAD + script + _TAIL, str(count), str(folder)],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
                found[name][count] = seconds, megabytes
                print(f"{name}: {count:,} images, {seconds:.2f} s, peak {megabytes:.0f} MB", flush=True)
    for name, values in found.items():
        command, comma, more = name.partition(",")
        for small, large in itertools.pairwise(sizes):
            for which, (unit, said) in enumerate((("ms an image", "time"), ("MB", "peak memory"))):
                first, second = values[small][which], values[large][which]
                if which == 0:
                    first, second = 1000 * first / small, 1000 * second / large
                keep(
                    f"scale-{command}-{large}-{said.split()[-1]}",
                    f"`{command}`{comma}{more}, {large:,} images: {said}",
                    (f"{large:,} images", [second]),
                    (f"{small:,} images", [first]),
                    unit=unit,
                )


if __name__ == "__main__":
    main()
