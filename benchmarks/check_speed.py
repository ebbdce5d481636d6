"""How long `fractura check` takes: on images, and how its time grows with the number of records.

    python -m benchmarks.check_speed [--images FOLDER] [--records 100000]

FOLDER holds ``images/`` and ``annotations/``; phantoms are used without it. The peer is a loop that only decodes the
images (Pillow, one thread). Synthetic records have all that a look at an image leaves behind (hashes, fingerprints,
traits, annotations), one in a hundred a copy; all checks run on them, the search for near-identical images included.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from fractura.formats.voc import VocAnnotation, VocObject
from fractura.phantom import make_phantoms
from fractura.quality import check_dataset, check_snapshot
from fractura.quality.checked_image import CheckedImage
from fractura.quality.perceptual_hash import Fingerprint
from fractura.quality.registry import chosen_checks
from fractura.quality.snapshot import AnnotationFile, Snapshot
from fractura.quality.traits import Traits


def synthetic_snapshot(count: int, seed: int = 0) -> Snapshot:
    """``count`` images that nobody took."""
    random = np.random.default_rng(seed)
    images, annotations = [], []
    bits, mirrored = (random.integers(0, 256, (count, 32), dtype=np.uint8) for _ in range(2))
    thumbnails = random.integers(0, 256, (count, 1024), dtype=np.uint8)
    for place in range(count):
        origin = place - 1 if place % 100 == 99 else place
        path = Path(f"/synthetic/images/{place:07}.jpg")
        radiograph = CheckedImage(
            path=path,
            size=(373, 454),
            bytes_hash=f"bytes {place}",
            pixels_hash=f"pixels {origin}",
            source="jpeg, grey, 8 bits",
            fingerprint=Fingerprint(*(each[origin].tobytes() for each in (bits, mirrored, thumbnails)), 0.8),
            traits=Traits(90, 200, 2, int(place % 3), float(random.normal(50, 5)), 0, 0.1),
        )  # fmt: skip
        objects = (VocObject("Fractura", 50, 60, 90, 120),) if place % 4 == 0 else ()
        annotation = VocAnnotation(path.name, 373, 454, 1, objects)
        images.append(radiograph)
        annotations.append(
            AnnotationFile(
                Path(f"/synthetic/annotations/{place:07}.xml"), annotation, (1,) * len(objects), (), radiograph
            )
        )
    return Snapshot(Path("/synthetic"), Path("/synthetic"), tuple(images), tuple(annotations))


def seconds_for(count: int) -> float:
    """Seconds of processor time that all checks take on so many records."""
    snapshot = synthetic_snapshot(count)
    started = time.process_time()
    report = check_snapshot(snapshot, chosen_checks())
    taken = time.process_time() - started
    copies = sum(finding.check == "duplicates.identical" for finding in report.findings)
    contradictions = sum(finding.check == "duplicates.contradictory" for finding in report.findings)
    assert copies + contradictions == count // 100, "a copy was missed"
    return taken


def seconds_to_decode(folder: Path) -> float:
    """Seconds that Pillow takes to decode the images, one after the other."""
    started = time.perf_counter()
    for radiograph in sorted((folder / "images").iterdir()):
        with Image.open(radiograph) as image:
            image.convert("RGB").load()
    return time.perf_counter() - started


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of images; phantoms without it")
    parser.add_argument("--records", type=int, default=100_000, help="largest number of synthetic records")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = arguments.images or Path(name)
        if arguments.images is None:
            make_phantoms(folder, images=200)
        decoding = seconds_to_decode(folder)
        started, processor = time.perf_counter(), time.process_time()
        report = check_dataset(folder)
        taken, processor = time.perf_counter() - started, time.process_time() - processor
    print(
        f"check: {report.images} images in {taken:.1f} s ({processor:.1f} s of processor time) on {os.cpu_count()} "
        f"cores"
    )
    print(f"decoding alone, one thread: {decoding:.1f} s; ratio {taken / decoding:.2f}")
    previous: tuple[int, float] | None = None
    for count in (arguments.records // 8, arguments.records // 4, arguments.records // 2, arguments.records):
        taken = seconds_for(count)
        growth = (
            ""
            if previous is None
            else f"; {taken / previous[1]:.2f} x the time for {count / previous[0]:.0f} x as many"
        )
        print(f"{count} records: {taken:.1f} s{growth}", flush=True)
        previous = count, taken


if __name__ == "__main__":
    main()
