"""How long `fractura check` takes, against a loop that only decodes the images (Pillow, one thread).

    python -m benchmarks.check_speed [--images FOLDER]

FOLDER holds ``images/`` and ``annotations/``; phantoms are used without it. `benchmarks.scale` checks the synthetic
records that are made here: they have all that a look at an image leaves behind (hashes, fingerprints, traits,
annotations), one in a hundred a copy.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.contest import in_turn, keep
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


def seconds_to_check(folder: Path) -> float:
    """Seconds of `check` on the images of ``folder``."""
    started = time.perf_counter()
    check_dataset(folder)
    return time.perf_counter() - started


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of images; phantoms without it")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = arguments.images or Path(name)
        if arguments.images is None:
            make_phantoms(folder, images=200)
        count = len(list((folder / "images").iterdir()))
        ours, peer = in_turn(lambda: seconds_to_check(folder), lambda: seconds_to_decode(folder), 5)
    what = f"`check` of {count} images, all checks"
    keep("check", what, ("fractura", ours), ("Pillow decoding them, one thread", peer))


if __name__ == "__main__":
    main()
